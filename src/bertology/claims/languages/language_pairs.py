"""Rank correlations over languages and over ordered pairs of them, with languages resampled: a pair enters with both its ends."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from bertology.record.estimate import Estimate
from bertology.stats import tally
from bertology.stats.ranks import spearman

FEWEST = 5
"""Languages without pairs that can be resampled."""
FEWEST_DISTINCT = 4
"""Different languages that a resample must hold; others are drawn anew."""
DRAWS = 400


def partial_spearman(
    x: NDArray[np.float64], y: NDArray[np.float64], given: Sequence[NDArray[np.float64]] = ()
) -> float:
    """Spearman's ρ of x and y, (pair,), once what ranks of `given` explain linearly is taken from the ranks of both; nan where nothing varies.

    Pairs with a missing value are left out.
    """
    columns = np.stack([x, y, *given])
    ranks = np.stack([rankdata(c) for c in columns[:, np.isfinite(columns).all(0)]]) if columns.size else columns
    if ranks.shape[1] < 3 + len(given):
        return float("nan")
    known = np.stack([np.ones(ranks.shape[1]), *ranks[2:]], axis=1)
    left = ranks[:2].T - known @ np.linalg.lstsq(known, ranks[:2].T, rcond=None)[0]
    size = np.sqrt((left**2).sum(0))
    if (size < 1e-9 * np.sqrt(ranks.shape[1])).any():
        return float("nan")
    return float(np.clip((left[:, 0] @ left[:, 1]) / size.prod(), -1, 1))


def over_languages(
    statistic: Callable[[NDArray[np.int64], NDArray[np.int64]], Any],
    languages: int,
    *,
    seed: int = 0,
    unit: str = "ρ",
) -> Estimate:
    """`statistic(sources, targets)`, of index arrays over ordered pairs of different languages, with a percentile interval from
    resampling languages."""

    def of(picked: NDArray[np.int64]) -> float:
        source, target = np.repeat(picked, len(picked)), np.tile(picked, len(picked))
        return float(statistic(source[source != target], target[source != target]))

    value = of(np.arange(languages))
    rng = np.random.default_rng([seed, languages, 29])
    drawn: list[float] = []
    for _ in range(DRAWS):
        picked = rng.integers(languages, size=languages)
        if len(np.unique(picked)) >= FEWEST_DISTINCT:
            drawn.append(of(picked))
    kept = np.array(drawn)[np.isfinite(drawn)] if drawn else np.array([])
    pairs, method = languages * (languages - 1), f"bootstrap of {languages} languages, on both sides of a pair"
    if len(kept) < DRAWS // 4:
        return Estimate(value, np.nan, np.nan, pairs, unit, "undefined in most resamples")
    low, high = np.percentile(kept, [2.5, 97.5])
    return Estimate(value, float(low), float(high), pairs, unit, method)


def correlation(x: NDArray[np.float64], y: NDArray[np.float64], *, seed: int = 0) -> Estimate:
    """Spearman's ρ over languages, x and y (language,), with a percentile interval from resampling languages.

    Draws of fewer than three different languages, or without variance, are left out. With a handful of languages the interval is rough,
    and unknown below five.
    """
    n = len(x)
    value = float(spearman(x, y))
    if n < FEWEST:
        return Estimate(value, np.nan, np.nan, n, "ρ", f"{n} languages: too few to resample")
    picked = np.random.default_rng([seed, n, 31]).integers(n, size=(tally.DRAWS, n))
    picked = picked[[len(set(draw)) > 2 for draw in picked.tolist()]]
    drawn = spearman(x[picked], y[picked])
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < tally.DRAWS // 2:
        return Estimate(value, np.nan, np.nan, n, "ρ", "undefined in most resamples")
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(value, float(low), float(high), n, "ρ", f"bootstrap of {n} languages")


__all__ = ["correlation", "over_languages", "partial_spearman"]
