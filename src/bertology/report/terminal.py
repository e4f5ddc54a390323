"""The results of a run as a table for the terminal."""

from collections.abc import Sequence
from typing import Literal

from rich.table import Table
from rich.text import Text

from bertology.record.result import Result, q_values
from bertology.report.words import SIGNIFICANT, section_order

STYLES = {"holds": "blue", "fails": "dark_orange3", "undecided": "yellow", "not applicable": "dim", "error": "magenta"}
MARKS = {
    "holds": "✓ holds",
    "fails": "✗ fails",
    "undecided": "? undecided",
    "not applicable": "– n/a",
    "error": "! error",
}


def table(results: Sequence[Result]) -> Table:
    """One line a claim: says, verdict, headline with interval, baseline, published figure, q after Benjamini–Hochberg.

    A figure that was not seen in its source is marked "unchecked"; a claim whose q misses the level, "n.s.".
    """
    q = q_values(results)
    columns: dict[str, Literal["left", "right"]] = {
        "claim": "left",
        "says": "left",
        "verdict": "left",
        "estimate": "right",
        "baseline": "right",
        "published": "right",
        "q": "right",
    }
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in columns.items():
        drawn.add_column(name, justify=justify, no_wrap=name != "says")
    for result in sorted(results, key=lambda r: (section_order(r.section), r.claim)):
        says = Text(_short(result.says))
        if result.headline is None:
            says.append("\n" + _short(result.reason), style="dim")
        drawn.add_row(
            Text(result.claim),
            says,
            Text(MARKS[result.verdict], style=STYLES[result.verdict]),
            Text(str(result.headline or "").replace(" [", "\n[", 1)),
            Text(next((f"{estimate.value:.3g}\n{name[:16]}" for name, estimate in result.baselines.items()), "")),
            Text(_published(result)),
            Text(_q(q.get(result.claim))),
        )
    return drawn


def _short(text: str, most: int = 80) -> str:
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + "…"


def _published(result: Result) -> str:
    figure = next((f for f in result.published if f.measured is not None and f.measured == result.headline), None)
    if figure is None:
        return ""
    return f"{figure.published:g}" + ("\nunchecked" if figure.status == "memory" else "")


def _q(q: float | None) -> str:
    if q is None:
        return ""
    return f"{q:.2g}" + ("" if q < SIGNIFICANT else "\nn.s.")
