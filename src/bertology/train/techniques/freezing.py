"""Which parameters move, when, and how fast: freezing, gradual unfreezing, layer-wise rates, re-initialised top, rollback."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from bertology.train.classifier import layer_of
from bertology.train.techniques.technique import Technique, Tuning, layers_of


@dataclass(frozen=True)
class FreezeBottom(Technique):
    """Embeddings and the lowest `layers` do not move (Wu & Dredze 2019); all of them is feature extraction (Peters et al. 2019)."""

    cites: ClassVar = ("wu-2019-mbert", "peters-2019")
    layers: int | None = None
    """None freezes the whole encoder."""

    def prepare(self, tuning: Tuning) -> None:
        most = tuning.encoder.n_layers if self.layers is None else self.layers
        set_trainable(tuning, lambda depth: depth > most)


@dataclass(frozen=True)
class GradualUnfreezing(Technique):
    """From the top, one more layer an epoch (Howard & Ruder 2018); epoch 0 trains the head alone."""

    cites: ClassVar = ("howard-2018",)
    layers_per_epoch: int = 1

    def epoch(self, tuning: Tuning, number: int, of: int) -> None:
        lowest = tuning.encoder.n_layers + 1 - number * self.layers_per_epoch
        set_trainable(tuning, lambda depth: depth >= lowest)


@dataclass(frozen=True)
class LayerwiseDecay(Technique):
    """The rate of layer l is rate x decay^(L + 1 - l) (Howard & Ruder 2018; Sun et al. 2019): lower layers move less."""

    cites: ClassVar = ("howard-2018", "sun-2019-finetune")
    decay: float = 0.95

    def rate(self, tuning: Tuning, layer: int) -> float:
        return self.decay ** (tuning.encoder.n_layers + 1 - layer)


@dataclass(frozen=True)
class ReinitialiseTop(Technique):
    """The top `layers`, and the pooler where there is one, start from fresh weights (Zhang et al. 2021)."""

    cites: ClassVar = ("zhang-2021",)
    layers: int = 1

    def prepare(self, tuning: Tuning) -> None:
        model: Any = tuning.model
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(tuning.seed + 1)
            pooler = [m for n, m in model.base_model.named_children() if n == "pooler" and m is not None]
            for module in (*layers_of(tuning)[-self.layers :], *pooler):
                for part in module.modules():
                    model._init_weights(part)


@dataclass(frozen=True)
class Rollback(Technique):
    """After training, the lowest `layers` get their pre-trained weights back (Hao et al. 2019): a diagnostic, no remedy."""

    cites: ClassVar = ("hao-2019",)
    layers: int = 1

    def finish(self, tuning: Tuning) -> None:
        with torch.no_grad():
            for name, p in tuning.model.named_parameters():
                if 1 <= layer_of(name, tuning.encoder) <= self.layers:
                    p.copy_(tuning.initial[name])


def set_trainable(tuning: Tuning, moves: Any) -> None:
    """Whether parameters move, by depth (0 embeddings, 1 to L layers, L + 1 the head)."""
    for name, p in tuning.model.named_parameters():
        p.requires_grad_(bool(moves(layer_of(name, tuning.encoder))))
