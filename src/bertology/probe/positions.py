"""How much of a word's place in its sentence a vector holds (Lin, Tan & Frank 2019)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.vectors import WordTable, WordVectors
from bertology.probe.linear import LinearProbe
from bertology.probe.ridge import RidgeProbe, regression_moments
from bertology.probe.scores import tally_rows
from bertology.record.errors import NotApplicable
from bertology.stats.tally import Tally, in_split


class Positions(NamedTuple):
    """Tallies (block, layer) over dev and test blocks, layer 0 the embeddings: `error`, squared error of a ridge
    regression of the word's index over the squared deviation from the training mean (1 − rate is R²); `order`, correct
    answers to "which of two neighbours comes first?" from the difference of their vectors."""

    error: Tally
    order: Tally


@dataclass(frozen=True)
class PositionCurve(Derived):
    """Probes for the index of a word (from 0, up to `longest`) and for the order of neighbours, in every layer."""

    longest: int = 40
    pairs: int = 6000
    limit: int = 20000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": WordVectors(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        table: WordTable = answers["table"]
        blocks, n = table.blocks(encoded.corpus), encoded.corpus.n_blocks
        known = np.flatnonzero(table.word < self.longest)
        rows = {part: known[in_split(blocks[known], part)] for part in ("train", "dev", "test")}
        if min(map(len, rows.values())) < 50:
            raise NotApplicable(
                f"{encoded.corpus.name} has too few words: {len(rows['train'])} to learn positions from"
            )
        index = table.word.astype(np.float64)
        moments = {part: regression_moments(table.vectors, index, rows=rows[part]) for part in ("train", "dev")}
        probe = RidgeProbe().fit(moments["train"], dev=moments["dev"])
        judged = np.sort(np.r_[rows["dev"], rows["test"]])
        fitted = probe.predict(np.ascontiguousarray(table.vectors[:, judged]))[..., 0]
        squared = tally_rows((fitted - index[judged]) ** 2, blocks[judged], n)
        around = tally_rows(((index[judged] - index[rows["train"]].mean()) ** 2)[None], blocks[judged], n)
        error = Tally(squared.total, around.total[:, 0])
        order = self._order(table, blocks, n)
        return {"error": error.total, "around": error.weight, "order": order.total, "pairs": order.weight}

    def finish(self, state: Arrays) -> Positions:
        return Positions(Tally(state["error"], state["around"]), Tally(state["order"], state["pairs"]))

    def _order(self, table: WordTable, blocks: np.ndarray, n: int) -> Tally:
        """A seeded half of the neighbours is shown the wrong way round."""
        rng = np.random.default_rng(self.seed)
        first = np.flatnonzero(np.diff(table.sentence) == 0)
        first = np.sort(rng.permutation(first)[: self.pairs])
        swapped = rng.random(len(first)) < 0.5
        sign = np.where(swapped, -1, 1).astype(np.float16)[None, :, None]
        vectors = (table.vectors[:, first + 1] - table.vectors[:, first]) * sign
        labels = np.where(swapped, "second", "first")
        at = blocks[first]
        parts = {part: np.flatnonzero(in_split(at, part)) for part in ("train", "dev", "test")}
        judged = np.sort(np.r_[parts["dev"], parts["test"]])
        probe = LinearProbe(l2=(10.0, 300.0), epochs=3.0, min_steps=100, seed=self.seed)
        probe.fit(vectors, labels, rows=parts["train"], dev=(vectors[:, parts["dev"]], labels[parts["dev"]]))
        return tally_rows(probe.evaluate(vectors, labels, rows=judged).correct, at[judged], n)
