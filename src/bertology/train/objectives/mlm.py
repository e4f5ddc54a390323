"""Masked language modelling (Devlin et al. 2019): predict chosen subwords from both sides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bertology.encoder.head import mlm_logits
from bertology.train.batch import TrainingBatch
from bertology.train.draft import IGNORED, Draft, Source
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.objective import Objective
from bertology.train.reading import Reading


@dataclass(frozen=True)
class LabelObjective(Objective):
    """Base: the loss is cross-entropy of the model's own head wherever the draft has a label."""

    def weights(self) -> Mapping[str, float]:
        return {"mlm": 1.0}

    def counts(self, batch: TrainingBatch) -> Mapping[str, int]:
        return {"mlm": int((batch.labels != IGNORED).sum())}

    def losses(self, reading: Reading, head: nn.Module | None) -> Mapping[str, Tensor]:
        return {"mlm": label_loss(reading)}


@dataclass(frozen=True)
class MLM(LabelObjective):
    """Cross-entropy at the masked positions; only they reach the vocabulary."""

    cites: ClassVar = ("devlin-2019",)
    masking: Masking = field(default_factory=Masking)
    weight: float = 1.0

    def corrupt(self, draft: Draft, source: Source, rng: np.random.Generator) -> None:
        self.masking.hide(draft, self.masking.choose(draft, source, rng), source, rng)

    def weights(self) -> Mapping[str, float]:
        return {"mlm": self.weight}


@dataclass(frozen=True)
class TranslationLM(MLM):
    """Masked words of a sentence are read off its translation too (TLM: Lample & Conneau 2019).

    Both sentences stand in one example, each counting its positions from its own start; the segment is the language. The
    text is that of files with two columns (corpus/text.py), the layout `Pieces`.
    """

    cites: ClassVar = ("lample-2019",)
    pieces: ClassVar = 2

    def corrupt(self, draft: Draft, source: Source, rng: np.random.Generator) -> None:
        draft.positions = np.where(
            draft.segments == 1, draft.positions - int((draft.segments == 0).sum()), draft.positions
        )
        super().corrupt(draft, source, rng)


def label_loss(reading: Reading) -> Tensor:
    """Summed cross-entropy of the model's own head wherever the batch has a label."""
    where = reading.batch.labels != IGNORED
    logits = mlm_logits(reading.model, reading.states[where])
    return cross_entropy(logits.float(), reading.batch.labels[where], reduction="sum")
