"""Labels of the constituents around a word, by linear probes: its parent's, its grandparent's, its great-grandparent's
(Liu et al. 2019)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.corpus.constituents import ancestors, punctuation
from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.vectors import WordTable, WordVectors
from bertology.probe.linear import LinearProbe
from bertology.probe.readings import FEWEST, ROUNDS
from bertology.probe.scores import tally_rows
from bertology.probe.tasks import frequent
from bertology.record.errors import NotApplicable
from bertology.stats.tally import Tally, in_split

DISTANCES = ("parent", "grandparent", "great-grandparent")


class AncestorScores(NamedTuple):
    """Over the same words of dev and test blocks: `correct`, Tally (block, distance, layer), layer 0 being the embeddings;
    `majority`, Tally (block, distance), the most frequent training label. `classes` (distance,) labels."""

    correct: Tally
    majority: Tally
    classes: NDArray[np.int64]


@dataclass(frozen=True)
class AncestorCurves(Derived):
    """Accuracy of one linear probe a layer and distance; strengths are chosen on dev blocks.

    Words count that are no punctuation and have all three ancestors, so that distances differ in the label alone. Labels of
    fewer than twenty training words are left out, with their words.
    """

    limit: int = 20000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": WordVectors(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, *, table: WordTable, **answers: Any) -> Arrays:
        corpus, blocks = encoded.corpus, table.blocks(encoded.corpus)
        labels = ancestor_labels(table, encoded)
        for k in range(len(DISTANCES)):
            labels[:, frequent(labels[k], in_split(blocks, "train")) == ""] = ""
        known = np.flatnonzero((labels != "").all(0))
        train, dev, test = (known[in_split(blocks[known], part)] for part in ("train", "dev", "test"))
        if (
            len(train) < FEWEST
            or min(len(dev), len(test)) < FEWEST // 10
            or any(len(set(row[train])) < 2 for row in labels)
        ):
            raise NotApplicable(
                f"{corpus.name} has {len(train)} words with three constituents around them to learn from, and {len(test)} to test on"
            )
        judged, n = np.sort(np.r_[dev, test]), corpus.n_blocks
        held_out = np.take(table.vectors, dev, axis=1)
        correct, majority, classes = [], [], []
        for row in labels:
            probe = LinearProbe(l2=(3.0, 100.0), **ROUNDS, seed=self.seed)
            probe.fit(table.vectors, row, rows=train, dev=(held_out, row[dev]))
            correct.append(tally_rows(probe.evaluate(table.vectors, row, rows=judged).correct, blocks[judged], n))
            names, counts = np.unique(row[train], return_counts=True)
            majority.append(tally_rows((row[judged] == names[counts.argmax()])[None], blocks[judged], n).total[:, 0])
            classes.append(len(names))
        return {
            "correct": np.stack([c.total for c in correct], 1), "count": correct[0].weight[:, 0],
            "majority": np.stack(majority, 1), "classes": np.array(classes),
        }  # fmt: skip

    def finish(self, state: Arrays) -> AncestorScores:
        return AncestorScores(
            Tally(state["correct"], state["count"]), Tally(state["majority"], state["count"]), state["classes"]
        )


def ancestor_labels(table: WordTable, encoded: Encoded) -> NDArray[np.str_]:
    """(distance, row): the label of each ancestor, "" for punctuation and for words that have fewer than three."""
    labels = np.full((len(DISTANCES), len(table.sentence)), "", dtype=object)
    around: dict[int, list[list[str]]] = {}
    for row, (s, w) in enumerate(zip(table.sentence.tolist(), table.word.tolist(), strict=True)):
        if s not in around:
            around[s] = ancestors(encoded.corpus[s])
        if len(around[s][w]) >= len(DISTANCES) and not punctuation(encoded.corpus[s], w):
            labels[:, row] = around[s][w][: len(DISTANCES)]
    return labels.astype(np.str_)
