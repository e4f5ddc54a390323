"""Staying near the pre-trained weights: mixout and L2-SP."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from bertology.record.errors import BadRequest
from bertology.train.classifier import Labelled, layer_of
from bertology.train.techniques.technique import Technique, Tuning, merge, trunk_linears


@dataclass(frozen=True)
class Mixout(Technique):
    """In training each weight is its pre-trained value with probability p, rescaled so that its mean stays (Lee et al. 2020).

    Acts on the weight matrices of the layers: (mask * w0 + (1 - mask) * w - p * w0) / (1 - p). After training they are plain.
    """

    cites: ClassVar = ("lee-2019",)
    p: float = 0.9

    def __post_init__(self) -> None:
        if not 0 <= self.p < 1:
            raise BadRequest(f"mixout of p = {self.p:g}.", "Give a probability from 0 to below 1.")

    def prepare(self, tuning: Tuning) -> None:
        for module in list(trunk_linears(tuning)):
            parametrize.register_parametrization(module, "weight", _Mix(module.weight.detach().clone(), self.p))

    def finish(self, tuning: Tuning) -> None:
        merge(tuning.model)


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
    """Adds strength / 2 x the squared distance of the encoder's weights from their pre-trained values (Li et al. 2018).

    Use it with a recipe of decay 0: weight decay pulls to zero.
    """

    cites: ClassVar = ("li-2018",)
    strength: float = 0.01

    def loss(self, tuning: Tuning, batch: Labelled, logits: Tensor, loss: Tensor) -> Tensor:
        far = [
            (p - before).square().sum()
            for name, p in tuning.model.named_parameters()
            if p.requires_grad
            and layer_of(name, tuning.encoder) <= tuning.encoder.n_layers
            and (before := tuning.before(name)) is not None
        ]
        return loss + 0.5 * self.strength * torch.stack(far).sum() if far else loss
