"""Word order (StructBERT: Wang et al. 2019): shuffled runs of unmasked subwords are put back in order."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from bertology.train.draft import IGNORED, Draft, Source
from bertology.train.objectives.mlm import MLM, LabelObjective


@dataclass(frozen=True)
class WordOrder(LabelObjective):
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
