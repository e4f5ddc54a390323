"""Charts from a claim's rows, by shape: per layer a curve, per head a heat map, per item and side paired dots, trees as
arcs (`arcs`), everything else bars with intervals.

The specs are Vega-Lite (through Altair) without colours: `palette.vega_config` gives them the page's theme.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt

from bertology.record.estimate import Estimate
from bertology.record.result import Row
from bertology.report.arcs import drawings, is_arc
from bertology.report.panel import panels

Spec = dict[str, Any]

MOST_LINES = 8
MOST_MAPS = 12
MOST_BARS = 40
SIDES = " ⇄ "
"""Parts a label into an item and one of its sides; rows with such labels are paired dots."""


class Chart(NamedTuple):
    """A drawable: `title` names the measure, `caption` says how to read it, `small` charts may stand side by side."""

    title: str
    caption: str
    spec: Spec
    small: bool = False


def charts(rows: Sequence[Row], values: Mapping[str, Estimate] | None = None) -> list[Chart]:
    """The charts of a claim; rows without a finite value are left out. `values` lends units to its names."""
    drawn = [Chart(p.title, p.caption, _finished(p.chart, p.height)) for p in panels(rows)]
    trees, rows = [row for row in rows if is_arc(row)], [row for row in rows if not is_arc(row)]
    for shape, draw in _SHAPES.items():
        here = [row for row in rows if _shape(row) == shape and math.isfinite(row.value)]
        for title, part in _together(here, shape).items():
            unit = next((e.unit for name, e in (values or {}).items() if name == title), "")
            drawn += draw(title, part, unit)
    return drawn + [Chart(d.title, d.caption, _finished(d.chart, d.height)) for d in drawings(trees)]


def overlay(a: Sequence[Row], b: Sequence[Row], names: tuple[str, str], depths: tuple[int, int]) -> list[Chart]:
    """Layer curves of two encoders over layer / number of layers, one chart for each measure and label in both."""
    series: dict[tuple[str, str], list[Spec]] = {}
    for rows, name, depth in zip((a, b), names, depths, strict=True):
        for row in rows:
            if _shape(row) == "layer" and math.isfinite(row.value) and depth > 0:
                point = {**_datum(row), "depth": round(row.layer / depth, 4), "run": name}
                series.setdefault((row.measure, row.label), []).append(point)
    both = {key: points for key, points in series.items() if len({p["run"] for p in points}) == 2}
    drawn = []
    for (measure, label), points in list(both.items())[:MOST_MAPS]:
        x = alt.X("depth:Q", title="relative depth", scale=alt.Scale(domain=[0, 1]))
        colour = alt.Color("run:N", title=None, sort=list(names), scale=alt.Scale(domain=list(names)))
        tips = ["run:N", "layer:Q", *_tips(points, "value", "low", "high")]
        title = f"{measure}: {label}" if label else measure
        caption = f"{title} by relative depth (layer ÷ number of layers; 0 = embeddings) in both runs. {_BAND}"
        drawn.append(Chart(title, caption, _curves(points, x, colour, measure, tips), small=True))
    return drawn


_BAND = "The band, where there is one, is the 95 % interval."


def _shape(row: Row) -> str:
    if row.layer < 0:
        return "sides" if SIDES in row.label else "label"
    return "layer" if row.head < 0 else "head"


def _together(rows: Sequence[Row], shape: str) -> dict[str, list[Row]]:
    """Rows by measure; measures that have no labels and a like scale share one chart, with the measure as the label."""
    by_measure: dict[str, list[Row]] = {}
    for row in rows:
        by_measure.setdefault(row.measure, []).append(row)
    plain = [name for name, part in by_measure.items() if not any(row.label for row in part)]
    size = [max(abs(row.value) for row in by_measure[name]) for name in plain]
    if shape == "head" or not 2 <= len(plain) <= MOST_LINES or max(size) > 20 * min(size):
        return by_measure
    merged = [_labelled(row, name) for name in plain for row in by_measure[name]]
    return {", ".join(plain): merged, **{name: part for name, part in by_measure.items() if name not in plain}}


def _labelled(row: Row, label: str) -> Row:
    return Row(row.measure, row.value, row.low, row.high, row.n, row.layer, row.head, label)


def _layer_curves(title: str, rows: Sequence[Row], unit: str) -> list[Chart]:
    labels = list(dict.fromkeys(row.label for row in rows))
    points = [_datum(row) for row in sorted(rows, key=lambda row: (labels.index(row.label), row.layer))]
    peaks = "; ".join(f"{label or title}: {_peak(rows, label)}" for label in labels[:MOST_LINES])
    if len(labels) > MOST_LINES:
        shown = set(labels[:MOST_BARS])
        points = [p for p in points if p.get("label", "") in shown]
        left_out = f" The first {MOST_BARS} of {len(labels)} labels." if len(labels) > MOST_BARS else ""
        caption = f"{title}{_in(unit)} by layer (across; 0 = embeddings) and label (down).{left_out} Highest: {peaks}."
        return [Chart(title, caption, _map(points, "layer", "label", title, _domain(rows), height=20 * len(shown)))]
    x = alt.X("layer:Q", title="layer", axis=alt.Axis(tickMinStep=1, format="d"))
    several = len(labels) > 1
    colour = alt.Color("label:N", title=None, sort=labels) if several else None
    tips = [*(["label:N"] if several else []), "layer:Q", *_tips(points, "value", "low", "high", "n")]
    spec = _curves(points, x, colour, f"{title}{_in(unit)}", tips)
    lines = "; one line a label" if several else ""
    caption = f"{title}{_in(unit)} by layer, 0 being the embeddings{lines}. {_BAND} Highest: {peaks}."
    return [Chart(title, caption, spec)]


def _head_maps(title: str, rows: Sequence[Row], unit: str) -> list[Chart]:
    labels = list(dict.fromkeys(row.label for row in rows))
    top = {label: max(row.value for row in rows if row.label == label) for label in labels}
    shown = sorted(labels, key=lambda label: -top[label])[:MOST_MAPS] if len(labels) > MOST_MAPS else labels
    layers = len({row.layer for row in rows})
    drawn = []
    for label in shown:
        here = [row for row in rows if row.label == label]
        best = max(here, key=lambda row: row.value)
        name = f"{title}: {label}" if label else title
        left_out = (
            f" {len(labels) - MOST_MAPS} labels with lower maxima are not drawn."
            if len(labels) > MOST_MAPS and label == shown[-1]
            else ""
        )
        caption = (
            f"{name}{_in(unit)}: a cell is a head, layers from top to bottom. "
            f"Highest: layer {best.layer} · head {best.head} ({_number(best.value)}).{left_out}"
        )
        points = [_datum(row) for row in here]
        drawn.append(Chart(name, caption, _map(points, "head", "layer", title, _domain(rows), 15 * layers), small=True))
    return drawn


def _bars(title: str, rows: Sequence[Row], unit: str) -> list[Chart]:
    ordered = sorted(rows, key=lambda row: -row.value)
    shown = ordered[:MOST_BARS]
    labels = [row.label or row.measure for row in shown]
    points = [{**_datum(row), "label": label} for row, label in zip(shown, labels, strict=True)]
    y = alt.Y("label:N", sort=list(dict.fromkeys(labels)), title=None)
    base = alt.Chart(alt.Data(values=points)).encode(y=y)
    tips = ["label:N", *_tips(points, "value", "low", "high", "n")]
    layers = [
        base.mark_bar(opacity=0.35, height=9).encode(
            x=alt.X("value:Q", stack=None, title=f"{title}{_in(unit)}"), tooltip=tips
        )
    ]
    if any("low" in p for p in points):
        layers.append(base.mark_rule(strokeWidth=1.5).encode(x="low:Q", x2="high:Q"))
    layers.append(base.mark_point(filled=True, size=42, opacity=1).encode(x="value:Q", tooltip=tips))
    left_out = f" The {MOST_BARS} largest of {len(rows)}." if len(rows) > MOST_BARS else ""
    caption = f"{title}{_in(unit)} by label, largest first; the line through a point is its 95 % interval.{left_out}"
    return [Chart(title, caption, _finished(alt.layer(*layers), height=20 * len(set(labels)) + 10))]


def _paired_dots(title: str, rows: Sequence[Row], unit: str) -> list[Chart]:
    points = [
        {**_datum(row), "item": item, "side": side} for row in rows for item, _, side in (row.label.rpartition(SIDES),)
    ]
    sides = list(dict.fromkeys(p["side"] for p in points))
    found: dict[str, dict[str, float]] = {}
    for p in points:
        found.setdefault(p["item"], {})[p["side"]] = p["value"]
    whole = [item for item, by_side in found.items() if len(by_side) == len(sides)]
    drop = {item: found[item][sides[0]] - found[item][sides[-1]] for item in whole}
    ordered = sorted(whole, key=lambda item: -drop[item])
    step = max(1.0, (len(ordered) - 1) / (MOST_BARS - 1)) if len(ordered) > MOST_BARS else 1.0
    shown = [ordered[round(k * step)] for k in range(min(MOST_BARS, len(ordered)))]
    points = [p for p in points if p["item"] in set(shown)]
    if not points:
        return []
    y = alt.Y("item:N", sort=shown, title=None)
    x = alt.X("value:Q", title=f"{title}{_in(unit)}", scale=alt.Scale(zero=False))
    spans = [{"item": i, "from": min(found[i].values()), "to": max(found[i].values())} for i in shown]
    lines = alt.Chart(alt.Data(values=spans)).mark_rule(strokeWidth=1.5, opacity=0.5)
    layers = [lines.encode(y=y, x=alt.X("from:Q", title=f"{title}{_in(unit)}", scale=alt.Scale(zero=False)), x2="to:Q")]
    if min(p["value"] for p in points) < 0 < max(p["value"] for p in points):
        layers.append(alt.Chart(alt.Data(values=[{"value": 0}])).mark_rule(strokeDash=[4, 3]).encode(x="value:Q"))
    key = {"title": None, "sort": sides, "scale": alt.Scale(domain=sides)}
    dots = alt.Chart(alt.Data(values=points)).mark_point(filled=True, size=48, opacity=1)
    tips = ["item:N", "side:N", *_tips(points, "value", "low", "high", "n")]
    layers.append(
        dots.encode(y=y, x=x, color=alt.Color("side:N", **key), shape=alt.Shape("side:N", **key), tooltip=tips)
    )
    higher = sum(difference > 0 for difference in drop.values())
    left_out = f" {len(shown)} of {len(whole)} items, evenly over the order." if len(shown) < len(whole) else ""
    caption = (
        f"{title}{_in(unit)}, a line an item, a dot a side; sorted by {sides[0]} minus {sides[-1]}, which is positive in "
        f"{higher} of {len(whole)}.{left_out}"
    )
    return [Chart(title, caption, _finished(alt.layer(*layers), height=15 * len(shown) + 20))]


_SHAPES: dict[str, Callable[[str, Sequence[Row], str], list[Chart]]] = {
    "layer": _layer_curves,
    "head": _head_maps,
    "sides": _paired_dots,
    "label": _bars,
}


def _curves(points: list[Spec], x: alt.X, colour: alt.Color | None, title: str, tips: list[Any]) -> Spec:
    base = alt.Chart(alt.Data(values=points)).encode(x=x, color=alt.Undefined if colour is None else colour)
    y = alt.Y("value:Q", title=title, scale=alt.Scale(zero=False))
    layers = []
    if any("low" in p for p in points):
        layers.append(
            base.mark_area(opacity=0.16).encode(y=alt.Y("low:Q", title=title, scale=alt.Scale(zero=False)), y2="high:Q")
        )
    layers += [base.mark_line().encode(y=y), base.mark_point(filled=True, size=36, opacity=1).encode(y=y, tooltip=tips)]
    return _finished(alt.layer(*layers), height=220)


def _map(points: list[Spec], across: str, down: str, title: str, domain: tuple[float, float], height: int) -> Spec:
    low, high = domain
    scale = (
        alt.Scale(domain=[-max(-low, high), max(-low, high)], range="diverging", interpolate="lab")
        if low < 0
        else alt.Scale(domain=[low, high], interpolate="lab")
    )
    rows_sorted = None if down == "label" else "ascending"
    chart = (
        alt.Chart(alt.Data(values=points))
        .mark_rect(stroke=None)
        .encode(
            x=alt.X(f"{across}:O", title=across, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y(f"{down}:O", title=None if down == "label" else down, sort=rows_sorted),
            color=alt.Color(
                "value:Q",
                title=None,
                scale=scale,
                legend=alt.Legend(gradientLength=110, gradientThickness=8, tickCount=3),
            ),
            tooltip=[f"{down}:O", f"{across}:O", *_tips(points, "value", "low", "high", "n")],
        )
    )
    return _finished(chart, height=max(60, height))


def _finished(chart: Any, height: int) -> Spec:
    """The spec as plain JSON, wide as its container; Altair's default size config goes, the page gives its own."""
    spec = chart.properties(width="container", height=height).to_dict()
    spec.pop("config", None)
    spec.pop("$schema", None)
    return spec


