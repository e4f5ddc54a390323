"""The page of scored minimal pairs."""

import re
from pathlib import Path

import pytest

from bertology.record.errors import BadRequest
from bertology.record.estimate import Estimate
from bertology.report import Paradigm, render_pairs
from bertology.report.pairs import HUMANS, _chart, _terms

MACRO = Estimate(0.7, 0.6, 0.8, 40, "accuracy", "macro over 2 phenomena")
FOUND = [
    Paradigm("adjunct_island", "island_effects", Estimate(0.4, 0.3, 0.5, 20, "accuracy", "")),
    Paradigm("wh_island", "island_effects", Estimate(0.6, 0.5, 0.7, 20, "accuracy", "")),
    Paradigm("own<b>", "mine", Estimate(0.9, 0.8, 1.0, 20, "accuracy", "")),
]


def test_phenomena_are_means_of_their_paradigms_with_people_beside_where_known() -> None:
    assert _terms(FOUND) == [("mine", 1, 0.9, None), ("island effects", 2, 0.5, HUMANS["island_effects"])]
    assert _terms([FOUND[0]._replace(term="")]) == []


def test_the_page_shows_every_paradigm_and_escapes_names() -> None:
    content = render_pairs("my <encoder>", "blimp", MACRO, FOUND, {"pairs of two equal sentences": 3})
    assert "my &lt;encoder&gt;" in content and "<b>" not in content
    assert "Left out: 3 pairs of two equal sentences" in content
    assert "unchecked" in content
    assert re.search(r"adjunct island", content)


def test_ticks_of_people_are_drawn_only_where_there_are_figures() -> None:
    assert "people" in _chart(FOUND).caption
    assert "people" not in _chart([FOUND[2]]).caption


def test_a_page_of_text_is_refused(tmp_path: Path) -> None:
    from bertology.scoring import score_file, write_page
    from tests.encoder.tiny import tiny

    file = tmp_path / "text.txt"
    file.write_text("the cats sit on mats\n")
    done = score_file(tiny("bert"), file)
    with pytest.raises(BadRequest, match="is text"):
        write_page(done, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_page_of_pairs_is_written(tmp_path: Path) -> None:
    from bertology.scoring import score_file, write_page
    from tests.encoder.tiny import tiny

    file = tmp_path / "pairs.jsonl"
    line = '{"sentence_good": "the cats sit", "sentence_bad": "the sit cats", "UID": "order", "linguistics_term": "binding", "pairID": "%d"}\n'
    file.write_text("".join(line % k for k in range(6)))
    page = write_page(score_file(tiny("bert"), file), tmp_path / "sub" / "page.html")
    assert "binding" in page.read_text(encoding="utf-8")
