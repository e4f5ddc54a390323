"""Which parameters move, when, and how fast: freezing, gradual unfreezing, layer-wise rates, re-initialised top, rollback."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from bertology.record.errors import BadRequest
from bertology.train.classifier import layer_of
from bertology.train.techniques.technique import Technique, Tuning, check_layers, distinct_layers, freeze


@dataclass(frozen=True)
class FreezeBottom(Technique):
    """Embeddings and the lowest `layers` do not move (Wu & Dredze 2019); all of them is feature extraction (Peters et al. 2019).

    A pooler counts as part of the head and moves.
    """

    cites: ClassVar = ("wu-dredze-2019", "peters-2019b")
    layers: int | None = None
    """None freezes the whole encoder, 0 the embeddings alone."""

    def prepare(self, tuning: Tuning) -> None:
        most = tuning.encoder.n_layers if self.layers is None else self.layers
        if self.layers:
            check_layers(tuning, self, self.layers)
            if self.layers < tuning.encoder.n_layers:
                distinct_layers(tuning, self)
        freeze(tuning, lambda depth: depth <= most)


@dataclass(frozen=True)
class GradualUnfreezing(Technique):
    """From the top, `layers_per_epoch` more layers an epoch (Howard & Ruder 2018); epoch 0 trains the head alone.

    None spreads the layers, so that all move in the last epoch.
    """

    cites: ClassVar = ("howard-2018",)
    layers_per_epoch: int | None = 1

    def prepare(self, tuning: Tuning) -> None:
        distinct_layers(tuning, self)

    def epoch(self, tuning: Tuning, number: int, of: int) -> None:
        trained = tuning.memory.setdefault(
            "trained", {name for name, p in tuning.model.named_parameters() if p.requires_grad}
        )
        lowest = self.lowest(tuning.encoder.n_layers, number, of)
        for name, p in tuning.model.named_parameters():
            p.requires_grad_(name in trained and layer_of(name, tuning.encoder) >= lowest)

    def lowest(self, n_layers: int, number: int, of: int) -> int:
        """The lowest depth that moves in an epoch: from L + 1, the head, down to 0, the embeddings."""
        if self.layers_per_epoch is None:
            return round((n_layers + 1) * (1 - number / (of - 1))) if of > 1 else 0
        return n_layers + 1 - number * self.layers_per_epoch


@dataclass(frozen=True)
class LayerwiseDecay(Technique):
    """The rate of layer l is rate x decay^(L + 1 - l) (Howard & Ruder 2018; Sun et al. 2019): lower layers move less."""

    cites: ClassVar = ("howard-2018", "sun-2019-finetune")
    decay: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.decay <= 1:
            raise BadRequest(f"a layer-wise decay of {self.decay:g}.", "Give a factor above 0, at most 1.")

    def prepare(self, tuning: Tuning) -> None:
        distinct_layers(tuning, self)

    def rate(self, tuning: Tuning, layer: int) -> float:
        return self.decay ** (tuning.encoder.n_layers + 1 - layer)


@dataclass(frozen=True)
class ReinitialiseTop(Technique):
    """The top `layers`, and the pooler where there is one, start from fresh weights (Zhang et al. 2021)."""

    cites: ClassVar = ("zhang-2021",)
    layers: int = 1

    def prepare(self, tuning: Tuning) -> None:
        check_layers(tuning, self, self.layers)
        model: Any = tuning.model
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(tuning.seed + 1)
            pooler = [m for n, m in model.base_model.named_children() if n == "pooler" and m is not None]
            for module in (*distinct_layers(tuning, self)[-self.layers :], *pooler):
                for part in module.modules():
                    model._init_weights(part)


@dataclass(frozen=True)
class Rollback(Technique):
    """After training, the lowest `layers` get their pre-trained weights back (Hao et al. 2019): a diagnostic, no remedy."""

    cites: ClassVar = ("hao-2019",)
    layers: int = 1

    def prepare(self, tuning: Tuning) -> None:
        check_layers(tuning, self, self.layers)
        distinct_layers(tuning, self)

    def alter(self, tuning: Tuning) -> None:
        with torch.no_grad():
            for name, p in tuning.model.named_parameters():
                before = tuning.before(name)
                if before is not None and 1 <= layer_of(name, tuning.encoder) <= self.layers:
                    p.copy_(before)
