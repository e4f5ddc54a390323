"""Two runs side by side: changed verdicts, both estimates on one axis, their difference, curves over relative depth."""

import math
from typing import NamedTuple

from bertology.record.estimate import Estimate
from bertology.record.folder import RunFolder
from bertology.record.result import Result
from bertology.report import heads as head_grid
from bertology.report import words
from bertology.report.charts import Chart, overlay
from bertology.report.intervals import Forest, forest
from bertology.report.page import RunView, page, read

INDEPENDENT = "difference of independent intervals"


class PairView(NamedTuple):
    """A claim in two runs. `a` or `b` is None where the run does not have it."""

    claim: str
    section: str
    says: str
    a: Result | None
    b: Result | None
    both: list[Forest]
    differences: list[Forest]
    charts: list[tuple[str, Chart]]

    @property
    def changed(self) -> bool:
        return self.a is not None and self.b is not None and self.a.verdict != self.b.verdict

    @property
    def tested(self) -> bool:
        return any(r is not None and r.verdict in words.TESTED for r in (self.a, self.b))


def render_comparison(a: RunFolder, b: RunFolder) -> str:
    """The page of two runs; they may cover different claims and encoders of different depth."""
    left, right = read(a), read(b)
    names = (left.name, right.name) if left.name != right.name else (f"A: {left.name}", f"B: {right.name}")
    drawn: dict[str, Chart] = {}
    by_a, by_b = {r.claim: r for r in left.results}, {r.claim: r for r in right.results}
    pairs = [_pair(claim, by_a.get(claim), by_b.get(claim), (left, right), names, drawn) for claim in {*by_a, *by_b}]
    pairs.sort(key=lambda p: (words.section_order(p.section), p.claim))
    shared = [p for p in pairs if p.a is not None and p.b is not None and p.tested]
    return page(
        "comparison.html.j2",
        drawn,
        title=f"{names[0]} and {names[1]}",
        names=names,
        views=(left, right),
        grids=[head_grid.grid(view.heads) if view.heads else None for view in (left, right)],
        counts=[words.counts(view.results) for view in (left, right)],
        opening=_opening(shared, names),
        groups=[
            ("Verdicts that changed", "changed", [p for p in shared if p.changed]),
            ("Same verdict", "same", [p for p in shared if not p.changed]),
        ],
        alone=[(name, [p for p in pairs if (p.b if i == 0 else p.a) is None]) for i, name in enumerate(names)],
        untested=[p for p in pairs if p.a is not None and p.b is not None and not p.tested],
    )


def difference(a: Estimate, b: Estimate) -> Estimate:
    """b − a with the interval of independent estimates: standard errors add in squares. nan where one is unknown."""
    value = b.value - a.value
    half = 1.959964 * math.hypot(a.standard_error, b.standard_error)
    return Estimate(value, value - half, value + half, min(a.n, b.n), a.unit, INDEPENDENT)


def _pair(
    claim: str,
    a: Result | None,
    b: Result | None,
    views: tuple[RunView, RunView],
    names: tuple[str, str],
    drawn: dict[str, Chart],
) -> PairView:
    either = a or b
    assert either is not None
    both, differences, keyed = [], [], []
    if a is not None and b is not None:
        order = dict.fromkeys((*a.rules, *a.values))
        for name in (n for n in order if n in a.values and n in b.values):
            x, y = a.values[name], b.values[name]
            both.append(forest(name, {names[0]: x, names[1]: y}, a.rules.get(name, "")))
            differences.append(forest(f"{name}: {names[1]} − {names[0]}", {"difference": difference(x, y)}))
        curves = overlay(views[0].rows[claim], views[1].rows[claim], names, (views[0].depth, views[1].depth))
        keyed = [(f"{claim}.{i}", chart) for i, chart in enumerate(curves)]
        drawn.update(keyed)
    return PairView(claim, either.section, either.says, a, b, both, differences, keyed)


def _opening(shared: list[PairView], names: tuple[str, str]) -> str:
    changed = sum(p.changed for p in shared)
    clear = 0
    for p in shared:
        if p.a and p.b and p.a.headline and p.b.headline:
            d = difference(p.a.headline, p.b.headline)
            clear += d.known and (d.low > 0 or d.high < 0)
    lost = [p.claim for p in shared if p.a and p.b and p.a.verdict == "holds" and p.b.verdict == "fails"]
    won = [p.claim for p in shared if p.a and p.b and p.a.verdict == "fails" and p.b.verdict == "holds"]
    text = f"Claims in both runs: {len(shared)}. Verdicts that differ: {changed}. "
    text += f"Headline estimates that differ by more than their joint interval: {clear}."
    if lost:
        text += f" True of {names[0]} but not of {names[1]}: {words.listed(lost)}."
    if won:
        text += f" True of {names[1]} but not of {names[0]}: {words.listed(won)}."
    return text
