"""Trees as arcs: what is drawn, where, and in which line."""

import math

import altair as alt

from bertology.probe.read_trees import arc_rows
from bertology.record.result import Row
from bertology.report.charts import charts

WORDS = ["the", "dog", "saw", "a", "cat"]
GOLD, FOUND = {(0, 1), (1, 2), (3, 4), (2, 4)}, {(0, 1), (1, 2), (2, 3), (3, 4)}


def drawn(*trees, number=1):
    return charts([Row("accuracy", 0.5, label="x"), *arc_rows(number, WORDS, dict(trees))])


def layers(chart):
    lines, text = chart.spec["layer"]
    return lines["data"]["values"], text["data"]["values"]


def test_the_first_tree_arches_over_the_words_and_the_second_under_them() -> None:
    bars, chart = drawn(("gold tree", GOLD), ("structural probe", FOUND))
    points, forms = layers(chart)
    assert [f["word"] for f in sorted(forms, key=lambda f: f["x"])] == WORDS
    assert all((p["y"] > 0) == (p["tree"] == "gold tree") for p in points)
    for arc in {p["arc"] for p in points}:
        own = [p for p in points if p["arc"] == arc]
        name, a, b = arc.rsplit(" ", 2)
        assert (min(p["x"] for p in own), max(p["x"] for p in own)) == (int(a), int(b))
        assert (int(a), int(b)) in {"gold tree": GOLD, "structural probe": FOUND}[name]
        assert {(p["from"], p["to"]) for p in own} == {(WORDS[int(a)], WORDS[int(b)])}
    assert len({p["arc"] for p in points}) == 8
    assert "accuracy" in bars.title and "arcs" not in bars.title


def test_arcs_of_both_trees_are_whole_lines_and_counted_in_the_caption() -> None:
    (_, chart) = drawn(("gold tree", GOLD), ("structural probe", FOUND))
    points, _ = layers(chart)
    both = {p["arc"] for p in points if p["where"] == "both trees"}
    assert both == {f"{t} {a} {b}" for t in ("gold tree", "structural probe") for a, b in GOLD & FOUND}
    assert "3 of 4 arcs are in both" in chart.caption
    assert "the dog saw a cat" in chart.title


def test_longer_arcs_stand_higher_and_none_leaves_the_picture() -> None:
    (_, chart) = drawn(("gold tree", {(0, 1), (0, 4), (1, 3)}), ("other", FOUND))
    points, _ = layers(chart)
    height = {p["arc"]: max(abs(q["y"]) for q in points if q["arc"] == p["arc"]) for p in points}
    assert height["gold tree 0 1"] < height["gold tree 1 3"] < height["gold tree 0 4"] < 1.45


def test_one_tree_alone_is_drawn_and_the_spec_is_valid() -> None:
    (_, one), (_, two) = drawn(("gold tree", GOLD)), drawn(("gold tree", GOLD), ("other", FOUND))
    for chart in (one, two):
        alt.Chart.from_dict(chart.spec)
    assert one.spec["height"] < two.spec["height"]
    assert "below" not in one.caption


def test_sentences_keep_apart_and_rows_without_a_value_are_left_out() -> None:
    rows = [*arc_rows(1, WORDS, {"gold tree": GOLD}), *arc_rows(2, WORDS[:2], {"gold tree": {(0, 1)}})]
    assert ["the dog" in c.title and "saw" not in c.title for c in charts(rows)] == [False, True]
    assert charts([Row("arcs 1: words", math.nan, label="a"), Row("arcs 1: gold tree", 0.0, n=1)]) == []
    assert charts(arc_rows(1, WORDS, {})) == []
