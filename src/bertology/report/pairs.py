"""The page of scored minimal pairs: accuracy of every paradigm by phenomenon, with people's where it was published."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt

from bertology.record.estimate import Estimate
from bertology.report.charts import Chart
from bertology.report.page import page

HUMANS: Mapping[str, float] = {
    "anaphor_agreement": 0.975, "argument_structure": 0.900, "binding": 0.873, "control_raising": 0.839,
    "determiner_noun_agreement": 0.922, "ellipsis": 0.850, "filler_gap_dependency": 0.869, "irregular_forms": 0.970, "island_effects": 0.849,
    "npi_licensing": 0.881, "quantifiers": 0.866, "subject_verb_agreement": 0.909,
}  # fmt: skip
"""Accuracy of single people by phenomenon of BLiMP, from memory of Warstadt et al. 2020, table 3: shown as unchecked."""


class Paradigm(NamedTuple):
    """One paradigm's accuracy; `term` is its phenomenon ("island_effects"), empty where the file names none."""

    name: str
    term: str
    accuracy: Estimate


def render_pairs(
    name: str, corpus: str, macro: Estimate, paradigms: Sequence[Paradigm], dropped: Mapping[str, int]
) -> str:
    """The page for an encoder's accuracies on a corpus of pairs."""
    drawn = {"paradigms": _chart(paradigms)}
    return page(
        "pairs.html.j2", drawn, title=f"{name} on {corpus}", name=name, corpus=corpus, macro=macro,
        charts=list(drawn.items()), terms=_terms(paradigms), dropped=dropped,
    )  # fmt: skip


def _terms(paradigms: Sequence[Paradigm]) -> list[tuple[str, int, float, float | None]]:
    """(phenomenon, paradigms, mean accuracy, people's) in the order of accuracy; nothing where no file named a phenomenon."""
    by_term: dict[str, list[float]] = {}
    for p in paradigms:
        if p.term:
            by_term.setdefault(p.term, []).append(p.accuracy.value)
    rows = [(t.replace("_", " "), len(v), sum(v) / len(v), HUMANS.get(t)) for t, v in by_term.items()]
    return sorted(rows, key=lambda row: -row[2])


def _chart(paradigms: Sequence[Paradigm]) -> Chart:
    points: list[dict[str, Any]] = [
        {
            "paradigm": p.name.replace("_", " "), "phenomenon": p.term.replace("_", " ") or "all", "accuracy": p.accuracy.value,
            "low": p.accuracy.low, "high": p.accuracy.high, "pairs": p.accuracy.n, "people": HUMANS.get(p.term),
        }
        for p in sorted(paradigms, key=lambda p: (p.term, p.name))
    ]  # fmt: skip
    order = [p["paradigm"] for p in points]
    axis = alt.Y("paradigm:N", title=None, sort=order, axis=alt.Axis(labelLimit=320))
    span = alt.Scale(domain=[0, 1])
    base = alt.Chart(alt.Data(values=points)).encode(
        y=axis, color=alt.Color("phenomenon:N", title=None, legend=alt.Legend(columns=3, orient="top"))
    )
    tips = ["paradigm:N", "phenomenon:N", alt.Tooltip("accuracy:Q", format=".3f"), "pairs:Q"]
    dots = base.mark_point(filled=True, size=45).encode(
        x=alt.X("accuracy:Q", scale=span, title="accuracy"), tooltip=tips
    )
    bars = base.mark_rule().encode(x="low:Q", x2="high:Q")
    people = base.mark_tick(thickness=2, size=12).encode(
        x="people:Q", tooltip=["phenomenon:N", alt.Tooltip("people:Q", format=".3f")]
    )
    chance = alt.Chart(alt.Data(values=[{"x": 0.5}])).mark_rule(strokeDash=[4, 3]).encode(x="x:Q")
    shown = any(p["people"] is not None for p in points)
    layers = chance + bars + dots + (people if shown else alt.Chart(alt.Data(values=[])).mark_point())
    caption = "Accuracy of each paradigm with its 95 % interval; the dashed line is chance."
    if shown:
        caption += " Ticks are single people's accuracy on the phenomenon (BLiMP, unchecked figures)."
    spec = layers.properties(width="container", height=max(120, 15 * len(points))).to_dict()
    return Chart("accuracy by paradigm", caption, spec)
