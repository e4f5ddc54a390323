"""Estimates, baselines and published figures on one axis with the predicted region, in percent of its width."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bertology.record.estimate import Estimate
from bertology.record.result import Comparison, Result


class Lane(NamedTuple):
    """A line of a forest plot: `kind` "measured", "baseline" or "published"; positions in percent, None if unknown."""

    label: str
    kind: str
    text: str
    value: float | None
    low: float | None
    high: float | None
    unchecked: bool = False
    hue: str = ""


class Tick(NamedTuple):
    at: float
    label: str


class Forest(NamedTuple):
    """A forest plot: lanes on one axis. `shade` is the predicted region (start, end) in percent, None if no rule."""

    name: str
    rule: str
    lanes: tuple[Lane, ...]
    shade: tuple[float, float] | None
    ticks: tuple[Tick, ...]
    zero: float | None

    @property
    def described(self) -> str:
        """The plot in words, for readers who do not see it."""
        rule = f" Predicted: {self.rule}." if self.rule else ""
        return f"{self.name}: " + "; ".join(f"{lane.label} {lane.text}" for lane in self.lanes) + "." + rule


def region(rule: str) -> tuple[float, float]:
    """The bounds of a rule as `str(Region)` prints it; infinite where it is open, and for an unknown text."""
    found = _RULE.fullmatch(rule.strip())
    if found is None:
        return -math.inf, math.inf
    above, below, low, high = found.groups()
    if above is not None:
        return float(above), math.inf
    return (-math.inf, float(below)) if below is not None else (float(low), float(high))


def forests(result: Result) -> list[Forest]:
    """One plot for each value: the headline first, with the baselines, then the ruled ones, then the rest."""
    names = [*result.rules, *(name for name in result.values if name not in result.rules)]
    plots = []
    for position, name in enumerate(names):
        estimate = result.values.get(name)
        if estimate is None or not math.isfinite(estimate.value):
            continue
        beside = result.baselines if position == 0 else {}
        figures = [f for f in result.published if f.measured == estimate]
        plots.append(forest(name, {"this encoder": estimate}, result.rules.get(name, ""), beside, figures))
    return plots


def forest(
    name: str,
    measured: Mapping[str, Estimate],
    rule: str = "",
    baselines: Mapping[str, Estimate] | None = None,
    published: Sequence[Comparison] = (),
) -> Forest:
    """The plot of one quantity. Lanes whose value is not finite keep their text and have no mark."""
    baselines = baselines or {}
    low, high = region(rule)
    numbers = [x for e in (*measured.values(), *baselines.values()) for x in (e.value, e.low, e.high)]
    numbers += [f.published for f in published] + [low, high]
    axis = _Axis([x for x in numbers if math.isfinite(x)])
    lanes = [
        _lane(axis, label, "measured", e, f"var(--series-{i % 8})") for i, (label, e) in enumerate(measured.items())
    ]
    lanes += [_lane(axis, label, "baseline", e, "") for label, e in baselines.items()]
    lanes += [
        Lane(
            f"{f.model}, {f.data}",
            "published",
            f"{f.published:g}",
            axis.at(f.published),
            None,
            None,
            f.status == "memory",
        )
        for f in published
    ]
    shade = (
        (max(0.0, axis.at(low)), min(100.0, axis.at(high))) if rule and (low, high) != (-math.inf, math.inf) else None
    )
    zero = axis.at(0.0)
    return Forest(name, rule, tuple(lanes), shade, axis.ticks(), zero if 0 < zero < 100 else None)


_NUMBER = r"(-?[\d.]+(?:e[+-]?\d+)?)"
_RULE = re.compile(rf"> {_NUMBER}|< {_NUMBER}|between {_NUMBER} and {_NUMBER}")


class _Axis:
    """A linear axis with a little air at both ends."""

    def __init__(self, numbers: Sequence[float]) -> None:
        low, high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
        span = high - low or abs(high) or 1.0
        if low > 0 and low < 0.5 * span:  # a zero that is near belongs on the axis
            low = 0.0
        self.low, self.high = low - 0.07 * span, high + 0.07 * span

    def at(self, x: float) -> float:
        if math.isinf(x):
            return 100.0 if x > 0 else 0.0
        return round(100 * (x - self.low) / (self.high - self.low), 2)

    def ticks(self) -> tuple[Tick, ...]:
        raw = (self.high - self.low) / 4
        power = 10.0 ** math.floor(math.log10(raw))
        step = power * min((m for m in (1, 2, 5, 10)), key=lambda m: abs(m * power - raw))
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        at = [k * step for k in range(first, last + 1)]
        return tuple(Tick(self.at(x), f"{x + 0.0:.{digits}f}") for x in at if 3 <= self.at(x) <= 97)


def _lane(axis: _Axis, label: str, kind: str, e: Estimate, hue: str) -> Lane:
    place = lambda x: axis.at(x) if math.isfinite(x) else None
    return Lane(label, kind, str(e), place(e.value), place(e.low), place(e.high), hue=hue)
