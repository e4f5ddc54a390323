"""Several random twins as control: is an encoder more than one more draw of its initialiser?

One twin's interval is over sentences and says nothing of what another draw of weights would give. With N twins, a value against a twin
is the mean of N, and its interval is one for a new draw (the prediction interval t(N - 1) · s · sqrt(1 + 1/N) around a mean; Student 1908),
with the sampling error of the sentences beside it: an encoder that is itself a random draw stays inside 95 % of the time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import t

from bertology.record.errors import BadRequest
from bertology.record.estimate import Estimate
from bertology.record.result import Finding

FEWEST = 3
"""Twins that say anything of their spread: the factor of two is 12.7, of three 4.3, of five 2.8."""


def enough_twins(n: int) -> None:
    """Raises BadRequest for no twin, and for two."""
    if n != 1 and n < FEWEST:
        raise BadRequest(f"{n} random twins say nothing of their spread.", f"Give 1, or {FEWEST} and more.")


def merged(findings: Sequence[Finding]) -> Finding:
    """One claim's findings against different twins as one; values that no twin has part in stay as they are."""
    first = findings[0]
    told = f"Against {len(findings)} random twins: intervals hold what another draw of them would give."
    return replace(
        first, values=_over([f.values for f in findings]), baselines=_over([f.baselines for f in findings]),
        note=f"{first.note} {told}".strip(),
    )  # fmt: skip


def _over(parts: Sequence[Mapping[str, Estimate]]) -> dict[str, Estimate]:
    return {name: over_twins([part[name] for part in parts if name in part]) for name in parts[0]}


def over_twins(found: Sequence[Estimate]) -> Estimate:
    """The mean of one value against each twin, with an interval for another draw. One whose interval is not known has the rest's
    unknown too; equal ones are one."""
    first = found[0]
    if all(e == first for e in found):
        return first
    values = np.array([e.value for e in found])
    value, n = float(values.mean()), len(found)
    draw = float(t.isf(0.025, n - 1)) * float(values.std(ddof=1)) * math.sqrt(1 + 1 / n) if n > 1 else math.inf
    below = float(np.mean([e.value - e.low for e in found]))
    above = float(np.mean([e.high - e.value for e in found]))
    return replace(
        first, value=value, low=value - math.hypot(below, draw), high=value + math.hypot(above, draw),
        n=min(e.n for e in found), method=f"{first.method}, {n} random twins",
    )  # fmt: skip
