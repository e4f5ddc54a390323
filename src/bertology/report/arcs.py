"""Two trees of one sentence as arcs over and under its words, from a claim's rows.

Such rows have a measure "arcs N: words" (a word each: value the place, label the form) or "arcs N: " and a tree's name (an arc each: value
and n the two words it joins, the lower first), N being the sentence. The first tree stands above the words, the second below;
`probe.read_trees.arc_rows` writes them.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt

from bertology.record.result import Row

PREFIX = "arcs "
WORDS = "words"
STEPS = 24  # points along an arc


class Drawing(NamedTuple):
    """A chart of `height` pixels, as wide as there is room."""

    title: str
    caption: str
    chart: Any
    height: int


def drawings(rows: Iterable[Row]) -> list[Drawing]:
    """One drawing a sentence, in the rows' order; sentences without words or arcs are left out."""
    sentences: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        sentence, _, part = row.measure.partition(": ")
        sentences.setdefault(sentence, {}).setdefault(part, []).append(row)
    return [
        _drawing([row.label for row in parts[WORDS]], {name: part for name, part in parts.items() if name != WORDS})
        for parts in sentences.values()
        if WORDS in parts and len(parts) > 1
    ]


def is_arc(row: Row) -> bool:
    return row.measure.startswith(PREFIX) and math.isfinite(row.value)


def _drawing(words: list[str], trees: Mapping[str, Sequence[Row]]) -> Drawing:
    arcs = {name: [(int(row.value), row.n) for row in part] for name, part in list(trees.items())[:2]}
    shared = set.intersection(*(set(part) for part in arcs.values())) if len(arcs) > 1 else set()
    longest = max((b - a for part in arcs.values() for a, b in part), default=1)
    points = [
        {
            "x": round((a + b) / 2 - (b - a) / 2 * math.cos(math.pi * k / STEPS), 3),
            "y": round(side * (0.35 + (b - a) / longest * math.sin(math.pi * k / STEPS)), 3)
            if 0 < k < STEPS
            else side * 0.35,
            "arc": f"{name} {a} {b}",
            "tree": name,
            "where": "both trees" if (a, b) in shared else "one tree",
            "from": words[a],
            "to": words[b],
        }
        for side, (name, part) in zip((1, -1), arcs.items(), strict=False)
        for a, b in part
        for k in range(STEPS + 1)
    ]
    n, low = len(words), -1.45 if len(arcs) > 1 else -0.4
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-0.6, n - 0.4], nice=False, zero=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[low, 1.45], nice=False))
    dash = alt.StrokeDash(
        "where:N", title=None, scale=alt.Scale(domain=["both trees", "one tree"], range=[[1, 0], [5, 4]])
    )
    lines = (
        alt.Chart(alt.Data(values=points))
        .mark_line(strokeWidth=1.8)
        .encode(
            x=x, y=y, detail="arc:N", order="x:Q", strokeDash=dash,
            color=alt.Color("tree:N", title=None, sort=list(arcs), scale=alt.Scale(domain=list(arcs))),
            tooltip=["tree:N", "from:N", "to:N", "where:N"],
        )
    )  # fmt: skip
    forms = [{"x": i, "y": 0, "word": word} for i, word in enumerate(words)]
    text = alt.Chart(alt.Data(values=forms)).mark_text(fontSize=12, baseline="middle").encode(x=x, y=y, text="word:N")
    names = list(arcs)
    caption = f"{_spoken(words)} Above the words the {names[0]}"
    if len(names) > 1:
        caption += f", below them the {names[1]}: {len(shared)} of {len(arcs[names[0]])} arcs are in both. Dashed: in one tree only"
    return Drawing(
        f"{' and '.join(names)}: {_spoken(words)}", caption + ".", alt.layer(lines, text), 110 * (1 + (len(names) > 1))
    )


def _spoken(words: Sequence[str]) -> str:
    return f"“{' '.join(words)}”"
