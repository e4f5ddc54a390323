"""What a smaller encoder kept: a page and a model card for one compression, a page with the front of several."""

from collections.abc import Callable, Sequence
from typing import Any

import altair as alt

from bertology.record.retention import Kept, Retention
from bertology.report.charts import Chart
from bertology.report.page import page

FATES = ("forgot", "gained", "kept", "never had", "not measured")


def render_retention(record: Retention) -> str:
    """The page of one compression: costs, task, and every ability before and after."""
    drawn: dict[str, Chart] = {}
    shown = [k for k in record.abilities if k.retention is not None]
    if shown:
        drawn["kept"] = _kept_chart(shown)
    order = sorted(record.abilities, key=lambda k: (FATES.index(k.fate), k.claim))
    return page(
        "retention.html.j2", drawn, title=f"{record.encoder} by {record.recipe}: what was kept", r=record, abilities=order,
        charts=list(drawn.items()), shares={id(k): k.retention for k in order}, fates=FATES,
    )  # fmt: skip


def render_pareto(records: Sequence[Retention]) -> str:
    """The page of several compressions: what each saves against what each keeps, the front marked, for every ability."""
    drawn: dict[str, Chart] = {}
    names = _names(records)
    task = [(n, r, r.score_kept) for n, r in zip(names, records, strict=True) if r.score_kept is not None]
    costs: tuple[tuple[str, str, Callable[[Retention], float]], ...] = (
        ("bytes", "times smaller (bytes)", lambda r: r.smaller),
        ("speed", f"times faster at batch {_batch(records)}", lambda r: r.faster.get(_batch(records), 1.0)),
    )
    for key, title, cost in costs:
        if task:
            points = [_point(n, cost(r), e.value, e.low, e.high) for n, r, e in task]
            drawn[f"task {key}"] = _front(points, title, "share of the task score kept")
        worst = [(n, r, r.worst) for n, r in zip(names, records, strict=True)]
        points = [
            _point(n, cost(r), k.retention.value, k.retention.low, k.retention.high, k.ability)
            for n, r, k in worst if k is not None and k.retention is not None
        ]  # fmt: skip
        if points:
            drawn[f"worst {key}"] = _front(points, title, "share of the worst ability kept")
        for ability in _abilities(records):
            found = [(n, r, next((k for k in r.abilities if k.ability == ability), None)) for n, r in zip(names, records, strict=True)]  # fmt: skip
            points = [
                _point(n, cost(r), k.retention.value, k.retention.low, k.retention.high)
                for n, r, k in found if k is not None and k.retention is not None
            ]  # fmt: skip
            if points:
                drawn[f"{ability} {key}"] = _front(points, title, f"share of {ability} kept")
    return page(
        "pareto.html.j2", drawn, title="Smaller against what is kept", records=list(zip(names, records, strict=True)),
        charts=list(drawn.items()), abilities=_abilities(records), cells=_cells(names, records), batch=_batch(records),
    )  # fmt: skip


def model_card(record: Retention, says: str) -> str:
    """The smaller model's README: what it is, what it costs, what it kept and forgot."""
    speed = ", ".join(f"{s:.2f}x at batch {k}" for k, s in record.faster.items())
    lines = [
        f"# {record.encoder}, made smaller by {record.recipe}", "", says, "",
        f"- parameters: {record.before.parameters:,} -> {record.after.parameters:,} ({record.fewer:.2f}x fewer)",
        f"- bytes: {record.before.bytes:,} -> {record.after.bytes:,} ({record.smaller:.2f}x smaller{', as codes' if record.after.simulated else ''})",
        f"- measured speed-up on one machine: {speed}",
    ]  # fmt: skip
    if record.score_kept is not None:
        lines.append(
            f"- {record.task}: {record.score_before} -> {record.score_after}; {record.score_kept} (majority {record.majority:.3f})"
        )
    if record.abilities:
        lines += ["", "| ability | claim | before | after | share kept | |", "|---|---|---|---|---|---|"]
        for k in record.abilities:
            share = str(k.retention) if k.retention is not None else ""
            lines.append(
                f"| {k.ability} | {k.claim} | {k.reference or ''} | {k.after or 'not measured'} | {share} | {k.fate} |"
            )
        forgot = ", ".join(k.ability for k in record.of("forgot"))
        lines += ["", f"Forgot: {forgot or 'nothing that these tests see'}."]
    return "\n".join([*lines, "", "Made with bertology; intervals are 95 %.", ""])


