"""The page of a run: one self-contained HTML file, a pure function of the run folder."""

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import vl_convert
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from bertology.record.folder import RunFolder
from bertology.record.result import Result, Row, q_values
from bertology.report import heads as head_grid
from bertology.report import palette, words
from bertology.report.charts import Chart, charts
from bertology.report.intervals import Forest, forests
from bertology.report.references import Reference, references


class ClaimView(NamedTuple):
    """A claim as its row on the page shows it."""

    result: Result
    forests: list[Forest]
    charts: list[tuple[str, Chart]]
    q: float | None
    survives: bool
    direction: str
    numbers: str
    references: list[Reference]


class SectionView(NamedTuple):
    """A section of the survey with the claims that were tested."""

    number: str
    title: str
    claims: list[ClaimView]


class RunView(NamedTuple):
    """A run's content with every optional key of run.json filled in."""

    run: dict[str, Any]
    encoder: dict[str, Any]
    name: str
    results: list[Result]
    rows: dict[str, list[Row]]
    heads: list[head_grid.Head]
    depth: int


def render(folder: RunFolder) -> str:
    """The report of a finished or unfinished run. Raises BadInput when a file of the folder cannot be read."""
    view = read(folder)
    q = q_values(view.results)
    drawn: dict[str, Chart] = {}
    sections: dict[str, SectionView] = {}
    for result in view.results:
        if result.verdict in words.TESTED:
            title = words.SECTIONS.get(result.section, "")
            section = sections.setdefault(result.section, SectionView(result.section, title, []))
            section.claims.append(_claim(result, view, q.get(result.claim), drawn))
    first = None if view.heads else _first_curve(view.results, drawn)
    return page(
        "report.html.j2",
        drawn,
        title=f"{view.name}: what this encoder is like",
        view=view,
        has=_places(view.encoder, True),
        lacks=_places(view.encoder, False),
        opening=words.opening(view.results, q, view.heads, view.rows, view.depth),
        confirmed=words.standouts(view.results, "holds"),
        surprises=words.standouts(view.results, "fails"),
        counts=words.counts(view.results),
        sections=[sections[key] for key in sorted(sections, key=words.section_order)],
        untested=[r for r in view.results if r.verdict not in words.TESTED],
        grid=head_grid.grid(view.heads) if view.heads else None,
        relations=head_grid.by_relation(view.heads),
        first=first,
        cited=_cited(view),
    )


def read(folder: RunFolder) -> RunView:
    """Results in the survey's order with their rows, and what run.json says."""
    run = folder.run()
    encoder = run.get("encoder") or {}
    results = sorted(folder.results(), key=lambda r: (words.section_order(r.section), r.claim))
    rows = {r.claim: folder.rows(r.claim) for r in results}
    found = head_grid.heads(row for part in rows.values() for row in part)
    deepest = max((row.layer for part in rows.values() for row in part), default=0)
    name = str(encoder.get("name") or "unnamed encoder")
    return RunView(run, encoder, name, results, rows, found, int(encoder.get("layers") or max(0, deepest)))


def page(template: str, drawn: Mapping[str, Chart], **content: Any) -> str:
    """A template filled in, with styles, charts and scripts inlined and the scripts' hashes in its security policy."""
    bundle, script = _bundle(), _text("page.js")
    data = {
        "charts": {key: chart.spec for key, chart in drawn.items()},
        "config": {theme: palette.vega_config(theme) for theme in palette.THEMES},
    }
    allowed = " ".join(f"'sha256-{_digest(code)}'" for code in ((bundle, script) if drawn else (script,)))
    return (
        _templates()
        .get_template(template)
        .render(
            csp=_POLICY.format(scripts=allowed),
            style=Markup(_style()),
            bundle=Markup(bundle) if drawn else "",
            script=Markup(script),
            data=Markup(_json(data)),
            words=words,
            **content,
        )
    )


def cell_svg(grid: head_grid.Grid, theme: str = "") -> str:
    """The layer × head picture as SVG; with a theme's name its colours are fixed, for a file of its own."""
    colours = palette.named(theme) if theme else {}
    hue = lambda name: colours.get(name, f"var(--{name})")
    return _templates().get_template("heads.svg.j2").render(grid=grid, hue=hue, alone=bool(theme), font=palette.FONT)


def _claim(result: Result, view: RunView, q: float | None, drawn: dict[str, Chart]) -> ClaimView:
    keyed = []
    for i, chart in enumerate(charts(view.rows[result.claim], result.values)):
        key = f"{result.claim}.{i}"
        drawn[key] = chart
        keyed.append((key, chart))
    direction, numbers = words.agreement(result)
    return ClaimView(
        result,
        forests(result),
        keyed,
        q,
        q is None or result.verdict != "holds" or q < words.SIGNIFICANT,
        direction,
        numbers,
        references(result.cites, view.run.get("references") or {}),
    )


def _first_curve(results: Sequence[Result], drawn: Mapping[str, Chart]) -> tuple[str, Chart, Result] | None:
    """The layer curves that stand for the encoder when no head was measured: the layer section's first."""
    for result in sorted(results, key=lambda r: (r.section != "4.3", words.section_order(r.section), r.claim)):
        chart = drawn.get(f"{result.claim}.0")
        if chart is not None and "by layer" in chart.caption:
            return f"{result.claim}.0", chart, result
    return None


def _places(encoder: Mapping[str, Any], there: bool) -> list[str]:
    """What the encoder has or lacks; run.json gives a list of what it has, or a table of true and false."""
    has = encoder.get("has") or ()
    if isinstance(has, Mapping):
        return sorted(str(name) for name, value in has.items() if bool(value) == there)
    known = sorted(str(name) for name in has)
    lacks = encoder.get("lacks") or [name for name in _PLACES if name not in known]
    return known if there else sorted(str(name) for name in lacks)


_PLACES = ("attention", "cls", "mlm", "segments", "sep")


def _cited(view: RunView) -> list[Reference]:
    return references(sorted({key for r in view.results for key in r.cites}), view.run.get("references") or {})


_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'"
)


def _json(data: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one module; a shade under 0.9 MB, hence once a page."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


@cache
def _style() -> str:
    light, dark = palette.css("light"), palette.css("dark")
    themes = (
        f":root{{{light}color-scheme:light}}"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}color-scheme:dark}}}}"
        f":root[data-theme=dark]{{{dark}color-scheme:dark}}"
        f"@media print{{:root,:root[data-theme]{{{light}color-scheme:light}}}}"
    )
    return themes + _text("style.css")


def _text(name: str) -> str:
    return files("bertology.report").joinpath("templates", name).read_text(encoding="utf-8")


def _digest(code: str) -> str:
    return base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("bertology.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "q_text": words.q_text,
        "json": lambda value: json.dumps(value, sort_keys=True),
    }
    environment.tests["finite"] = math.isfinite
    environment.globals["cell_svg"] = lambda grid: Markup(cell_svg(grid))
    return environment
