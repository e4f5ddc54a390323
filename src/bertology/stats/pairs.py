"""Means over pairs of observations, with both sides resampled: a U-statistic kept as sums per pair of blocks.

Resampling the first of a pair alone would halve the standard error; here a block's new weight counts on both sides.
Source: Hoeffding 1948; Davison & Hinkley 1997, section 2.7, on cases that enter in pairs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertology.record.estimate import Estimate
from bertology.stats.tally import DRAWS, FEWEST_BLOCKS, Tally, bootstrap


@dataclass(frozen=True)
class PairTally:
    """`total` (block, block2, *cells) and `weight` (block, block2): sums over pairs whose ends lie in these blocks.

    Leave the diagonal empty when pairs within a block are more alike: resampling weighs it twice as much as the rest.
    """

    total: NDArray[np.float64]
    weight: NDArray[np.float64]

    def rate(self) -> NDArray[np.float64]:
        """Mean over all pairs, (*cells)."""
        return self.drawn(np.ones((1, len(self.total))))[0]

    def drawn(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Means under block weights: (draw, block) gives (draw, *cells); nan where no pair has weight."""
        blocks, cells = len(self.total), self.total.shape[2:]
        half = (weights @ self.total.reshape(blocks, -1)).reshape(len(weights), blocks, -1)
        total = np.einsum("db,dbc->dc", weights, half).reshape(len(weights), *cells)
        weight = np.einsum("db,db->d", weights, weights @ self.weight).reshape(-1, *[1] * len(cells))
        with np.errstate(all="ignore"):
            return np.where(weight > 0, total / weight, np.nan)

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Blocks that hold an end of some pair."""
        return self.weight.sum(1) > 0


def bootstrap_pairs(
    function: Callable[..., Any], *pairs: PairTally, n: int, unit: str = "", seed: int = 0, draws: int = DRAWS
) -> Estimate:
    """A scalar function of pair means with its interval; `function` gets (draw, *cells) for each of `pairs`, gives (draw,).

    All `pairs` are over the same blocks and resampled together. `n` is what the estimate reports as its observations.
    """
    filled = _filled(pairs)
    presence = Tally(np.diag(filled), np.broadcast_to(filled[:, None], (len(filled), len(filled))))
    made = bootstrap(lambda w: function(*[p.drawn(w) for p in pairs]), presence, unit=unit, seed=seed, draws=draws)
    return replace(made, n=n, method=made.method.replace(" of sentences", ", on both sides of a pair"))


def pair_intervals(
    function: Callable[..., Any], *pairs: PairTally, seed: int = 0, draws: int = 300
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(value, low, high) of a function that gives (draw, *cells): 95 % intervals of every cell; nan where too few
    blocks."""
    value = function(*[p.rate()[None] for p in pairs])[0]
    filled = _filled(pairs).astype(bool)
    if filled.sum() < FEWEST_BLOCKS:
        return value, np.full_like(value, np.nan), np.full_like(value, np.nan)
    weights = np.zeros((draws, len(filled)))
    count = int(filled.sum())
    weights[:, filled] = np.random.default_rng([seed, count]).multinomial(count, np.full(count, 1 / count), draws)
    drawn = function(*[p.drawn(weights) for p in pairs])
    low, high = np.nanpercentile(drawn, [2.5, 97.5], axis=0)
    return value, low, high


def _filled(pairs: Sequence[PairTally]) -> NDArray[np.float64]:
    return np.any([p.filled for p in pairs], axis=0).astype(np.float64)
