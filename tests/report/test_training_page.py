"""The page of a pre-training: curves, what was acquired when, verdicts by checkpoint; drawn in a real browser."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bertology import acquisition, report
from bertology.record.errors import BadRequest
from bertology.train.architecture import Architecture
from bertology.train.pretrain import read_log
from tests.report.test_browser import _open, _until
from tests.train.prose import BERT, STEP, prose

RECIPE = replace(
    BERT,
    name="tiny-modern",
    architecture=Architecture(
        "modernbert", layers=2, heads=2, width=32, feed_forward=32, positions=128, segments=1, dropout=0.0,
        options=(("global_attn_every_n_layers", 1),),
    ),
)  # fmt: skip
CLAIMS = ("emb-05", "head-01")


def acquired(place: Path, **options: Any) -> acquisition.Acquired:
    text, valid = prose(place.parent / "text.txt"), prose(place.parent / "valid.txt", documents=4, seed=1)
    given = {"claims": CLAIMS, "tokens": 12 * STEP, "checkpoints": 2, "precision": "float32", **options}
    return acquisition.pretrain(RECIPE, [text], place, valid=[valid], **given)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> acquisition.Acquired:
    return acquired(tmp_path_factory.mktemp("acquired") / "run")


def test_claims_are_run_at_every_checkpoint_by_the_tokens_it_had_seen(done: acquisition.Acquired) -> None:
    assert [tokens for tokens, _ in done.runs] == [6 * STEP, 12 * STEP]
    for _, folder in done.runs:
        assert sorted(result.claim for result in folder.results()) == sorted(CLAIMS)
        assert not [result for result in folder.results() if result.verdict == "error"]
    first, last = ({r.claim: r.headline for r in folder.results()} for _, folder in done.runs)
    assert first["emb-05"] != last["emb-05"]


def test_the_page_shows_curves_and_what_was_acquired_when(done: acquisition.Acquired) -> None:
    page = done.page.read_text()
    assert done.page == done.trained.folder / "training.html"
    log = list(read_log(done.trained.folder))
    final = next(line for line in reversed(log) if "rate" in line)
    held_out = next(line for line in reversed(log) if "valid mlm" in line)
    words = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page))
    assert f"{12 * STEP:,} tokens in 12 steps" in words
    assert f"the last step's loss is {final['loss']:.3f}" in words.replace("&#39;", "'")
    assert f"held-out mlm {held_out['valid mlm']:.3f}" in words
    for claim in CLAIMS:
        assert f"<code>{claim}</code>" in page
    assert [re.sub(r"\s+", " ", t).strip() for t in re.findall(r'<th class="num">([^<]*)</th>', page)] == [
        "1,152",
        "2,304",
    ]


def test_a_job_that_is_called_again_does_nothing_twice(done: acquisition.Acquired) -> None:
    place = done.trained.folder
    kept = lambda: {f: f.stat().st_mtime_ns for f in (*place.rglob("*.arrow"), *place.rglob("training.pt"))}
    before, log, results = kept(), list(read_log(place)), [folder.results() for _, folder in done.runs]
    page = done.page.read_text()
    again = acquired(place)
    assert len(before) > 1 and kept() == before
    assert list(read_log(place)) == log
    assert [folder.results() for _, folder in again.runs] == results
    assert again.page.read_text() == page


def test_verdicts_are_shown_when_no_claim_has_a_number(done: acquisition.Acquired) -> None:
    lacking: Any = SimpleNamespace(claim="emb-05", says="A cone.", verdict="not applicable", headline=None)
    runs: Any = [(tokens, SimpleNamespace(results=lambda: [lacking])) for tokens, _ in done.runs]
    page = report.render_training("bare", list(read_log(done.trained.folder)), runs)
    assert page.count("<code>emb-05</code>") == 1
    assert 'href="#verdicts"' in page and 'href="#acquired"' not in page


def test_a_claim_that_is_not_known_is_said_before_training(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="no-99"):
        acquired(tmp_path / "run", claims=("emb-05", "no-99"))
    assert not (tmp_path / "run").exists()


def test_every_chart_is_drawn_without_errors_and_nothing_is_fetched(browser: Any, done: acquisition.Acquired) -> None:
    page = _open(browser, done.page)
    page.execute_script("for (const c of document.querySelectorAll('.chart')) c.scrollIntoView()")
    undrawn = (
        "return [...document.querySelectorAll('.chart:not([data-drawn])')].map(c => (c.scrollIntoView(), 1)).length"
    )
    _until(lambda: page.execute_script(undrawn) == 0, 20)
    assert page.execute_script("return document.querySelectorAll('.chart svg').length") >= 3 + 1
    fetched = "return performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length"
    assert page.execute_script(fetched) == 0
    assert [line for line in page.get_log("browser") if line["level"] in ("SEVERE", "WARNING")] == []
    text = page.execute_script("return document.querySelector('main').textContent")
    assert "undefined" not in text and "NaN" not in text


def test_a_phone_needs_no_sideways_scrolling(browser: Any, done: acquisition.Acquired) -> None:
    page = _open(browser, done.page)
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        wide = "return document.documentElement.scrollWidth"
        _until(lambda: page.execute_script("return innerWidth") == 360, 5)
        assert page.execute_script(wide) <= 360
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_training_that_has_only_begun_has_a_page_too() -> None:
    page = report.render_training("begun", [], [])
    assert "No step has been logged yet." in page
    line = {"step": 1, "tokens": 192, "seconds": 0.1, "rate": 0.0, "norm": 1.0, "loss": 5.0, "mlm": 5.0}
    words = " ".join(report.render_training("begun", [line], []).split())
    assert "192 tokens in 1 step and 0.1 seconds;" in words
    assert "1,920 tokens in 10 steps and 2.0 minutes;" in " ".join(
        report.render_training("later", [{**line, "step": 10, "tokens": 1920, "seconds": 120.0}], []).split()
    )


def test_long_logs_are_thinned_without_losing_their_end() -> None:
    lines = [
        {"step": k, "tokens": 100 * k, "seconds": 0.5 * k, "rate": 1 / k, "norm": 1.0, "loss": 10.0 - k / 1000, "mlm": 10.0 - k / 1000}
        for k in range(1, 5001)
    ]  # fmt: skip
    page = report.render_training("long", lines, [])
    assert len(page) < len(report.render_training("short", lines[:2], [])) + 200_000
    assert '"tokens":500000' in page.replace(" ", "")


def test_names_in_the_log_are_text() -> None:
    hostile = "<script>alert(1)</script>"
    line = {"step": 1, "tokens": 192, "seconds": 0.1, "rate": 0.0, "norm": 1.0, "loss": 5.0, hostile: 5.0}
    page = report.render_training(hostile, [line, {"step": 1, "tokens": 192, f"valid {hostile}": 5.0}], [])
    assert hostile not in page
