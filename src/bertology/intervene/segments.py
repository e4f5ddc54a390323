"""Segment ids taken away: both sentences of a pair are read as the first (for the question of Mickus et al. 2020)."""

from dataclasses import dataclass, replace

import torch

from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.intervene.compose import Step
from bertology.record.errors import NotApplicable


@dataclass(frozen=True)
class OneSegment(Step):
    """Every token gets segment id 0; tokens, their order and their positions stay."""

    @property
    def key(self) -> str:
        return "one segment"

    def change(self, batch: Batch, encoder: Encoder) -> Batch:
        if "segments" not in encoder.has:
            raise NotApplicable(f"{encoder.name} has no segment ids")
        lines = tuple(replace(line, types=line.types * 0) for line in batch.lines)
        return replace(batch, lines=lines, types=torch.zeros_like(batch.types))