def _kept_chart(shown: Sequence[Kept]) -> Chart:
    points = [
        {"ability": k.ability, "share": e.value, "low": max(e.low, -1), "high": min(e.high, 3), "fate": k.fate, "claim": k.claim}
        for k in sorted(shown, key=lambda k: k.retention.value)  # type: ignore[union-attr]
        if (e := k.retention) is not None
    ]  # fmt: skip
    order = [p["ability"] for p in points]
    base = alt.Chart(alt.Data(values=points)).encode(
        y=alt.Y("ability:N", title=None, sort=order, axis=alt.Axis(labelLimit=240)),
        color=alt.Color("fate:N", title=None, scale=alt.Scale(domain=["kept", "forgot", "gained"])),
        tooltip=["ability:N", "claim:N", "fate:N", alt.Tooltip("share:Q", format=".2f")],
    )
    shape = alt.Shape("fate:N", title=None, scale=alt.Scale(domain=["kept", "forgot", "gained"]))
    rule = (
        alt.Chart(alt.Data(values=[{"x": 1}])).mark_rule(strokeDash=[4, 3]).encode(x=alt.X("x:Q", title="share kept"))
    )
    spec = (
        rule + base.mark_rule().encode(x="low:Q", x2="high:Q") + base.mark_point(filled=True, size=70).encode(x="share:Q", shape=shape)
    )  # fmt: skip
    caption = "Each ability that the whole encoder has: what is left of it above chance, with its 95 % interval. 1 is all of it, 0 is chance."
    return Chart(
        "What is left of each ability", caption, spec.properties(width="container", height=22 * len(points)).to_dict()
    )


def _front(points: list[dict[str, Any]], cost: str, kept: str) -> Chart:
    """Points with the front: those that no other one beats in both."""
    for p in points:
        p["front"] = not any(
            q["cost"] >= p["cost"] and q["kept"] >= p["kept"] and (q["cost"], q["kept"]) != (p["cost"], p["kept"])
            for q in points
        )
    line = sorted((p for p in points if p["front"]), key=lambda p: p["cost"])
    x = alt.X("cost:Q", title=cost, scale=alt.Scale(zero=False))
    base = alt.Chart(alt.Data(values=points)).encode(
        x=x, tooltip=["name:N", alt.Tooltip("cost:Q", format=".2f"), alt.Tooltip("kept:Q", format=".2f"), "note:N"]
    )
    dots = base.mark_point(filled=True, size=60).encode(
        y=alt.Y("kept:Q", title=kept), opacity=alt.condition("datum.front", alt.value(1), alt.value(0.45))
    )
    spans = base.mark_rule(opacity=0.35).encode(y="low:Q", y2="high:Q")
    names = base.mark_text(align="left", dx=6, dy=-5, fontSize=10).encode(y="kept:Q", text="name:N")
    front = alt.Chart(alt.Data(values=line)).mark_line(strokeDash=[5, 3]).encode(x=x, y="kept:Q")
    caption = (
        f"{kept[0].upper()}{kept[1:]} against {cost}; the dashed line is the front, faint points are beaten in both."
    )
    spec = (front + spans + dots + names).properties(width="container", height=240).to_dict()
    return Chart(kept, caption, spec, small=True)


def _point(name: str, cost: float, kept: float, low: float, high: float, note: str = "") -> dict[str, Any]:
    return {"name": name, "cost": cost, "kept": kept, "low": max(low, -1.0), "high": min(high, 3.0), "note": note}


def _names(records: Sequence[Retention]) -> list[str]:
    """Recipe names; with the goal and the encoder where they would be the same."""
    short = [r.recipe for r in records]
    longer = [f"{r.recipe}, {r.goal}" for r in records]
    longest = [f"{r.encoder}: {r.recipe}, {r.goal}" for r in records]
    for names in (short, longer, longest):
        if len(set(names)) == len(names):
            return names
    return [f"{name} ({k + 1})" for k, name in enumerate(longest)]


def _abilities(records: Sequence[Retention]) -> list[str]:
    return list(dict.fromkeys(k.ability for r in records for k in r.abilities if k.retention is not None))


def _cells(names: Sequence[str], records: Sequence[Retention]) -> dict[tuple[str, str], Kept]:
    return {(n, k.ability): k for n, r in zip(names, records, strict=True) for k in r.abilities}


def _batch(records: Sequence[Retention]) -> str:
    """The largest batch that all were timed at."""
    shared = set.intersection(*(set(r.faster) for r in records)) if records else set()
    return max(shared, key=int, default="1")
