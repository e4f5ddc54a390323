"""The audit from the street: many encoders, their twins, what fails, what is resumed, and the page."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from transformers import BertConfig, BertModel

import bertology as bt
from bertology import auditing, report
from bertology.auditing import audit
from bertology.record.audit import AuditFolder
from bertology.record.claim import Claim, above
from bertology.record.errors import BadCorpus, BadRequest, ForeignRun
from bertology.record.estimate import Estimate
from bertology.record.folder import RunFolder
from bertology.record.result import Result
from bertology.stats.across import across
from tests.conftest import Said
from tests.encoder.test_load import saved
from tests.test_job import CONFIG

CLAIMS = ("head-03", "spec-01")
FAST: dict[str, Any] = dict(claims=CLAIMS, scale=0.05)


def model(path: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    return saved(BertModel(BertConfig(**CONFIG)), path)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("models")
    return [model(place / name, seed) for seed, name in enumerate(("first", "second"))]


@pytest.fixture(scope="module")
def done(models: list[Path], tmp_path_factory: pytest.TempPathFactory) -> auditing.Audit:
    return audit([*models, "/no/such/model"], out=tmp_path_factory.mktemp("audit") / "out", **FAST)


def test_a_failed_encoder_is_recorded_and_stops_no_other(done: auditing.Audit) -> None:
    assert [(e.name, e.status) for e in done.encoders] == [
        ("first", "done"), ("second", "done"), ("/no/such/model", "failed"), ("random twin of first", "done"),
    ]  # fmt: skip
    assert "neither a folder nor a hub id" in done.failed[0].reason
    for one in done.encoders:
        if one.status == "done":
            assert {r.claim for r in done.folder.results(one)} == set(CLAIMS)
            assert (done.folder.run_path(one) / "report.html").is_file()


def test_equal_architectures_share_a_twin_and_its_measurements(done: auditing.Audit, models: list[Path]) -> None:
    seconds = [RunFolder(done.folder.run_path(e)).run()["passes"] for e in done.encoders if e.status == "done"][:2]
    assert any("twin" in p["name"] for p in seconds[0])
    assert not any("twin" in p["name"] for p in seconds[1])


def test_the_matrix_has_every_value(done: auditing.Audit) -> None:
    lines = pq.read_table(done.folder.path / "matrix.parquet").to_pylist()
    results = [(e.name, r) for e in done.encoders for r in done.folder.results(e)]
    assert len(lines) == sum(len(r.values) or 1 for _, r in results)
    name, r = next((name, r) for name, r in results if r.headline)
    line = next(x for x in lines if (x["encoder"], x["claim"]) == (name, r.claim) and x["rule"])
    assert (line["value"], line["verdict"]) == (r.values[line["what"]].value, r.verdict)


def test_an_audit_says_of_each_encoder_what_a_run_of_it_alone_says(
    done: auditing.Audit, models: list[Path], tmp_path: Path
) -> None:
    alone = bt.run(models[1], out=tmp_path / "run", **FAST)
    assert done.folder.results(done.encoders[1]) == alone.folder.results()


def test_the_same_call_again_runs_nothing_and_says_the_same(
    done: auditing.Audit, models: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "audit"
    shutil.copytree(done.folder.path, copy)
    monkeypatch.setattr(auditing, "run", lambda *a, **k: pytest.fail("was run again"))
    again = audit([*models, "/no/such/model"], out=copy, **FAST)
    assert again.encoders == done.encoders
    assert (copy / "audit.html").read_bytes() == done.page.read_bytes()


def test_an_audit_broken_off_goes_on_and_encoders_may_be_added(
    models: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = auditing.run, []

    def breaking(encoder: Any, **options: Any) -> Any:
        seen.append(encoder.name)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return real(encoder, **options)

    monkeypatch.setattr(auditing, "run", breaking)
    with pytest.raises(KeyboardInterrupt):
        audit([models[0]], out=tmp_path / "out", **FAST)
    found = audit(models, out=tmp_path / "out", **FAST)
    assert [e.status for e in found.encoders] == ["done"] * 3
    assert len(seen) == 4  # first, its twin (broken off), the twin again, second


def test_checkpoints_of_a_training_are_encoders_each(models: list[Path], tmp_path: Path) -> None:
    for steps, one in zip((10, 200), models, strict=True):
        shutil.copytree(one, tmp_path / "training" / "checkpoints" / f"{steps:08d}")
    found = audit([tmp_path / "training"], out=tmp_path / "out", twins=False, claims=["spec-01"], scale=0.05)
    assert [e.name for e in found.encoders] == ["training at step 10", "training at step 200"]


def test_equal_weights_are_audited_once(models: list[Path], tmp_path: Path) -> None:
    shutil.copytree(models[0], tmp_path / "copy")
    found = audit([models[0], tmp_path / "copy"], out=tmp_path / "out", twins=False, claims=["spec-01"], scale=0.05)
    assert [e.name for e in found.encoders if e.status == "done"] == ["first"]


def test_what_cannot_be_audited_is_said_before_anything_runs(models: list[Path], tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="no encoder"):
        audit([], out=tmp_path / "a", **FAST)
    with pytest.raises(BadRequest, match="not known"):
        audit(models, out=tmp_path / "a", on="moon", **FAST)
    broken = tmp_path / "broken.conllu"
    broken.write_text("nothing\n")
    with pytest.raises(BadCorpus):
        audit(models, out=tmp_path / "a", corpora={"treebank": broken}, **FAST)
    assert not (tmp_path / "a").exists()
    audit(models[:1], out=tmp_path / "b", twins=False, claims=["spec-01"], scale=0.05)
    with pytest.raises(ForeignRun, match="another scale"):
        audit(models[:1], out=tmp_path / "b", twins=False, claims=["spec-01"], scale=0.06)
    with pytest.raises(ForeignRun, match="holds no audit"):
        audit(models[:1], out=models[0], **FAST)


def test_the_command_prints_json_and_fails_when_an_encoder_did(
    models: list[Path], tmp_path: Path, bertology: Callable[..., Said]
) -> None:
    options = ("--claims", "spec-01", "--scale", 0.05, "--no-twins", "--out", tmp_path / "out", "--json")
    found = bertology("audit", models[0], "/nowhere", *options)
    assert found.code == 1, found.err
    content = json.loads(found.out)
    assert [e["status"] for e in content["encoders"]] == ["done", "failed"]
    assert [a["claim"] for a in content["across"]] == ["spec-01"]


CLAIM = Claim("made-1", "3.1", "Something is so.", (), "method", expects={"gap": above(0.0)})


def result(value: float, half: float = 0.1, verdict: Any = "holds") -> Result:
    gap = Estimate(value, value - half, value + half, 100, "points")
    return Result("made-1", "3.1", "Something is so.", verdict, "", {"gap": "above 0"}, {"gap": gap})


def test_a_claim_over_all_encoders_is_judged_by_their_summary() -> None:
    same = {f"m{k}": [result(1.0 + 0.01 * k)] for k in range(5)}
    (found,) = across([CLAIM], same, {})
    assert found.verdict == "holds" and found.counts == {"holds": 5, "fails": 0, "undecided": 0}
    split = {
        "a": [result(2.0)],
        "b": [result(-2.0, verdict="fails")],
        "c": [result(1.0)],
        "d": [result(-1.0, verdict="fails")],
    }
    (found,) = across([CLAIM], split, {})
    assert found.verdict == "undecided" and found.summaries["gap"].share > 0.9
    (found,) = across([CLAIM], {f"m{k}": [result(-1.0, verdict="fails")] for k in range(4)}, {})
    assert found.verdict == "fails"


def test_what_random_weights_pass_is_listed_and_does_not_count() -> None:
    twins = {"random twin of a": [result(1.0)], "random twin of b": [result(-1.0, verdict="fails")]}
    (found,) = across([CLAIM], {"a": [result(-1.0, verdict="fails")]}, twins)
    assert found.passed_by == ("random twin of a",)
    assert found.verdict == "fails" and sum(found.counts.values()) == 1


def test_a_result_that_was_not_tested_is_no_evidence() -> None:
    lacking = replace(result(1.0, verdict="not applicable"), values={})
    assert across([CLAIM], {"a": [lacking]}, {}) == []


def test_the_page_sorts_filters_and_leads_to_the_evidence(done: auditing.Audit, browser: Any) -> None:
    browser.get(done.page.as_uri())
    rows = lambda: [r.text for r in browser.find_elements("css selector", "#audit tbody tr") if r.is_displayed()]
    assert len(rows()) == 2
    browser.find_element("id", "find-line").send_keys("specialise")
    assert len(rows()) == 1 and "head-03" in rows()[0]
    browser.find_element("id", "find-line").clear()
    browser.execute_script("document.getElementById('find-line').dispatchEvent(new Event('input'))")
    before = rows()
    browser.execute_script("const b = document.querySelector('#audit [data-sort=\"3\"]'); b.click()")
    up = rows()
    browser.execute_script("const b = document.querySelector('#audit [data-sort=\"3\"]'); b.click()")
    assert up == rows()[::-1] and sorted(up) == sorted(before)
    link = browser.find_element("css selector", "#audit tbody .cell a").get_attribute("href")
    target, _, anchor = link.partition("#")
    assert f'id="{anchor}"' in Path(target.removeprefix("file://")).read_text(encoding="utf-8")
    assert [line for line in browser.get_log("browser") if line["level"] in ("SEVERE", "WARNING")] == []
    assert auditing.redraw(done.folder.path).read_text(encoding="utf-8") == report.render_audit(
        AuditFolder.existing(done.folder.path)
    )
