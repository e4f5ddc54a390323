"""Staying near the pre-trained weights: mixout and L2-SP."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from bertology.train.classifier import Labelled, layer_of
from bertology.train.techniques.technique import Technique, Tuning


@dataclass(frozen=True)
class Mixout(Technique):
    """In training each weight is its pre-trained value with probability p, rescaled so that its mean stays (Lee et al. 2020).

    Acts on the weight matrices of the encoder's linear layers: (mask * w0 + (1 - mask) * w - p * w0) / (1 - p).
    """

    cites: ClassVar = ("lee-2020",)
    p: float = 0.9

    def prepare(self, tuning: Tuning) -> None:
        for name, module in tuning.model.named_modules():
            if isinstance(module, nn.Linear) and layer_of(f"{name}.weight", tuning.encoder) <= tuning.encoder.n_layers:
                parametrize.register_parametrization(module, "weight", _Mix(module.weight.detach().clone(), self.p))

    def finish(self, tuning: Tuning) -> None:
        tuning.model.eval()
        for module in tuning.model.modules():
            if parametrize.is_parametrized(module, "weight") and isinstance(module, nn.Linear):
                parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)


class _Mix(nn.Module):
    def __init__(self, start: Tensor, p: float) -> None:
        super().__init__()
        self.register_buffer("start", start, persistent=False)
        self.p = p

    def forward(self, weight: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return weight
        start: Any = self.start
        mixed = torch.where(torch.rand_like(weight) < self.p, start, weight)
        return (mixed - self.p * start) / (1 - self.p)


@dataclass(frozen=True)
class L2SP(Technique):
    """Adds strength / 2 x the squared distance of the encoder's weights from their pre-trained values (Li et al. 2018)."""

    cites: ClassVar = ("li-2018",)
    strength: float = 0.01

    def loss(self, tuning: Tuning, batch: Labelled, logits: Tensor, loss: Tensor) -> Tensor:
        far = [
            (p - tuning.initial[name]).square().sum()
            for name, p in tuning.model.named_parameters()
            if p.requires_grad and name in tuning.initial and layer_of(name, tuning.encoder) <= tuning.encoder.n_layers
        ]
        return loss + 0.5 * self.strength * torch.stack(far).sum() if far else loss
