"""Few repeats of an experiment (seeds): means, paired differences and spreads, with intervals over repeats.

With a handful of seeds a bootstrap is too narrow; Student's t (means) and the F and chi-squared distributions (spreads) are
exact for normal scores, which is stated where it is used.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bertology.record.estimate import Estimate


def mean(values: ArrayLike, *, unit: str = "") -> Estimate:
    """The mean over repeats with Student's 95 % interval; unknown bounds below two repeats."""
    x = _finite(values)
    half = stats.t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)) if len(x) > 1 else np.nan
    m = float(x.mean()) if len(x) else float("nan")
    return Estimate(m, m - float(half), m + float(half), len(x), unit, f"Student's t over {len(x)} repeats")


def difference(a: ArrayLike, b: ArrayLike, *, unit: str = "") -> Estimate:
    """Mean of a - b over repeats that are paired by their place (same seed)."""
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    made = mean(x - y, unit=unit)
    return Estimate(made.value, made.low, made.high, made.n, unit, f"paired Student's t over {made.n} repeats")


def spread_ratio(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Standard deviation of a over that of b, with the F distribution's 95 % interval (normal scores)."""
    x, y = _finite(a), _finite(b)
    if min(len(x), len(y)) < 2 or y.std(ddof=1) == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), min(len(x), len(y)), "ratio", "F distribution")
    ratio = float(x.std(ddof=1) / y.std(ddof=1))
    low, high = (np.sqrt(1 / stats.f.ppf(q, len(x) - 1, len(y) - 1)) for q in (0.975, 0.025))
    return Estimate(
        ratio, ratio * float(low), ratio * float(high), min(len(x), len(y)), "ratio", "F distribution, normal scores"
    )


def shares(table: NDArray[np.float64], *, draws: int = 1000, seed: int = 0) -> tuple[Estimate, Estimate]:
    """Share of the variance of cell means that rows and that columns explain, (row, column, repeat), resampling repeats.

    eta squared of a two-way layout: SS(rows) / SS(cells) and SS(columns) / SS(cells); the rest is interaction. Subtracting
    what noise alone would give (the mean square within cells) keeps small tables from crediting noise to either.
    """
    rng = np.random.default_rng([seed, 13])
    n = table.shape[2]
    drawn = np.array([_eta(table[:, :, rng.integers(n, size=n)]) for _ in range(draws)])
    row, column = _eta(table)
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    make = lambda k, value: Estimate(
        float(value), float(low[k]), float(high[k]), n, "share of variance", f"bootstrap of {n} repeats"
    )
    return make(0, row), make(1, column)


def share_difference(table: NDArray[np.float64], *, draws: int = 1000, seed: int = 0) -> Estimate:
    """Share of variance that rows explain minus the share that columns explain; see `shares`."""
    rng, n = np.random.default_rng([seed, 13]), table.shape[2]
    drawn = np.array([_eta(table[:, :, rng.integers(n, size=n)]) for _ in range(draws)])
    row, column = _eta(table)
    low, high = np.nanquantile(drawn[:, 0] - drawn[:, 1], [0.025, 0.975])
    return Estimate(row - column, float(low), float(high), n, "share of variance", f"bootstrap of {n} repeats")


def signal(table: NDArray[np.float64]) -> Estimate:
    """Standard deviation of cell means over that of a cell mean by noise alone, with the F distribution's 95 % interval.

    1 says that the cells (row, column) differ as much as the repeats (last axis) of one cell would make them.
    """
    cells, n = table.reshape(-1, table.shape[2]), table.shape[2]
    between, within = n * cells.mean(1).var(ddof=1), cells.var(axis=1, ddof=1).mean()
    free = (len(cells) - 1, len(cells) * (n - 1))
    ratio = float(np.sqrt(between / max(within, 1e-12)))
    low, high = (ratio / float(np.sqrt(stats.f.ppf(q, *free))) for q in (0.975, 0.025))
    return Estimate(ratio, low, high, table.size, "ratio", "F distribution, normal scores")


def _eta(table: NDArray[np.float64]) -> tuple[float, float]:
    rows, columns, n = table.shape
    cells = table.mean(2)
    grand = cells.mean()
    noise = table.var(axis=2, ddof=1).mean() / n if n > 1 else 0.0
    total = max(((cells - grand) ** 2).sum(), 1e-12)
    of_rows = columns * ((cells.mean(1) - grand) ** 2).sum() - (rows - 1) * noise
    of_columns = rows * ((cells.mean(0) - grand) ** 2).sum() - (columns - 1) * noise
    return float(max(0.0, of_rows) / total), float(max(0.0, of_columns) / total)


def _finite(values: ArrayLike | Sequence[float]) -> NDArray[np.float64]:
    x = np.asarray(values, dtype=np.float64)
    return x[np.isfinite(x)]
