"""Exporting as a job, and the ladder's page: written beside the model, readable, and closed to what comes from outside."""

import json
import re
from pathlib import Path

import pytest

from bertology.compress.inference import ladder as room
from bertology.compress.inference.unpadded import Cost
from bertology.exporting import export_job
from bertology.report.ladder import render_ladder
from tests.encoder.tiny import tiny

EVIL = "<script>alert(1)</script>"


def estimate(value: float) -> dict[str, object]:
    return {"value": value, "low": None, "high": None, "n": 1, "unit": "", "method": ""}


def rung(name: str, times: float, refused: str = "") -> dict[str, object]:
    drift = {"largest": 1e-3, "cosine": 0.999, "least": 0.99}
    return {"name": name, "seconds": 1 / times, "speedup": estimate(times), "drift": drift, "change": None, "refused": refused}  # fmt: skip


FOUND = {
    "encoder": EVIL, "machine": {"processor": EVIL, "VNNI": "yes"}, "texts": 12, "padding": (2.5, 1.1), "measure": "", "score": None,
    "rungs": [rung("padded float32", 1.0), rung("fast", 3.25), rung("faster", 9.0, f"it drifts {EVIL}")], "absent": {"away": EVIL}, "best": "fast",
}  # fmt: skip


def test_the_page_names_the_best_rung_and_why_others_are_refused() -> None:
    page = render_ladder(FOUND)
    words = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page))
    assert "fast : 3.25 times as fast" in words and "computes 2.50" in words and "it drifts" in words
    assert EVIL not in page and "&lt;script&gt;alert(1)" in page


def test_an_export_lies_beside_its_measures_and_the_ladder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(room, "RUNGS", {room.EXACT: room.RUNGS[room.EXACT]})
    monkeypatch.setattr(Cost, "measure", lambda run, most, names: Cost(1e-4, 1e-5, 0.0))
    real = room.ladder
    monkeypatch.setattr("bertology.exporting.ladder", lambda *a, **k: real(*a, **k, rungs=(room.EXACT,)))
    made = export_job(tiny("bert", mlm=False), tmp_path / "out", force=True, climb=True, texts=20, repeats=2)
    names = {f.name for f in (tmp_path / "out").iterdir()}
    assert {"model.onnx", "tokenizer.json", "export.json", "ladder.json", "ladder.html"} <= names
    said = json.loads((tmp_path / "out" / "export.json").read_text())
    assert said["export"]["difference"] < 1e-5 and said["export"]["file"] == "model.onnx"
    assert json.loads((tmp_path / "out" / "ladder.json").read_text())["texts"] == 20
    assert any("ladder.html" in line for line in made.lines())
    json.dumps(made.to_json())
