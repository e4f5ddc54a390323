"""Which word was read here? The identity of the input recovered from its vector in each layer (after Voita et al.
2019a)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.similarity import repeated
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.vectors import WordTable, WordVectors
from bertology.probe.neighbours import Neighbours
from bertology.stats.tally import Tally, in_split


class Identity(NamedTuple):
    """`correct`: Tally (block, layer) over words of dev and test blocks; `types`: how many word types there were to
    choose from."""

    correct: Tally
    types: int


@dataclass(frozen=True)
class IdentityNeighbours(Derived):
    """Whether the most similar vector (cosine) among the training blocks belongs to the same word form, in every
    layer.

    Forms that stand in at least `fewest` sentences, at most `most` occurrences of each, so that frequent words weigh
    no more than others; nothing is masked.
    """

    fewest: int = 5
    most: int = 12
    limit: int = 20000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"words": WordVectors(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        words: WordTable = answers["words"]
        rows = repeated(words, encoded, fewest=self.fewest, most=self.most, seed=self.seed)
        blocks = words.blocks(encoded.corpus)
        n, layers = encoded.corpus.n_blocks, len(words.vectors)
        state = {"correct": np.zeros((n, layers)), "count": np.zeros(n), "types": np.array([len(rows)])}
        kept = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
        form = np.repeat(np.arange(len(rows)), [len(r) for r in rows])
        train = in_split(blocks[kept], "train")
        if train.sum() < 2 or train.all():
            return state
        known = np.isin(form, np.unique(form[train])) & ~train
        fit, judged = kept[train], kept[known]
        for layer in range(layers):
            one = words.vectors[layer : layer + 1]
            near = Neighbours(k=1).fit(one[:, fit], form[train])
            np.add.at(state["correct"][:, layer], blocks[judged], near.evaluate(one[:, judged], form[known]).correct[0])
        np.add.at(state["count"], blocks[judged], 1)
        return state

    def finish(self, state: Arrays) -> Identity:
        return Identity(Tally(state["correct"], state["count"]), int(state["types"][0]))
