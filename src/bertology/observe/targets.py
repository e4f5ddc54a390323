"""Vectors of the words that carry an annotation, and of their contexts without them."""

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
from bertology.observe.statistic import Arrays, Scratch, Statistic
from bertology.observe.vectors import FLOAT16_MAX
from bertology.observe.words import word_vectors


class TargetTable(NamedTuple):
    """`vectors` (layer, row, width) float16 of the targets, layer 0 the embeddings; `context` (1, row, width), the mean of
    the layer-0 vectors of the sentence's other words; `sentence` and `word` (row,) say whose they are."""

    vectors: NDArray[np.float16]
    context: NDArray[np.float16]
    sentence: NDArray[np.int32]
    word: NDArray[np.int32]


@dataclass(frozen=True)
class TargetVectors(Statistic):
    """Word vectors of all layers for the words whose annotation `layer` is not empty, up to `limit` in a seeded choice."""

    layer: str = "sense"
    limit: int = 6000
    seed: int = 0

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((hidden(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        marked = [
            (line.index, word)
            for line in encoded.lines
            for word, value in enumerate(encoded.corpus[line.index].layers.get(self.layer, ()))
            if value
        ]
        order = np.random.default_rng(self.seed).permutation(len(marked))[: self.limit]
        chosen = np.array(sorted(marked[i] for i in order), dtype=np.int32).reshape(-1, 2)
        shape = (len(chosen), encoder.width)
        return {
            "vectors": scratch("vectors", (encoder.n_layers + 1, *shape), "float16"),
            "context": np.zeros(shape, np.float16),
            "sentence": chosen[:, 0].copy(),
            "word": chosen[:, 1].copy(),
        }

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        places, rows, words = [], [], []
        for row, index in enumerate(batch.indices.tolist()):
            low, high = np.searchsorted(state["sentence"], [index, index + 1])
            places += range(low, high)
            rows += [row] * int(high - low)
            words += state["word"][low:high].tolist()
        if not places:
            return
        for layer in range(encoder.n_layers + 1):
            state["vectors"][layer, places] = _half(word_vectors(batch, seen, layer)[rows, words])
        static = word_vectors(batch, seen, 0)[rows].float()
        others = torch.from_numpy(batch.n_words[rows] - 1).to(static.device).clamp(min=1)[:, None]
        alone = static.sum(1) - static[torch.arange(len(rows)), words]
        state["context"][places] = _half(alone / others)

    def merge(self, a: Arrays, b: Arrays) -> Arrays:
        """Shards of one corpus fill disjoint rows; the unfilled ones are zero."""
        return {**a, "vectors": a["vectors"] + b["vectors"], "context": a["context"] + b["context"]}

    def finish(self, state: Arrays) -> TargetTable:
        return TargetTable(state["vectors"], state["context"][None], state["sentence"], state["word"])


def _half(rows: torch.Tensor) -> NDArray[np.float16]:
    return rows.float().clamp(-FLOAT16_MAX, FLOAT16_MAX).half().cpu().numpy()
