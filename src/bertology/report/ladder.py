"""The page of a ladder: how fast each form of an encoder is here, what it changes, and which are refused."""

from collections.abc import Mapping
from typing import Any

import altair as alt

from bertology.report.charts import Chart
from bertology.report.page import page


def render_ladder(found: Mapping[str, Any]) -> str:
    """The page of what `Ladder.to_json` holds."""
    drawn = {"speed": _speed(found)}
    best = next(r for r in found["rungs"] if r["name"] == found["best"])
    return page(
        "ladder.html.j2", drawn, title=f"{found['encoder']}: faster, rung by rung", found=found, best=best, charts=list(drawn.items()),
    )  # fmt: skip


def _speed(found: Mapping[str, Any]) -> Chart:
    points = [
        {
            "rung": r["name"], "times": r["speedup"]["value"], "use": "refused" if r["refused"] else "may be used",
            **{k: r["speedup"][k] for k in ("low", "high") if r["speedup"][k] is not None},
        }
        for r in found["rungs"]
    ]  # fmt: skip
    base = alt.Chart(alt.Data(values=points)).encode(
        y=alt.Y("rung:N", title=None, sort=[p["rung"] for p in points], axis=alt.Axis(labelLimit=220)),
        color=alt.Color("use:N", title=None, sort=["may be used", "refused"]),
    )
    tips = ["rung:N", "use:N", *(alt.Tooltip(f"{k}:Q", format=".3~g") for k in ("times", "low", "high"))]
    x = alt.X("times:Q", title="times as fast as the base", scale=alt.Scale(zero=True))
    one = alt.Chart(alt.Data(values=[{"x": 1}])).mark_rule(strokeDash=[4, 3]).encode(x="x:Q")
    layers = (
        one
        + base.mark_rule(strokeWidth=1.5).encode(x="low:Q", x2="high:Q")
        + base.mark_point(filled=True, size=60, opacity=1).encode(
            x=x, shape=alt.Shape("use:N", title=None, sort=["may be used", "refused"]), tooltip=tips
        )
    )
    caption = (
        "Speed of each rung over the base (dashed), measured in turn within each repeat; lines are 95 % intervals."
    )
    spec = layers.properties(width="container", height=max(120, 26 * len(points))).to_dict()
    return Chart("speed", caption, spec)
