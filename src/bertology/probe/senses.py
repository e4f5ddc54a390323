"""Word senses by the nearest labelled neighbour of the same word (Wiedemann et al. 2019), and how well senses
cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.targets import TargetTable, TargetVectors
from bertology.probe.neighbours import Neighbours, silhouettes
from bertology.stats.tally import Tally, in_split

FEWEST = 10
"""Labelled occurrences in the training blocks that a word must have."""


class SenseScores(NamedTuple):
    """Tallies over the targets of dev and test blocks, per (block, layer): `correct` of the nearest neighbour and
    `silhouette`; per block: `bag`, the nearest neighbour by context words of layer 0, and `majority`, the word's most
    frequent sense. `words` is how many words took part."""

    correct: Tally
    silhouette: Tally
    bag: Tally
    majority: Tally
    words: int


@dataclass(frozen=True)
class SenseNeighbours(Derived):
    """The sense of the most similar (cosine) occurrence of the same word among the training blocks, in every layer.

    Layer "sense" holds "word/sense"; words with one sense, or under ten occurrences to learn from, take no part.
    Silhouettes compare a target with all others of its word, under cosine distance.
    """

    limit: int = 6000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": TargetVectors("sense", self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        table: TargetTable = answers["table"]
        corpus, layers = encoded.corpus, len(table.vectors)
        senses = np.array(
            [corpus[s].layers["sense"][w] for s, w in zip(table.sentence, table.word, strict=True)], np.str_
        )
        words = np.array([sense.split("/")[0] for sense in senses.tolist()], np.str_)
        blocks = corpus.blocks[table.sentence]
        train = in_split(blocks, "train")
        state = {name: np.zeros((corpus.n_blocks, layers)) for name in ("correct", "silhouette")}
        state |= {name: np.zeros(corpus.n_blocks) for name in ("bag", "majority", "count")} | {"words": np.zeros(1)}
        for word in np.unique(words).tolist():
            fit, judged = np.flatnonzero((words == word) & train), np.flatnonzero((words == word) & ~train)
            kinds, sizes = np.unique(senses[fit], return_counts=True)
            if len(kinds) < 2 or len(fit) < FEWEST or not len(judged):
                continue
            near = Neighbours(k=1).fit(table.vectors[:, fit], senses[fit])
            bag = Neighbours(k=1).fit(table.context[:, fit], senses[fit])
            right = near.evaluate(table.vectors[:, judged], senses[judged]).correct
            everything = np.flatnonzero(words == word)
            shape = silhouettes(table.vectors[:, everything], senses[everything])[:, ~train[everything]]
            where = blocks[judged]
            np.add.at(state["correct"], where, right.T)
            np.add.at(state["silhouette"], where, shape.T)
            np.add.at(state["bag"], where, bag.evaluate(table.context[:, judged], senses[judged]).correct[0])
            np.add.at(state["majority"], where, senses[judged] == kinds[sizes.argmax()])
            np.add.at(state["count"], where, 1)
            state["words"] += 1
        return state

    def finish(self, state: Arrays) -> SenseScores:
        tallies = [Tally(state[name], state["count"]) for name in ("correct", "silhouette", "bag", "majority")]
        return SenseScores(*tallies, words=int(state["words"][0]))
