"""The span boundary objective (SpanBERT: Joshi et al. 2020): masked spans are predicted from the tokens around them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from bertology.train.batch import TrainingBatch
from bertology.train.draft import IGNORED, Draft, Source
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.mlm import label_loss
from bertology.train.objectives.objective import Objective
from bertology.train.objectives.units import Spans
from bertology.train.reading import Reading


@dataclass(frozen=True)
class SpanBoundary(Objective):
    """MLM over spans plus SBO: x_i from h(s-1), h(e+1) and the place i-s+1, through two layers of linear, GELU, LayerNorm.

    The last matrix is the input embedding, as in the model's own head.
    """

    cites: ClassVar = ("joshi-2020",)
    masking: Masking = field(default_factory=lambda: Masking(units=Spans(), per_unit=True))
    longest: int = 64
    """Places beyond it share one embedding."""
    weight: float = 1.0

    def corrupt(self, draft: Draft, source: Source, rng: np.random.Generator) -> None:
        self.masking.hide(draft, self.masking.choose(draft, source, rng), source, rng)

    def head(self, model: nn.Module) -> nn.Module:
        return _BoundaryHead(model, self.longest)

    def weights(self) -> Mapping[str, float]:
        return {"mlm": 1.0, "sbo": self.weight}

    def counts(self, batch: TrainingBatch) -> Mapping[str, int]:
        n = int((batch.labels != IGNORED).sum())
        return {"mlm": n, "sbo": n}

    def losses(self, reading: Reading, head: nn.Module | None) -> Mapping[str, Tensor]:
        assert head is not None
        row, column = torch.nonzero(reading.batch.labels != IGNORED, as_tuple=True)
        left, right = (edge[row, column] for edge in boundaries(reading.batch.labels))
        around = torch.cat([reading.states[row, left], reading.states[row, right]], dim=-1)
        guess = head(around, column - left - 1)
        embedding = reading.model.get_input_embeddings().weight  # type: ignore[operator,union-attr]
        logits = linear(guess, embedding)  # type: ignore[arg-type]
        sbo = cross_entropy(logits.float(), reading.batch.labels[row, column], reduction="sum")
        return {"mlm": label_loss(reading), "sbo": sbo}


def boundaries(labels: Tensor) -> tuple[Tensor, Tensor]:
    """For each position the last one before it and the first one behind it that is not masked.

    An example begins with [CLS] and ends with [SEP], which are never masked, so masked positions always have both.
    """
    places = torch.arange(labels.shape[1], device=labels.device).expand_as(labels)
    masked = labels != IGNORED
    left = places.masked_fill(masked, -1).cummax(1).values
    right = places.masked_fill(masked, labels.shape[1]).flip(1).cummin(1).values.flip(1)
    return left, right


class _BoundaryHead(nn.Module):
    def __init__(self, model: nn.Module, longest: int) -> None:
        super().__init__()
        width = int(model.config.hidden_size)  # type: ignore[union-attr,arg-type]
        out = int(model.get_input_embeddings().weight.shape[1])  # type: ignore[operator,union-attr]
        self.longest = longest
        self.places = nn.Embedding(longest, width)
        nn.init.normal_(self.places.weight, std=0.02)
        self.layers = nn.Sequential(
            nn.Linear(3 * width, width),
            nn.GELU(),
            nn.LayerNorm(width),
            nn.Linear(width, out),
            nn.GELU(),
            nn.LayerNorm(out),
        )

    def forward(self, around: Tensor, place: Tensor) -> Tensor:
        return self.layers(torch.cat([around, self.places(place.clamp(max=self.longest - 1))], dim=-1))
