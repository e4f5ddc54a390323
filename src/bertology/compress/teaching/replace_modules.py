"""BERT-of-Theseus: a short model takes over from a long one, module by module, while both compute (Xu et al. 2020)."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bertology.compress.teaching.layer_maps import uniform
from bertology.encoder.cut import only
from bertology.encoder.encoder import Encoder
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadRequest
from bertology.train.techniques.technique import Technique, Tuning, first


@dataclass(frozen=True)
class Theseus(Technique):
    """Give it the *short* encoder (`successor`) and a tuned long model: each of its layers stands for as many of the long model's.

    In a step a layer is the short one's with probability p, else the long model's frozen layers it stands for; p rises from `base` to
    1 over `until` of the steps (linear curriculum). Then the short model is tuned alone.
    """

    cites: ClassVar = ("xu-2020",)
    predecessor: Any = None
    """The tuned long model."""
    base: float = 0.3
    until: float = 0.6

    def prepare(self, tuning: Tuning) -> None:
        family = tuning.encoder.family
        short = layer_modules(tuning.model.base_model, family)  # type: ignore[arg-type]
        long = layer_modules(self.predecessor.base_model, family)
        if len(long) % len(short) or len(long) == len(short):
            raise BadRequest(
                f"{len(short)} layers cannot take over from {len(long)}.", "Give a depth that divides the long model's."
            )
        for p in self.predecessor.parameters():
            p.requires_grad_(False)
        self.predecessor.eval()
        each = len(long) // len(short)
        tuning.memory["theseus"] = {"p": self.base, "layers": short}
        for k, layer in enumerate(short):
            layer.forward = _either(layer, long[k * each : (k + 1) * each], tuning.memory["theseus"])  # type: ignore[method-assign]

    def after_step(self, tuning: Tuning, progress: float) -> None:
        tuning.memory["theseus"]["p"] = min(1.0, self.base + (1 - self.base) * progress / self.until)

    def finish(self, tuning: Tuning) -> None:
        for layer in tuning.memory["theseus"]["layers"]:
            del layer.forward


def _either(layer: nn.Module, stands_for: list[nn.Module], state: dict[str, Any]) -> Any:
    """The layer itself, or the frozen layers that it stands for, drawn anew for each step in training; itself in evaluation."""
    own = layer.forward

    def forward(states: Tensor, *args: Any, **kwargs: Any) -> Any:
        if not layer.training or float(torch.rand(())) < state["p"]:
            return own(states, *args, **kwargs)
        output: Any = states
        for module in stands_for:
            output = module(first(output), *args, **kwargs)
        return output

    return forward


def successor(predecessor: Encoder, layers: int) -> Encoder:
    """The short encoder to start from: the predecessor's layers, evenly chosen (as it was before it was tuned, or after)."""
    return only(predecessor, {t for _, t in uniform(layers, predecessor.n_layers)})
