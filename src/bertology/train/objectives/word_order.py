"""Word order (StructBERT: Wang et al. 2019): shuffled runs of unmasked subwords are put back in order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from bertology.train.batch import TrainingBatch
from bertology.train.draft import IGNORED, Draft, Source
from bertology.train.objectives.mlm import MLM, label_loss
from bertology.train.objectives.objective import Objective
from bertology.train.reading import Reading


@dataclass(frozen=True)
class WordOrder(Objective):
    """MLM, and of the runs of `span` unmasked subwords, `rate` x n / span are shuffled; each position predicts what stood there.

    Comes after nothing else that writes labels. `rate` is the share of subwords that stand in a shuffled run (.05).
    """

    cites: ClassVar = ("wang-2019a",)
    mlm: MLM = field(default_factory=MLM)
    span: int = 3
    rate: float = 0.05

    def corrupt(self, draft: Draft, source: Source, rng: np.random.Generator) -> None:
        self.mlm.corrupt(draft, source, rng)
        wished = round(self.rate * len(draft.maskable) / self.span)
        starts = rng.permutation(max(0, len(draft) - self.span + 1))
        moved = np.zeros(len(draft), dtype=bool)
        for first in starts:
            run = slice(first, first + self.span)
            if wished <= 0:
                break
            if (draft.labels[run] == IGNORED).all() and (draft.words[run] >= 0).all() and not moved[run].any():
                draft.ids[run] = draft.ids[run][rng.permutation(self.span)]
                draft.labels[run], moved[run] = draft.clean[run], True
                wished -= 1

    def weights(self) -> Mapping[str, float]:
        return {"mlm": 1.0}

    def counts(self, batch: TrainingBatch) -> Mapping[str, int]:
        return {"mlm": int(torch.count_nonzero(batch.labels != IGNORED))}

    def losses(self, reading: Reading, head: nn.Module | None) -> Mapping[str, Tensor]:
        return {"mlm": label_loss(reading)}
