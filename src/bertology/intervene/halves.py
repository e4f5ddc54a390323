"""Half of the vocabulary for training sentences, the other half for all others: a probe cannot go by the subwords it has seen."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.intervene.compose import Step
from bertology.observe.seeded import draws
from bertology.stats.tally import in_split


@dataclass(frozen=True)
class HalfVocabulary(Step):
    """Subwords of one half, drawn by (seed, subword), count as padding in sentences of training blocks, those of the other half elsewhere.

    Nothing attends to them and poolings leave them out, so that a training sentence and a dev or test sentence have no subword in common
    but special tokens. Unknown subwords are hidden everywhere. Positions stay as they are.
    """

    seed: int = 0

    @property
    def key(self) -> str:
        return f"half of the vocabulary seed {self.seed}"

    def change(self, batch: Batch, encoder: Encoder) -> Batch:
        mask = batch.mask.clone()
        for row, (line, training) in enumerate(zip(batch.lines, in_split(batch.blocks, "train"), strict=True)):
            hidden = (draws(self.seed, 0, line.ids) < 0.5) == training
            hidden = (hidden | (line.ids == encoder.tokenizer.unk_token_id)) & ~line.special
            mask[row, torch.from_numpy(np.flatnonzero(hidden))] = False
        return replace(batch, mask=mask)


__all__ = ["HalfVocabulary"]
