"""One effect over several studies: the random-effects summary with its heterogeneity (DerSimonian & Laird 1986).

The variance between studies is Paule & Mandel's (1982), the interval Hartung & Knapp's (2001) with the correction that
never makes it narrower than the fixed-effect one (Röver, Knapp & Friede 2015).
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import chi2, t

LEAST = 1e-9
"""Standard error, as a share of the effects' size, where no study reports any."""


class Summary(NamedTuple):
    """`value` with its 95 % interval over `n` studies; `between` is the standard deviation of true effects between studies (tau).

    `share` (0 to 1) is how much of the observed variance is between studies (I²), `p` is of Cochran's test that there is none.
    `predicted` is the 95 % interval for the effect in a new study; infinite with fewer than three.
    """

    value: float
    low: float
    high: float
    n: int
    between: float
    share: float
    p: float
    predicted: tuple[float, float]


def random_effects(values: Sequence[float], errors: Sequence[float]) -> Summary:
    """The summary of study effects and their standard errors; of one study, its own normal interval.

    A study without error (at a floor or a ceiling, or a layer that every resample chooses) counts as exact as the most exact of the others.
    Raises ValueError for no study, unequal lengths, or what is not finite.
    """
    y, se = np.asarray(values, dtype=float), np.asarray(errors, dtype=float)
    if not len(y) or y.shape != se.shape or not np.isfinite(y).all() or not np.isfinite(se).all():
        raise ValueError(f"{len(y)} effects with {len(se)} standard errors, all finite, cannot be summarised")
    n = len(y)
    if n == 1:
        half = 1.959964 * float(se[0])
        return Summary(float(y[0]), y[0] - half, y[0] + half, 1, 0.0, 0.0, 1.0, (-math.inf, math.inf))
    least = se[se > 0].min() if (se > 0).any() else LEAST * max(float(np.abs(y).max()), LEAST)
    variance = np.where(se > 0, se, least) ** 2
    spread = _spread(y, variance)
    q = spread(0.0)
    between = 0.0
    if q > n - 1:
        most = float(np.ptp(y) ** 2 + variance.max())
        between = float(brentq(lambda tau2: spread(tau2) - (n - 1), 0.0, n * most))  # type: ignore[arg-type]
    weight = 1 / (variance + between)
    mean = float((weight * y).sum() / weight.sum())
    factor = max(1.0, spread(between) / (n - 1))
    error = math.sqrt(factor / weight.sum())
    half = float(t.ppf(0.975, n - 1)) * error
    reach = float(t.ppf(0.975, n - 2)) * math.sqrt(between + error**2) if n > 2 else math.inf
    share = max(0.0, (q - (n - 1)) / q) if q > 0 else 0.0
    return Summary(mean, mean - half, mean + half, n, math.sqrt(between), share, float(chi2.sf(q, n - 1)),
                   (mean - reach, mean + reach))  # fmt: skip


def _spread(y: NDArray[np.float64], variance: NDArray[np.float64]) -> Callable[[float], float]:
    """The weighted sum of squares about the mean, as a function of the variance between studies."""

    def of(between: float) -> float:
        weight = 1 / (variance + between)
        mean = (weight * y).sum() / weight.sum()
        return float((weight * (y - mean) ** 2).sum())

    return of
