"""One vector for a word type: the mean over its contexts, and one context alone (Bommasani et al. 2020; Akbik et al.
2019)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, hidden
from bertology.encoder.watch import Observation
from bertology.observe.seeded import draws
from bertology.observe.statistic import Arrays, Scratch, Statistic, add_rows
from bertology.observe.words import word_vectors


class TypeTable(NamedTuple):
    """`mean` and `single` (layer, type, width), layer 0 the embeddings, zero for types that do not occur; `contexts`
    (type,), how often each occurs."""

    mean: NDArray[np.float64]
    single: NDArray[np.float32]
    contexts: NDArray[np.int64]


@dataclass(frozen=True)
class TypeVectors(Statistic):
    """For each of `types` (lower-cased forms): the mean of its word vectors over all contexts, and that of one
    context.

    The one is the occurrence with the smallest seeded draw, whatever the batches. State: 12 bytes × layers × types ×
    width.
    """

    types: tuple[str, ...]
    seed: int = 0

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((hidden(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        shape = (encoder.n_layers + 1, len(self.types), encoder.width)
        return {
            "sum": np.zeros(shape), "single": np.zeros(shape, np.float32),
            "draw": np.full(len(self.types), np.inf), "count": np.zeros(len(self.types), np.int64),
        }  # fmt: skip

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        number = {name: i for i, name in enumerate(self.types)}
        found = [
            (row, word, number[form.lower()])
            for row, sentence in enumerate(batch.sentences)
            for word, form in enumerate(sentence.words)
            if form.lower() in number
        ]
        if not found:
            return
        row, word, kind = (np.array(column) for column in zip(*found, strict=True))
        drawn = draws(self.seed, batch.indices[row], word)
        first = np.lexsort((drawn, kind))
        first = first[np.r_[True, np.diff(kind[first]) > 0]]  # the smallest draw of each type
        first = first[drawn[first] < state["draw"][kind[first]]]
        state["draw"][kind[first]] = drawn[first]
        at = (torch.from_numpy(row).to(batch.ids.device), torch.from_numpy(word).to(batch.ids.device))
        for layer in range(encoder.n_layers + 1):
            vectors = word_vectors(batch, seen, layer)[at].float().cpu().numpy()
            add_rows(state["sum"][layer], kind, vectors)
            state["single"][layer, kind[first]] = vectors[first]
        np.add.at(state["count"], kind, 1)

    def merge(self, a: Arrays, b: Arrays) -> Arrays:
        nearer = np.where(a["draw"] <= b["draw"], 0, 1)
        single = np.where(nearer[None, :, None] == 0, a["single"], b["single"])
        return {
            "sum": a["sum"] + b["sum"], "single": single,
            "draw": np.minimum(a["draw"], b["draw"]), "count": a["count"] + b["count"],
        }  # fmt: skip

    def finish(self, state: Arrays) -> TypeTable:
        mean = state["sum"] / np.maximum(state["count"], 1)[None, :, None]
        return TypeTable(mean, state["single"], state["count"])
