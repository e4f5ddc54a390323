"""Looking at growing samples and stopping once a verdict is there, without more false verdicts than one look makes.

The error rate of the last interval is spent over all looks that are planned (group-sequential bounds by the union bound, as in
Lan & DeMets 1983): whatever the dependence between the samples, no interval of any look misses its value in more than 5 % of runs,
so a run may stop at any of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from scipy.stats import norm

from bertology.record.estimate import Estimate


class Look(NamedTuple):
    """The share of the sentences that is read, and of the 5 % error rate that may be spent."""

    share: float
    spent: float

    @property
    def wider(self) -> float:
        """By how much this look's intervals are wider than 95 % ones."""
        return float(norm.isf(0.05 * self.spent / 2) / norm.isf(0.025))


ONCE = (Look(1.0, 1.0),)
"""The plain run: everything is read, and the interval is the 95 % one."""
THRICE = (Look(0.125, 0.2), Look(0.5, 0.2), Look(1.0, 0.6))


def widen(values: Mapping[str, Estimate], factor: float) -> dict[str, Estimate]:
    """The estimates with both arms of their intervals `factor` times as long."""
    return {
        name: replace(e, low=e.value - factor * (e.value - e.low), high=e.value + factor * (e.high - e.value))
        for name, e in values.items()
    }
