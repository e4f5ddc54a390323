"""Pictures for papers: a claim's chart, or the layer × head grid, as an SVG or PNG file."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import vl_convert

from bertology.record.errors import BadRequest, CannotWrite
from bertology.record.folder import RunFolder
from bertology.report import heads as head_grid
from bertology.report.charts import Spec, charts
from bertology.report.page import cell_svg
from bertology.report.palette import vega_config

GRID = "heads"


def save_chart(folder: RunFolder, claim: str, path: str | Path, *, measure: str = "", width: int = 420) -> Path:
    """A claim's first chart, or that of `measure`; the claim "heads" is the layer × head grid. `width` is in pixels.

    Raises BadRequest for another ending than .svg or .png and for an unknown chart; CannotWrite when the disk refuses.
    """
    path = Path(path)
    if path.suffix not in _WRITERS:
        raise BadRequest(f"{path.name} ends in neither .svg nor .png.", "Give the file one of these endings.")
    write = _WRITERS[path.suffix]
    content = write.grid(_grid(folder)) if claim == GRID else write.chart(_spec(folder, claim, measure, width))
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CannotWrite(f"cannot write {path}: {error.strerror}.", "Choose another place.") from error
    return path


def _grid(folder: RunFolder) -> str:
    found = head_grid.heads(row for result in folder.results() for row in folder.rows(result.claim))
    if not found:
        raise BadRequest("this run measured no heads.", "Run a claim of section 4.2.1 first.")
    return cell_svg(head_grid.grid(found), "light")


def _spec(folder: RunFolder, claim: str, measure: str, width: int) -> Spec:
    results = {r.claim: r for r in folder.results()}
    if claim not in results:
        raise BadRequest(f"this run has no claim {claim!r}.", f"It has: {', '.join((GRID, *results))}.")
    found = charts(folder.rows(claim), results[claim].values)
    chosen = next((c for c in found if measure in ("", c.title)), None)
    if chosen is None:
        known = ", ".join(repr(c.title) for c in found) or "none"
        raise BadRequest(f"claim {claim!r} has no chart {measure!r}.", f"Charts of this claim: {known}.")
    return {**chosen.spec, "width": width}


class _Writer(NamedTuple):
    chart: Callable[[Spec], bytes]
    grid: Callable[[str], bytes]


def _paper() -> Spec:
    return {**vega_config("light"), "background": "#ffffff"}


_WRITERS = {
    ".svg": _Writer(lambda spec: vl_convert.vegalite_to_svg(spec, config=_paper()).encode(), str.encode),
    ".png": _Writer(
        lambda spec: vl_convert.vegalite_to_png(spec, config=_paper(), scale=3),
        lambda svg: vl_convert.svg_to_png(svg, scale=3),
    ),
}
