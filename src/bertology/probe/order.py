"""Word order in single vectors: where a word stands, and which of two neighbours is first (Lin, Tan & Frank 2019)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.seeded import draws
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.vectors import WordTable, WordVectors
from bertology.probe.linear import LinearProbe
from bertology.probe.ridge import RidgeProbe, regression_moments
from bertology.probe.scores import tally_rows
from bertology.record.errors import NotApplicable
from bertology.stats.tally import Tally, in_split

FARTHEST = 64
"""Words beyond this place are left out: few texts are as long."""
FEWEST = 200
STRENGTHS = (10.0, 100.0, 1e3, 1e4)


class Places(NamedTuple):
    """Tallies over dev and test blocks: `error` (block, layer) squared errors of the predicted place; `place` and `square`
    (block,), the place and its square. R² is 1 − error / (square − place²). `first` (block, layer): the first of
    two neighbours found."""

    error: Tally
    place: Tally
    square: Tally
    first: Tally


@dataclass(frozen=True)
class OrderCurve(Derived):
    """Ridge regression of a word's place in its text, and a linear probe on the difference of two neighbours, per layer."""

    limit: int = 20000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": WordVectors(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, *, table: WordTable, **answers: Any) -> Arrays:
        blocks, n = table.blocks(encoded.corpus), encoded.corpus.n_blocks
        near = table.word < FARTHEST
        train, dev = (np.flatnonzero(near & in_split(blocks, part)) for part in ("train", "dev"))
        judged = np.flatnonzero(near & ~in_split(blocks, "train"))
        if len(train) < FEWEST or len(dev) < FEWEST // 10 or len(judged) - len(dev) < FEWEST // 10:
            raise NotApplicable(f"{encoded.corpus.name} has {len(train)} words to learn their place from")
        place = table.word.astype(np.float64)
        probe = RidgeProbe(STRENGTHS)
        probe.fit(*(regression_moments(table.vectors, place, rows=r) for r in (train,)), dev=regression_moments(table.vectors, place, rows=dev))
        fitted = probe.predict(np.take(table.vectors, judged, axis=1))[:, :, 0]
        error = tally_rows((fitted - place[judged]) ** 2, blocks[judged], n)
        moments = tally_rows(np.stack([place[judged], place[judged] ** 2]), blocks[judged], n)
        first = self._neighbours(table, blocks, n)
        return {
            "error": error.total, "moments": moments.total, "count": error.weight[:, 0],
            "first": first.total, "pairs": first.weight[:, 0],
        }  # fmt: skip

    def _neighbours(self, table: WordTable, blocks: np.ndarray, n: int) -> Tally:
        left = np.flatnonzero((table.sentence[1:] == table.sentence[:-1]) & (table.word[1:] < FARTHEST))
        swapped = draws(self.seed, table.sentence[left], table.word[left]) < 0.5
        one, two = np.where(swapped, left + 1, left), np.where(swapped, left, left + 1)
        apart = np.take(table.vectors, one, axis=1)
        apart -= np.take(table.vectors, two, axis=1)
        at = blocks[left]
        train, dev = (np.flatnonzero(in_split(at, part)) for part in ("train", "dev"))
        judged = np.flatnonzero(~in_split(at, "train"))
        probe = LinearProbe(l2=(10.0, 300.0), epochs=3.0, min_steps=80, seed=self.seed)
        probe.fit(apart, swapped, rows=train, dev=(np.take(apart, dev, axis=1), swapped[dev]))
        return tally_rows(probe.evaluate(apart, swapped, rows=judged).correct, at[judged], n)

    def finish(self, state: Arrays) -> Places:
        place, square = (Tally(state["moments"][:, k], state["count"]) for k in (0, 1))
        return Places(
            Tally(state["error"], state["count"]), place, square, Tally(state["first"], state["pairs"])
        )
