"""Rank correlations over languages."""

import numpy as np
from numpy.typing import NDArray

from bertology.record.estimate import Estimate
from bertology.stats.ranks import spearman
from bertology.stats.tally import DRAWS

FEWEST = 5


def correlation(x: NDArray[np.float64], y: NDArray[np.float64], *, seed: int = 0) -> Estimate:
    """Spearman's ρ over languages, x and y (language,), with a percentile interval from resampling languages.

    Draws of fewer than three different languages, or without variance, are left out. With a handful of languages the interval is rough,
    and unknown below five.
    """
    n = len(x)
    value = float(spearman(x, y))
    if n < FEWEST:
        return Estimate(value, np.nan, np.nan, n, "ρ", f"{n} languages: too few to resample")
    picked = np.random.default_rng([seed, n, 31]).integers(n, size=(DRAWS, n))
    picked = picked[[len(set(draw)) > 2 for draw in picked.tolist()]]
    drawn = spearman(x[picked], y[picked])
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < DRAWS // 2:
        return Estimate(value, np.nan, np.nan, n, "ρ", "undefined in most resamples")
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(value, float(low), float(high), n, "ρ", f"bootstrap of {n} languages")


__all__ = ["correlation"]
