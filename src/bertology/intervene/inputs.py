"""Changes of what the encoder reads: masked words (Devlin et al. 2019) and shuffled word order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from bertology.encoder.align import Line
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.intervene.compose import Step
from bertology.observe.seeded import draws
from bertology.record.errors import BadRequest, NotApplicable


@dataclass(frozen=True)
class MaskWords(Step):
    """Every subword of the words drawn becomes the mask token: each word with probability `rate`, at least one.

    The draw is a function of (seed, sentence, word). Targets are where `batch.ids` differs from the lines' own ids
    (`masked`). Unlike pre-training, no word is kept or replaced by a random one. The one-word minimum gives every
    sentence a target, so sentences shorter than 1/rate words are masked more densely.
    """

    rate: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise BadRequest(f"mask rate {self.rate} is out of range.", "Give a share of words in (0, 1].")

    @property
    def key(self) -> str:
        return f"mask words rate {self.rate} seed {self.seed}"

    def change(self, batch: Batch, encoder: Encoder) -> Batch:
        if "mask" not in encoder.has:
            raise NotApplicable(f"the tokenizer of {encoder.name} has no mask token")
        ids = batch.ids.clone()
        for row, line in enumerate(batch.lines):
            drawn = draws(self.seed, line.index, np.arange(len(line.pieces)))
            words = np.flatnonzero((drawn < self.rate) | (drawn == drawn.min()))
            ids[row, [token for word in words for token in line.pieces[word]]] = encoder.tokenizer.mask_token_id
        return replace(batch, ids=ids)


def masked(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Where `MaskWords` hid a subword, (batch, token), and the ids before, (batch, token), 0 on padding."""
    before = np.zeros(batch.ids.shape, dtype=np.int64)
    for row, line in enumerate(batch.lines):
        before[row, : len(line.ids)] = line.ids
    original = torch.from_numpy(before).to(batch.ids.device)
    return (batch.ids != original) & batch.mask, original


@dataclass(frozen=True)
class Shuffle(Step):
    """Word order permuted within each sentence, within each segment of a pair; special tokens stay.

    Words keep their number and annotation: `line.pieces` says where each now stands. Words that share a subword move
    together. The permutation is a function of (seed, sentence), and a one-word sentence stays as it is.
    """

    seed: int = 0

    @property
    def key(self) -> str:
        return f"shuffle words seed {self.seed}"

    def change(self, batch: Batch, encoder: Encoder) -> Batch:
        lines = tuple(
            self._shuffled(line, batch.sentences[row].layers.get("segment")) for row, line in enumerate(batch.lines)
        )
        ids = batch.ids.clone()
        for row, (before, after) in enumerate(zip(batch.lines, lines, strict=True)):
            # the batch's own ids move, not the line's: an earlier step may have masked some
            ids[row, torch.from_numpy(after.place)] = batch.ids[row, : len(before.ids)]
        return replace(batch, ids=ids, lines=tuple(after.line for after in lines))

    def _shuffled(self, line: Line, segments: Sequence[int] | None) -> "_Moved":
        place = np.arange(len(line.ids))
        groups = _groups(line)
        segment_of = [0 if segments is None else segments[words[0]] for words, _ in groups]
        drawn = draws(self.seed, line.index, [words[0] for words, _ in groups])
        for segment in set(segment_of):
            members = [g for g, s in enumerate(segment_of) if s == segment]
            slots = sorted(token for g in members for token in groups[g][1])
            moved = [token for g in sorted(members, key=lambda g: drawn[g]) for token in groups[g][1]]
            place[moved] = slots
        ids = line.ids.copy()
        ids[place] = line.ids
        pieces = tuple(tuple(sorted(int(place[token]) for token in word)) for word in line.pieces)
        return _Moved(replace(line, ids=ids, pieces=pieces), place)


@dataclass(frozen=True)
class _Moved:
    """A shuffled line, and the new position of each subword."""

    line: Line
    place: np.ndarray


def _groups(line: Line) -> list[tuple[list[int], list[int]]]:
    """Words that share subwords, and those subwords in order."""
    groups: list[tuple[list[int], set[int]]] = []
    for word, pieces in enumerate(line.pieces):
        touching = [g for g in groups if g[1] & set(pieces)]
        together = ([w for g in touching for w in g[0]] + [word], set(pieces).union(*(g[1] for g in touching)))
        groups = [g for g in groups if g not in touching] + [together]
    return [(sorted(words), sorted(tokens)) for words, tokens in groups]
