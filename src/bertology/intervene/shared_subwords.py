"""Sentences without the subwords that they share with their translations (as Pires et al. 2019 ask what shared words do)."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from bertology.corpus.parallel import languages_of, pairs_of
from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.intervene.compose import Step
from bertology.observe.seeded import draws


@dataclass(frozen=True)
class HideShared(Step):
    """Subwords that stand in the sentence and in its translation count as padding: nothing attends to them, poolings leave them out.

    Translations are those to and from English (or the first language of a parallel corpus), so that of an English sentence what
    any translation shares is hidden, and no side of a pair keeps a subword of the other. With `others`, as many of the subwords that
    are not shared are hidden instead, drawn by (seed, sentence, place). Positions stay as they are, special tokens too.
    """

    others: bool = False
    seed: int = 0
    _places: dict[str, dict[int, NDArray[np.int64]]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def key(self) -> str:
        return f"hide {f'as many others as are shared seed {self.seed}' if self.others else 'shared subwords'}"

    def change(self, batch: Batch, encoder: Encoder) -> Batch:
        which = f"{encoder.fingerprint} {batch.corpus.fingerprint}"
        if which not in self._places:
            self._places[which] = self._hidden(encoder.encode(batch.corpus))
        mask = batch.mask.clone()
        for row, line in enumerate(batch.lines):
            mask[row, torch.from_numpy(self._places[which][line.index])] = False
        return replace(batch, mask=mask)

    def _hidden(self, encoded: Encoded) -> dict[int, NDArray[np.int64]]:
        """Places to hide in each encoded sentence."""
        found: dict[int, NDArray[np.int64]] = {}
        for line, shared in zip(encoded.lines, shared_subwords(encoded), strict=True):
            places = np.flatnonzero(shared)
            if self.others:
                rest = np.flatnonzero(~line.special & ~shared)
                drawn = np.argsort(draws(self.seed, line.index, rest), kind="stable")
                places = np.sort(rest[drawn[: len(places)]])
            found[line.index] = places
        return found


def shared_subwords(encoded: Encoded) -> list[NDArray[np.bool_]]:
    """For each encoded sentence of a parallel corpus, (token,): which subwords its translation has, too (see `HideShared`)."""
    corpus = encoded.corpus
    lines = {line.index: line for line in encoded.lines}
    shared = {index: np.zeros(len(line.ids), dtype=bool) for index, line in lines.items()}
    pivot, *others = languages_of(corpus)
    for code in others:
        for pair in pairs_of(corpus, pivot, code).tolist():
            if all(index in lines for index in pair):
                for one, other in (pair, pair[::-1]):
                    shared[one] |= np.isin(lines[one].ids, lines[other].ids) & ~lines[one].special
    return [shared[line.index] for line in encoded.lines]


__all__ = ["HideShared", "shared_subwords"]
