"""Measures of the same things stand side by side, each shaded within its own column."""

import math

import altair as alt
import pytest

from bertology.record.result import Row
from bertology.report.charts import charts
from bertology.report.panel import panels

MEASURES = ("accuracy (%)", "selectivity (points)", "description length (bits a label)", "loss (points)")
LABELS = ("tense", "number", "part of speech")


def rows_of(measures: tuple[str, ...], labels: tuple[str, ...] = LABELS) -> list[Row]:
    return [
        Row(m, 10.0**k * (i + 1), 0.0, 1.0, label=name) for k, m in enumerate(measures) for i, name in enumerate(labels)
    ]


def test_four_measures_of_the_same_labels_are_one_table_and_keep_their_own_charts() -> None:
    drawn = charts(rows_of(MEASURES))
    assert [chart.title for chart in drawn][1:] == list(MEASURES) and drawn[0].title.startswith("side by side")
    shades, text = drawn[0].spec["layer"]
    assert len(drawn[0].spec["data"]["values"]) == 12 and text["encoding"]["text"]["field"] == "text"
    assert shades["encoding"]["y"]["sort"] == ["part of speech", "number", "tense"]
    alt.LayerChart.from_dict({**drawn[0].spec, "width": 300})


def test_each_column_is_shaded_from_its_own_lowest_to_its_own_highest() -> None:
    values = charts(rows_of(MEASURES))[0].spec["data"]["values"]
    for measure in MEASURES:
        assert sorted(p["shade"] for p in values if p["measure"] == measure) == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    "rows",
    [
        rows_of(MEASURES[:3]),
        rows_of(MEASURES, LABELS[:2]),
        [*rows_of(MEASURES[:3]), *rows_of(MEASURES[3:], ("tense", "number", "chunk"))],
        [Row(r.measure, math.nan if r.measure == MEASURES[0] else r.value, label=r.label) for r in rows_of(MEASURES)],
    ],
    ids=["three measures", "two labels", "other labels", "a measure without values"],
)
def test_fewer_or_unlike_measures_are_no_table(rows) -> None:
    assert panels(rows) == []
