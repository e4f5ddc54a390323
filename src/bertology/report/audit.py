"""The page of an audit: claims × encoders, what each claim is over all of them, and which of them random weights pass."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bertology.record.audit import Audited, AuditFolder
from bertology.record.result import Result
from bertology.report import words
from bertology.report.page import page

Over = Mapping[str, Any]
"""A claim over all encoders, as audit.json has it (`stats.across.Across.to_json`)."""


class Cell(NamedTuple):
    """A claim on an encoder; `link` leads to its evidence, `order` sorts a column (verdict, then effect)."""

    verdict: str
    text: str
    told: str
    link: str
    order: float


class Line(NamedTuple):
    """A claim's row of the matrix."""

    claim: str
    section: str
    says: str
    over: Over | None
    summary: str
    told: str
    cells: list[Cell | None]
    split: bool


ORDER = ("holds", "undecided", "fails", "not applicable", "error")


def render_audit(folder: AuditFolder) -> str:
    """The page of a finished or unfinished audit. Raises BadInput when a file of the folder cannot be read."""
    encoders = folder.encoders()
    shown = [e for e in encoders if e.place and e.status == "done"]
    results = {e.place: {r.claim: r for r in folder.results(e)} for e in shown}
    known = {r.claim: r for each in results.values() for r in each.values() if r.verdict in words.TESTED}
    over = {a["claim"]: a for a in folder.about().get("across", [])}
    lines = [
        _line(result, over.get(claim), shown, results)
        for claim, result in sorted(known.items(), key=lambda item: (words.section_order(item[1].section), item[0]))
    ]
    untested = sorted({r.claim for each in results.values() for r in each.values()} - set(known))
    own = [e for e in shown if not e.twin_of]
    return page(
        "audit.html.j2",
        {},
        title="Audit of the survey's claims",
        encoders=shown,
        failed=[e for e in encoders if e.status != "done"],
        own=own,
        twins=[e for e in shown if e.twin_of],
        lines=lines,
        passed=[line for line in lines if line.over and line.over["passed_by"]],
        tallies=[(e, words.counts(list(results[e.place].values()))) for e in shown],
        opening=_opening(lines, own, len(shown) - len(own)),
        untested=untested,
        about=folder.about(),
    )


def _line(
    result: Result, over: Over | None, shown: Sequence[Audited], results: Mapping[str, Mapping[str, Result]]
) -> Line:
    cells = [_cell(results[e.place].get(result.claim), e) for e in shown]
    own = {c.verdict for c, e in zip(cells, shown, strict=True) if c and not e.twin_of}
    summary, told = "", ""
    if over and over["summaries"]:
        summary, told = _summary(over["summaries"][0]), _told(over)
    return Line(result.claim, result.section, result.says, over, summary, told, cells, {"holds", "fails"} <= own)


def _cell(result: Result | None, one: Audited) -> Cell | None:
    if result is None:
        return None
    e = result.headline
    text = _short(e.value) if e is not None and math.isfinite(e.value) else ""
    told = f"{result.claim} on {one.name}: {result.verdict}. {result.reason}"
    value = e.value if e is not None and math.isfinite(e.value) else 0.0
    order = ORDER.index(result.verdict) * 1e6 - max(-4e5, min(4e5, value))
    return Cell(result.verdict, text, told, f"encoders/{one.place}/report.html#claim-{result.claim}", order)


def _summary(s: Mapping[str, Any]) -> str:
    return f"{_short(s['value'])} [{_short(s['low'])}, {_short(s['high'])}] {s['unit']}".strip()


def _told(over: Over) -> str:
    told = [
        f"{s['name']}: {_summary(s)} over {s['n']} encoders; {100 * s['share']:.0f} % of the variance is between them "
        f"(standard deviation {_short(s['between'])}, p {s['p']:.2g})"
        for s in over["summaries"]
    ]
    return f"{over['reason']}. " + "; ".join(told) + "."


def _short(value: float) -> str:
    return f"{value:.3g}"


def _opening(lines: Sequence[Line], own: Sequence[Audited], twins: int) -> str:
    judged = [line.over["verdict"] for line in lines if line.over]
    counts = ", ".join(f"{judged.count(v)} {word}" for v, word in _WORDS.items())
    text = f"{len(lines)} claims on {len(own)} encoders and {twins} random twins. Over all encoders {counts}."
    split = [line.claim for line in lines if line.split]
    if split:
        text += f" Some encoders hold and some fail {words.listed(split[:12])}{' and more' if len(split) > 12 else ''}."
    passed = [line.claim for line in lines if line.over and line.over["passed_by"]]
    if passed:
        text += f" Random weights pass {words.listed(passed)}: there the measure is in doubt, not the encoder."
    return text


_WORDS = {"holds": "hold", "fails": "fail", "undecided": "stay undecided"}
