"""The page of a pre-training: loss, learning rate and speed over tokens, and when each claim's quantity was acquired."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from bertology.record.folder import RunFolder
from bertology.report import words
from bertology.report.charts import Chart, Spec
from bertology.report.page import page

MOST_POINTS = 400


def render_training(name: str, log: Sequence[Mapping[str, Any]], runs: Sequence[tuple[int, RunFolder]]) -> str:
    """From the lines of a training log and the run of each checkpoint with the tokens it had seen."""
    steps = [line for line in log if "rate" in line]
    held_out = [line for line in log if any(key.startswith("valid ") for key in line)]
    drawn: dict[str, Chart] = {}
    if steps:
        drawn["loss"] = _losses(steps, held_out)
        drawn["rate"] = _curve(
            _thin(steps), "rate", "learning rate", "The learning rate; it ends at 0 with the budget."
        )
        drawn["speed"] = _curve(
            _speeds(steps), "speed", "tokens per second", "Real tokens per second, padding left out."
        )
    acquired = _acquisition(runs)
    drawn |= {f"acquired.{k}": chart for k, chart in enumerate(acquired)}
    last = steps[-1] if steps else {}
    return page(
        "training.html.j2",
        drawn,
        title=f"{name}: how it was trained",
        name=name,
        last=last,
        held_out={
            key.removeprefix("valid "): value
            for key, value in (held_out[-1] if held_out else {}).items()
            if key.startswith("valid ")
        },
        curves=[(key, drawn[key]) for key in ("loss", "rate", "speed") if key in drawn],
        acquired=[(f"acquired.{k}", chart) for k, chart in enumerate(acquired)],
        verdicts=_verdicts(runs),
        tokens=[tokens for tokens, _ in runs],
    )


def _losses(steps: Sequence[Mapping[str, Any]], held_out: Sequence[Mapping[str, Any]]) -> Chart:
    parts = [key for key in steps[0] if key not in _COLUMNS]
    points = [
        {"tokens": line["tokens"], "loss": line[part], "of": part} for line in _smooth(steps, parts) for part in parts
    ]
    for line in held_out:
        points += [
            {"tokens": line["tokens"], "loss": v, "of": k.replace("valid", "held out,")}
            for k, v in line.items()
            if k.startswith("valid ")
        ]
    base = alt.Chart(alt.Data(values=points)).encode(
        x=alt.X("tokens:Q", title="tokens seen", axis=alt.Axis(format="~s")),
        y=alt.Y("loss:Q", title="nats per prediction", scale=alt.Scale(zero=False)),
        color=alt.Color("of:N", title=None),
        tooltip=["of:N", alt.Tooltip("tokens:Q", format="~s"), alt.Tooltip("loss:Q", format=".3f")],
    )
    spec = base.mark_line(clip=True) + base.mark_point(filled=True, size=30).transform_filter(
        "indexof(datum.of, 'held out') == 0"
    )
    caption = "Mean loss by tokens seen: lines are running means over the training batches, points the held-out text."
    return Chart("loss", caption, spec.properties(width="container", height=260).to_dict())


def _curve(lines: Sequence[Mapping[str, Any]], key: str, title: str, caption: str) -> Chart:
    points = [{"tokens": line["tokens"], key: line[key]} for line in lines]
    spec: Spec = (
        alt.Chart(alt.Data(values=points))
        .mark_line()
        .encode(
            x=alt.X("tokens:Q", title="tokens seen", axis=alt.Axis(format="~s")),
            y=alt.Y(f"{key}:Q", title=title),
            tooltip=[alt.Tooltip("tokens:Q", format="~s"), alt.Tooltip(f"{key}:Q", format=".4~g")],
        )
        .properties(width="container", height=160)
        .to_dict()
    )
    return Chart(title, caption, spec, small=True)


def _acquisition(runs: Sequence[tuple[int, RunFolder]]) -> list[Chart]:
    """One chart for each unit: every claim's headline, with its interval, by tokens seen."""
    by_unit: dict[str, list[dict[str, Any]]] = {}
    for tokens, folder in runs:
        for result in folder.results():
            if result.headline is not None:
                e = result.headline
                point = {
                    "tokens": tokens,
                    "value": e.value,
                    "low": e.low,
                    "high": e.high,
                    "claim": result.claim,
                    "says": result.says,
                }
                by_unit.setdefault(e.unit, []).append(point)
    charts = []
    for unit, points in sorted(by_unit.items()):
        base = alt.Chart(alt.Data(values=points)).encode(
            x=alt.X("tokens:Q", title="tokens seen", axis=alt.Axis(format="~s")), color=alt.Color("claim:N", title=None)
        )
        tips = ["claim:N", "says:N", alt.Tooltip("value:Q", format=".3~g"), alt.Tooltip("tokens:Q", format="~s")]
        line = base.mark_line(point=True).encode(y=alt.Y("value:Q", title=unit or "headline"), tooltip=tips)
        band = base.mark_area(opacity=0.15).encode(y="low:Q", y2="high:Q")
        caption = f"The headline of each claim measured in {unit or 'its own unit'}, by tokens seen; the band is the 95 % interval."
        charts.append(
            Chart(
                f"acquisition, {unit or 'no unit'}",
                caption,
                (band + line).properties(width="container", height=240).to_dict(),
            )
        )
    return charts


def _verdicts(runs: Sequence[tuple[int, RunFolder]]) -> list[tuple[str, str, list[str]]]:
    """For each claim what it says and its verdict at each checkpoint."""
    table: dict[str, tuple[str, list[str]]] = {}
    for k, (_, folder) in enumerate(runs):
        for result in folder.results():
            _says, verdicts = table.setdefault(result.claim, (result.says, [""] * len(runs)))
            verdicts[k] = result.verdict
    order = lambda claim: (words.TESTED.index(table[claim][1][-1]) if table[claim][1][-1] in words.TESTED else 9, claim)
    return [(claim, *table[claim]) for claim in sorted(table, key=order)]


def _thin(lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    every = max(1, len(lines) // MOST_POINTS)
    return [line for k, line in enumerate(lines) if k % every == 0 or k == len(lines) - 1]


def _smooth(lines: Sequence[Mapping[str, Any]], parts: Sequence[str]) -> list[dict[str, Any]]:
    """Means over as many neighbouring steps as one point on the chart stands for."""
    every = max(1, len(lines) // MOST_POINTS)
    groups = [lines[i : i + every] for i in range(0, len(lines), every)]
    return [{"tokens": g[-1]["tokens"], **{p: sum(line[p] for line in g) / len(g) for p in parts}} for g in groups]


def _speeds(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    kept = _thin(lines)
    pairs = itertools.pairwise(kept)
    return [
        {"tokens": b["tokens"], "speed": (b["tokens"] - a["tokens"]) / (b["seconds"] - a["seconds"])}
        for a, b in pairs if b["seconds"] > a["seconds"]
    ]  # fmt: skip


_COLUMNS = frozenset(("step", "tokens", "seconds", "rate", "norm", "loss"))
