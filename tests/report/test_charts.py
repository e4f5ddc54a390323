"""Charts by the shape of rows, interval plots by the text of rules, and files for papers."""

import math
from itertools import pairwise

import altair as alt
import pytest

from bertology import report
from bertology.record.claim import above, below, between
from bertology.record.errors import BadRequest
from bertology.record.estimate import Estimate
from bertology.record.folder import RunFolder
from bertology.record.result import Row
from bertology.report.charts import charts, overlay
from bertology.report.intervals import forest, region


def test_each_shape_of_rows_has_its_chart() -> None:
    curve, bars, cells = (
        charts([Row("accuracy", 0.1 * i, layer=i) for i in range(4)]),
        charts([Row("accuracy", 0.1, label=name) for name in "ab"]),
        charts([Row("effect", 0.1, layer=1, head=h) for h in range(4)]),
    )
    marks = [str(chart[0].spec) for chart in (curve, bars, cells)]
    assert "'line'" in marks[0] and "'bar'" in marks[1] and "'rect'" in marks[2]


def test_items_with_two_sides_are_paired_dots_in_the_order_of_their_differences() -> None:
    odds = {"robin": (3.0, 2.0), "oak": (1.0, 1.5), "trout": (2.0, -1.0)}
    rows = [
        Row("log-odds", v, label=f"{i} ⇄ {s}")
        for i, pair in odds.items()
        for s, v in zip(("yes", "no"), pair, strict=True)
    ]
    (chart,) = charts([*rows, Row("log-odds", 1.0, label="lone ⇄ yes"), Row("log-odds", math.nan, label="lone ⇄ no")])
    lines, zero, dots = chart.spec["layer"]
    assert dots["encoding"]["y"]["sort"] == ["trout", "robin", "oak"]
    assert {p["item"]: (p["from"], p["to"]) for p in lines["data"]["values"]} == {
        "robin": (2, 3),
        "oak": (1, 1.5),
        "trout": (-1, 2),
    }
    assert len(dots["data"]["values"]) == 6 and zero["data"]["values"] == [{"value": 0}]
    assert "positive in 2 of 3" in chart.caption
    alt.Chart.from_dict(chart.spec)
    (chart,) = charts(
        [Row("log-odds", v, label=f"{i} ⇄ {s}") for i in ("a", "b") for s, v in (("yes", 1.0), ("no", 2.0))]
    )
    assert len(chart.spec["layer"]) == 2  # no line at zero where nothing is below it


def test_many_pairs_are_thinned_evenly_with_both_ends() -> None:
    (chart,) = charts([Row("x", v, label=f"{i} ⇄ {s}") for i in range(100) for s, v in (("a", float(i)), ("b", 0.0))])
    shown = chart.spec["layer"][-1]["encoding"]["y"]["sort"]
    assert (len(shown), shown[0], shown[-1]) == (40, "99", "0")
    assert "40 of 100 items" in chart.caption and "positive in 99 of 100" in chart.caption
    gaps = [int(a) - int(b) for a, b in pairwise(shown)]
    assert set(gaps) == {2, 3}


def test_every_spec_is_valid_vega_lite(folder: RunFolder) -> None:
    specs = [c.spec for r in folder.results() for c in charts(folder.rows(r.claim))]
    assert len(specs) > 20
    for spec in specs[:4] + specs[-4:]:
        alt.Chart.from_dict(spec)


def test_rows_without_a_finite_value_are_not_drawn() -> None:
    assert charts([Row("accuracy", math.nan, layer=1), Row("accuracy", math.inf, label="x")]) == []


def test_the_caption_names_the_layer_of_the_maximum() -> None:
    (chart,) = charts([Row("accuracy", v, layer=i) for i, v in enumerate((0.2, 0.9, 0.4))])
    assert "layer 1 (0.9)" in chart.caption


def test_curves_of_encoders_of_different_depth_meet_at_one() -> None:
    a, b = ([Row("accuracy", 0.5, layer=i) for i in range(n + 1)] for n in (6, 12))
    (chart,) = overlay(a, b, ("A", "B"), (6, 12))
    (points,) = chart.spec["datasets"].values() if "datasets" in chart.spec else (chart.spec["data"]["values"],)
    assert {p["depth"] for p in points if p["run"] == "A"} <= {p["depth"] for p in points if p["run"] == "B"}
    assert max(p["depth"] for p in points) == 1


@pytest.mark.parametrize("rule", [above(0.05), below(-1.5), between(0.3, 0.7), above(1e-6)])
def test_a_rule_as_printed_reads_back_as_its_region(rule) -> None:
    assert region(str(rule)) == (rule.low, rule.high)


def test_the_shaded_region_begins_at_the_rule_and_ends_at_the_edge() -> None:
    plot = forest("x", {"this encoder": Estimate(0.5, 0.4, 0.6, 9)}, "> 0.5")
    assert plot.shade is not None
    assert plot.shade[0] == plot.lanes[0].value
    assert plot.shade[1] == 100


def test_a_saved_chart_is_a_picture(folder: RunFolder, tmp_path) -> None:
    assert report.save_chart(folder, "lay-02", tmp_path / "a.svg").read_text().startswith("<svg")
    assert report.save_chart(folder, "over-01", tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    assert report.save_chart(folder, "heads", tmp_path / "h.png").read_bytes()[:4] == b"\x89PNG"
    assert not list(tmp_path.glob("*.part"))


def test_an_unknown_chart_is_refused_with_the_known_ones(folder: RunFolder, tmp_path) -> None:
    with pytest.raises(BadRequest, match="'accuracy'"):
        report.save_chart(folder, "lay-02", tmp_path / "a.svg", measure="nothing")
    with pytest.raises(BadRequest, match=r"\.svg"):
        report.save_chart(folder, "lay-02", tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())
