"""The trees that a structural probe reads (Hewitt & Manning 2019), sentence by sentence: to be compared and drawn."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.vectors import WordTable, WordVectors
from bertology.probe.readings import StructuralCurve, parsed
from bertology.probe.structural import DistanceProbe
from bertology.probe.trees import spanning_trees
from bertology.record.result import Row
from bertology.stats.tally import in_split


class ReadTrees(NamedTuple):
    """Of the sentences of test blocks: `sentence` is the place in the corpus; words of the k-th are starts[k] to starts[k + 1].

    `joined` (word,): the word of the sentence to which the spanning tree joins each, -1 for the first and for punctuation.
    """

    sentence: NDArray[np.int64]
    starts: NDArray[np.int64]
    joined: NDArray[np.int64]

    def edges(self, k: int) -> frozenset[tuple[int, int]]:
        """Pairs of words (lower, higher), 0-based."""
        joined = self.joined[self.starts[k] : self.starts[k + 1]].tolist()
        return frozenset((min(i, j), max(i, j)) for i, j in enumerate(joined) if j >= 0)


def arc_rows(number: int, words: Sequence[str], trees: Mapping[str, Iterable[tuple[int, int]]]) -> list[Row]:
    """The rows by which a report draws one or two trees of a sentence as arcs; a tree is pairs of words, 0-based."""
    rows = [Row(f"arcs {number}: words", float(place), label=word) for place, word in enumerate(words)]
    return rows + [
        Row(f"arcs {number}: {name}", float(min(arc)), n=max(arc))
        for name, arcs in trees.items()
        for arc in sorted(arcs)
    ]


@dataclass(frozen=True)
class StructuralTrees(Derived):
    """The spanning trees of the distance probe of one layer, learnt as `StructuralCurve` (with `like`'s options) learns it."""

    layer: int
    like: StructuralCurve = field(default_factory=StructuralCurve)

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": WordVectors(self.like.limit, self.like.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, *, table: WordTable, **answers: Any) -> Arrays:
        vectors, offsets, sentence, heads, punctuation = parsed(table, encoded)
        vectors = vectors[self.layer : self.layer + 1]
        blocks = encoded.corpus.blocks[sentence]
        some = lambda rows, most: np.sort(np.random.default_rng(self.like.seed).permutation(rows)[:most])
        train, dev, test = (np.flatnonzero(in_split(blocks, part)) for part in ("train", "dev", "test"))
        probe = DistanceProbe(rank=self.like.rank, epochs=self.like.epochs, seed=self.like.seed)
        probe.fit(vectors, offsets, heads, sentences=some(train, self.like.sentences), dev=some(dev, 200))
        joined = []
        for s in test.tolist():
            words = slice(int(offsets[s]), int(offsets[s + 1]))
            joined.append(spanning_trees(probe.distances(vectors[:, words]), ~punctuation[None, words])[0])
        return {
            "sentence": sentence[test].astype(np.int64), "starts": np.r_[0, np.cumsum([len(j) for j in joined])].astype(np.int64),
            "joined": np.concatenate([*joined, np.zeros(0, np.int64)]).astype(np.int64),
        }  # fmt: skip

    def finish(self, state: Arrays) -> ReadTrees:
        return ReadTrees(state["sentence"], state["starts"], state["joined"])
