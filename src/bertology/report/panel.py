"""Several measures of the same things side by side: a table whose cells are shaded within each column."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import altair as alt

from bertology.record.result import Row

FEWEST_MEASURES, FEWEST_LABELS, MOST_LABELS = 4, 3, 40


class Panel(NamedTuple):
    """A table as a chart of a certain height; `caption` says how to read it."""

    title: str
    caption: str
    chart: Any
    height: int


def panels(rows: Sequence[Row]) -> list[Panel]:
    """A table for each FEWEST_MEASURES measures or more (of rows without layer) that have the same FEWEST_LABELS labels or more.

    Cells print value and interval; shades run from the lowest to the highest of their column, since units differ.
    """
    cells: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row.layer < 0 and row.label and math.isfinite(row.value):
            cells.setdefault(row.measure, {})[row.label] = row
    groups: dict[frozenset[str], list[str]] = {}
    for measure, by_label in cells.items():
        groups.setdefault(frozenset(by_label), []).append(measure)
    return [
        _panel({measure: cells[measure] for measure in measures})
        for labels, measures in groups.items()
        if len(measures) >= FEWEST_MEASURES and FEWEST_LABELS <= len(labels) <= MOST_LABELS
    ]


def _panel(cells: dict[str, dict[str, Row]]) -> Panel:
    measures = list(cells)
    first = cells[measures[0]]
    labels = sorted(first, key=lambda label: -first[label].value)
    points = []
    for measure, by_label in cells.items():
        low, high = min(r.value for r in by_label.values()), max(r.value for r in by_label.values())
        for label, row in by_label.items():
            shade = (row.value - low) / (high - low) if high > low else 0.0
            interval = f" [{row.low:.3g}, {row.high:.3g}]" if math.isfinite(row.low) and math.isfinite(row.high) else ""
            points.append({
                "label": label, "measure": measure, "shade": round(shade, 3), "text": f"{row.value:.3g}",
                "value": f"{row.value:.4g}{interval}",
            })  # fmt: skip
    lines = "split(replace(replace(datum.label, ' (', '|('), ' by ', '|by '), '|')"  # growing downwards, hence below the table
    axis = alt.Axis(orient="bottom", labelAngle=0, labelExpr=lines, labelLimit=180, ticks=False, domain=False)
    base = alt.Chart(alt.Data(values=points)).encode(
        x=alt.X("measure:N", sort=measures, title=None, axis=axis),
        y=alt.Y("label:N", sort=labels, title=None),
        tooltip=["label:N", "measure:N", "value:N"],
    )
    shades = base.mark_rect(stroke=None, opacity=0.35).encode(
        color=alt.Color("shade:Q", legend=None, scale=alt.Scale(domain=[0, 1]))
    )
    title = "side by side: " + ", ".join(measures)
    caption = (
        f"{len(measures)} measures of {len(labels)} things, sorted by {measures[0]}. Shades run from the lowest to the highest of "
        "each column; intervals are in the charts of the single measures."
    )
    return Panel(title, caption, alt.layer(shades, base.mark_text().encode(text="text:N")), 24 * len(labels) + 10)