def _datum(row: Row) -> Spec:
    """A row as a chart datum: five significant digits, nothing where nothing was measured."""
    numbers = {key: getattr(row, key) for key in ("value", "low", "high")}
    point: Spec = {key: float(f"{x:.5g}") for key, x in numbers.items() if math.isfinite(x)}
    point |= {key: getattr(row, key) for key in ("layer", "head") if getattr(row, key) >= 0}
    return point | ({"n": row.n} if row.n else {}) | ({"label": row.label} if row.label else {})


def _tips(points: Sequence[Spec], *names: str) -> list[alt.Tooltip]:
    there = [name for name in names if any(name in p for p in points)]
    return [alt.Tooltip(f"{name}:Q", format="," if name == "n" else ".4~g") for name in there]


def _domain(rows: Sequence[Row]) -> tuple[float, float]:
    """Zero to the largest value, or the values' range when zero is far away or some are negative."""
    low, high = min(row.value for row in rows), max(row.value for row in rows)
    low = low if low < 0 or low > 0.6 * high else 0.0
    return float(f"{low:.4g}"), float(f"{high:.4g}") if high > low else low + 1.0


def _peak(rows: Sequence[Row], label: str) -> str:
    best = max((row for row in rows if row.label == label), key=lambda row: row.value)
    return f"layer {best.layer} ({_number(best.value)})"


def _number(value: float) -> str:
    return f"{value:.3g}"


def _in(unit: str) -> str:
    return f" ({unit})" if unit else ""
