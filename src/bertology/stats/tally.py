"""Sums kept per block of sentences: the currency every interval is made from.

A corpus assigns each sentence to one of up to 250 blocks (whole documents where known). A statistic adds its totals and weights
per block; blocks are what the bootstrap resamples, and whole blocks belong to the train, dev or test split. So one
pass gives a choice on dev and an estimate on test, and memory does not grow with the corpus.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertology.record.estimate import Estimate

DRAWS = 1000
FEWEST_BLOCKS = 5
_PARTS = {"train": (0, 1, 2), "dev": (3,), "test": (4,), "dev+test": (3, 4), "all": (0, 1, 2, 3, 4)}


def in_split(blocks: NDArray[np.integer[Any]], split: str) -> NDArray[np.bool_]:
    """Which block numbers belong to `split` ("train" 60 %, "dev" 20 %, "test" 20 %, "dev+test", "all")."""
    return np.isin(np.asarray(blocks) % 5, _PARTS[split])


@dataclass(frozen=True)
class Tally:
    """`total` and `weight`, float64 arrays of shape (block, *cells); a cell's rate is sum(total) / sum(weight)."""

    total: NDArray[np.float64]
    weight: NDArray[np.float64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", np.asarray(self.total, dtype=np.float64))
        weight = np.asarray(self.weight, dtype=np.float64)
        weight = weight.reshape(weight.shape + (1,) * (self.total.ndim - weight.ndim))
        object.__setattr__(self, "weight", np.broadcast_to(weight, self.total.shape))

    def on(self, split: str) -> "Tally":
        """The blocks of one split."""
        keep = in_split(np.arange(len(self.total)), split)
        return Tally(self.total[keep], self.weight[keep])

    def __getitem__(self, cell: Any) -> "Tally":
        """Cells by numpy indexing; the block axis stays first."""
        cell = cell if isinstance(cell, tuple) else (cell,)
        return Tally(self.total[(slice(None), *cell)], self.weight[(slice(None), *cell)])

    def pooled(self, axis: int) -> "Tally":
        """Totals and weights summed over a cell axis (0 is the first after blocks)."""
        return Tally(self.total.sum(axis + 1), self.weight.sum(axis + 1))

    def rate(self) -> NDArray[np.float64]:
        """Cell rates over all blocks; nan where nothing was counted."""
        return _ratio(self.total.sum(0), self.weight.sum(0))

    @property
    def n(self) -> int:
        """Largest number of observations in a cell."""
        return round(float(self.weight.sum(0).max())) if self.weight.size else 0

    def estimate(self, *, unit: str = "", seed: int = 0) -> Estimate:
        """The rate of a single cell with its bootstrap interval."""
        return bootstrap(lambda rate: rate, self, unit=unit, seed=seed)

    def intervals(self, *, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """95 % intervals of every cell: (low, high), each of the cells' shape. nan where there are too few blocks."""
        if _filled(self) < FEWEST_BLOCKS:
            nothing = np.full(self.total.shape[1:], np.nan)
            return nothing, nothing
        rates = _draw(self, _resample(len(self.total), seed, 300))
        with np.errstate(all="ignore"):
            return np.nanpercentile(rates, 2.5, axis=0), np.nanpercentile(rates, 97.5, axis=0)


def bootstrap(
    function: Callable[..., Any],
    *tallies: Tally,
    unit: str = "",
    seed: int = 0,
    draws: int = DRAWS,
    method: str = "",
) -> Estimate:
    """A scalar function of rates, with a percentile interval from resampling blocks.

    `function` receives one array per tally, (draw, *cells), and returns (draw,). Tallies with the same number of
    blocks are resampled together, so differences between them are paired. Source: Efron & Tibshirani 1993, ch. 13;
    blocks are clusters, as in Davison & Hinkley 1997, section 3.8.
    """
    n = max((t.n for t in tallies), default=0)
    point = function(*[t.rate()[None] for t in tallies])
    value = float(np.asarray(point, dtype=np.float64).reshape(-1)[0])
    blocks = min((_filled(t) for t in tallies), default=0)
    if blocks < FEWEST_BLOCKS:
        return Estimate(value, np.nan, np.nan, n, unit, f"{blocks} blocks: too few to resample")
    weights = {size: _resample(size, seed, draws) for size in {len(t.total) for t in tallies}}
    drawn = np.asarray(function(*[_draw(t, weights[len(t.total)]) for t in tallies]), dtype=np.float64)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < draws // 2:
        return Estimate(value, np.nan, np.nan, n, unit, "undefined in most resamples")
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(value, float(low), float(high), n, unit, method or f"bootstrap of {blocks} blocks of sentences")


def of_items(
    values: NDArray[Any], blocks: NDArray[np.integer[Any]], cell: NDArray[np.integer[Any]] | None = None, cells: int = 0
) -> Tally:
    """A tally of single observations: `values` (item,) or (item, *cells) with the block of each; nan is not counted.

    With `cell` (item,) each item counts in one of `cells` cells.
    """
    values = np.asarray(values, dtype=np.float64)
    there = np.isfinite(values)
    shape = (int(blocks.max(initial=-1)) + 1, *((cells,) if cell is not None else values.shape[1:]))
    total, weight = np.zeros(shape), np.zeros(shape)
    place = blocks if cell is None else (blocks, cell)
    np.add.at(total, place, np.where(there, values, 0.0))
    np.add.at(weight, place, there)
    return Tally(total, weight)


def merge(parts: Sequence[Tally]) -> Tally:
    """The tally of all parts' sentences together."""
    return Tally(sum(p.total for p in parts), sum(p.weight for p in parts))  # type: ignore[arg-type]


def _filled(tally: Tally) -> int:
    return int((tally.weight.reshape(len(tally.weight), -1).sum(1) > 0).sum())


def _resample(blocks: int, seed: int, draws: int) -> NDArray[np.float64]:
    """Multinomial block weights, (draw, block)."""
    return np.random.default_rng([seed, blocks]).multinomial(blocks, np.full(blocks, 1 / blocks), draws).astype(float)


def _draw(tally: Tally, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rates under resampled blocks, (draw, *cells)."""
    flat = tally.total.reshape(len(tally.total), -1), tally.weight.reshape(len(tally.weight), -1)
    return _ratio(weights @ flat[0], weights @ flat[1]).reshape(len(weights), *tally.total.shape[1:])


def _ratio(total: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):
        return np.where(weight > 0, total / weight, np.nan)
