"""The page of a run: what it says, what it escapes, that it is a pure function of the folder."""

import html
import io
import re

import pytest

from bertology import report
from bertology.record.estimate import Estimate
from bertology.record.folder import RunFolder
from bertology.record.result import Result
from bertology.report import heads, palette, words
from bertology.report.comparison import difference
from tests.report.synthetic import HOSTILE, run


def test_the_same_folder_gives_the_same_page(folder: RunFolder) -> None:
    assert report.render(folder) == folder.report.read_text(encoding="utf-8")


def test_the_page_stays_under_three_megabytes_with_fifty_claims(tmp_path) -> None:
    assert len(report.render(run(tmp_path / "run", many=40)).encode()) < 3_000_000


def test_nothing_hostile_becomes_markup(folder: RunFolder) -> None:
    page = folder.report.read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_page_names_no_address_to_load_from(folder: RunFolder) -> None:
    page = html.unescape(re.sub(r"<script.*?</script>", "", report.render(folder), flags=re.DOTALL))
    assert not re.search(r"<(?:script|img|link|iframe)[^>]+(?:src|href)=[\"'](?!data:)", page)
    assert "default-src 'none'" in page
    assert "'unsafe-eval'" not in page


def test_a_figure_from_memory_is_printed_as_unchecked(folder: RunFolder) -> None:
    page = folder.report.read_text(encoding="utf-8")
    assert '<span class="flag">unchecked</span>' in page
    assert '<span class="status">unchecked</span>' in page


def test_a_claim_that_fails_the_correction_says_so(folder: RunFolder) -> None:
    page = folder.report.read_text(encoding="utf-8")
    claim = page[page.index('id="claim-over-01"') : page.index('id="untested"')]
    assert "does not survive" in claim
    assert "does not survive" not in page[page.index('id="claim-syn-02"') : page.index('id="claim-syn-05"')]


def test_a_run_with_nothing_in_it_still_gives_a_page(tmp_path) -> None:
    empty = RunFolder.open(tmp_path / "run", {})
    empty.write_run({})
    page = report.render(empty)
    assert "No claim of the survey has been tested" in page


def test_untested_claims_stand_apart_with_their_reason(folder: RunFolder) -> None:
    page = folder.report.read_text(encoding="utf-8")
    untested = page[page.index('id="untested"') : page.index('id="provenance"')]
    assert "needs a parallel corpus" in untested
    assert "NotFinite" in untested


def test_a_head_is_explained_with_its_pattern_and_its_relation() -> None:
    head = heads.Head(3, 7, "diagonal", 0.83, "det", 0.71, 0.23)
    assert head.explained == "layer 3 · head 7: mostly diagonal (83 %); best relation: det 71 % (positional 48 %)"


def test_heads_without_roles_or_without_relations_are_still_drawn(folder: RunFolder) -> None:
    roles, relations = folder.rows("head-01"), folder.rows("head-03")
    assert all(not h.relation and h.role for h in heads.heads(roles))
    assert all(h.relation and not h.role for h in heads.heads(relations))
    assert len(heads.grid(heads.heads(relations)).cells) == 144


def test_without_head_rows_the_first_picture_is_a_layer_curve(tmp_path) -> None:
    page = report.render(run(tmp_path / "run", head_rows=False))
    first = page[page.index('class="picture"') : page.index('id="verdicts"')]
    assert "lay-01" in first
    assert "data-heads" not in first


@pytest.mark.parametrize("theme", palette.THEMES)
def test_every_text_colour_has_the_contrast_of_wcag_aa(theme: str) -> None:
    colours = palette.THEMES[theme]
    texts = ("ink", "quiet", "accent", "holds", "fails", "undecided", "none", "error")
    low = {(t, g): _contrast(colours[t], colours[g]) for t in texts for g in ("paper", "panel")}
    assert min(low.values()) >= 4.5, low


def test_the_difference_adds_variances() -> None:
    gap = difference(Estimate(0.5, 0.47, 0.53, 10), Estimate(0.7, 0.66, 0.74, 20))
    assert gap.value == pytest.approx(0.2)
    assert gap.high - gap.value == pytest.approx(0.05)


def test_sections_are_ordered_as_numbers() -> None:
    assert sorted(["10", "4.3", "8 (v1)", "4.2.1", "4.2"], key=words.section_order) == [
        "4.2",
        "4.2.1",
        "4.3",
        "8 (v1)",
        "10",
    ]


def test_the_terminal_table_marks_memory_and_missed_q(folder: RunFolder) -> None:
    from rich.console import Console

    console = Console(width=200, record=True, file=io.StringIO())
    results = folder.results()
    console.print(report.table([*results, Result("x-1", "9", HOSTILE, "error", "[red]no markup[/red]")]))
    text = console.export_text()
    assert "n.s." in text
    assert "[red]no markup" in text


def _contrast(a: str, b: str) -> float:
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
