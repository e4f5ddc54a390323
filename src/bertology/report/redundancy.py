"""The page of an encoder's redundancy: what can go and how much of it, by curves and one table."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from bertology.report.charts import Chart
from bertology.report.page import page

WHAT = {
    "heads": "Attention heads are silenced, over all layers at once.",
    "neurons": "Neurons of the feed-forward parts are silenced, over all layers at once.",
    "layers": "Whole layers are skipped; what they would have read is handed on.",
    "weights": "Single weights of the layers' matrices become zero.",
    "bits": "Weights of the layers' matrices are rounded; the share is that of their 32 bits.",
    "dimensions": "Each layer's hidden states keep only some directions of their space.",
}


def render_redundancy(found: Mapping[str, Any]) -> str:
    """The page of what `Redundancy.to_json` holds."""
    drawn: dict[str, Chart] = {}
    for part in dict.fromkeys(c["part"] for c in found["curves"]):
        drawn[part] = _curves(part, [c for c in found["curves"] if c["part"] == part], found)
    if found["dimensions"]:
        drawn["spectrum"] = _spectrum(found["dimensions"])
    limits = sorted(found["limits"], key=lambda x: (list(WHAT).index(x["part"]), x["how"] == "random"))
    return page(
        "redundancy.html.j2", drawn, title=f"{found['encoder']}: what it could do without", found=found, charts=list(drawn.items()),
        limits=limits, best=_best(found["limits"]),
    )  # fmt: skip


def _best(limits: Sequence[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any], Mapping[str, Any] | None]]:
    """For each part its furthest order that is not random, and the random one."""
    found = []
    for part in dict.fromkeys(x["part"] for x in limits):
        here = [x for x in limits if x["part"] == part]
        chosen = max((x for x in here if x["how"] != "random"), key=lambda x: x["gone"]["value"])
        found.append((part, chosen, next((x for x in here if x["how"] == "random"), None)))
    return found


def _curves(part: str, curves: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> Chart:
    points = [
        {"gone": gone, "order": c["how"], "value": e["value"], **{k: e[k] for k in ("low", "high") if e[k] is not None}}
        for c in curves for gone, e in zip(c["gone"], c["scores"], strict=True) if e["value"] is not None
    ]  # fmt: skip
    orders = [c["how"] for c in curves]
    base = alt.Chart(alt.Data(values=points)).encode(
        x=alt.X("gone:Q", title=f"share of {part} gone", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
        color=alt.Color("order:N", title=None, sort=orders, legend=alt.Legend(columns=2)),
    )
    y = alt.Y("value:Q", title=found["measure"], scale=alt.Scale(zero=False))
    tips = ["order:N", alt.Tooltip("gone:Q", format=".0%"), *(alt.Tooltip(f"{k}:Q", format=".4~g") for k in ("value", "low", "high"))]  # fmt: skip
    whole = alt.Chart(alt.Data(values=[{"y": found["whole"]["value"]}])).mark_rule(strokeDash=[4, 3]).encode(y="y:Q")
    layers = (
        whole
        + base.mark_area(opacity=0.15).encode(y=alt.Y("low:Q", title=found["measure"]), y2="high:Q")
        + base.mark_line().encode(y=y)
        + base.mark_point(filled=True, size=36, opacity=1).encode(y=y, tooltip=tips)
    )
    spec = layers.properties(width="container", height=220).to_dict()
    caption = f"{WHAT[part]} Across: the share that is gone; up: {found['measure']} on {found['of']}. The dashed line is the whole encoder, bands are 95 % intervals."
    return Chart(part, caption, spec, small=True)


def _spectrum(rows: Sequence[Mapping[str, Any]]) -> Chart:
    names = {"needed": "hold 99 % of the variance", "participation": "participation ratio"}
    points = [
        {"layer": r["layer"], "of": name, "value": r[key]["value"], "low": r[key]["low"], "high": r[key]["high"]}
        for r in rows for key, name in names.items()
    ]  # fmt: skip
    base = alt.Chart(alt.Data(values=points)).encode(
        x=alt.X("layer:Q", axis=alt.Axis(tickMinStep=1, format="d")),
        color=alt.Color("of:N", title=None, legend=alt.Legend(columns=1)),
    )
    y = alt.Y("value:Q", title="dimensions", scale=alt.Scale(domain=[0, rows[-1]["width"]]))
    tips = ["of:N", "layer:Q", *(alt.Tooltip(f"{k}:Q", format=".4~g") for k in ("value", "low", "high"))]
    layers = (
        base.mark_area(opacity=0.15).encode(y=alt.Y("low:Q", title="dimensions"), y2="high:Q")
        + base.mark_line().encode(y=y)
        + base.mark_point(filled=True, size=36).encode(y=y, tooltip=tips)
    )
    caption = (
        f"Of {rows[-1]['width']} dimensions: how many principal components hold 99 % of the variance of a layer's hidden states, and the "
        "participation ratio, the number of equal components that would spread as much. 0 is the embeddings."
    )
    return Chart("dimensions in use", caption, layers.properties(width="container", height=220).to_dict(), small=True)
