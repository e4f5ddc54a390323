"""Redundancy as a job and a page: written, readable, and closed to what comes from outside."""

import json
import re
from pathlib import Path

import pytest

from bertology.encoder import Encoder
from bertology.record.errors import BadRequest
from bertology.redundancy import Found, redundancy_job
from bertology.report.redundancy import render_redundancy
from tests.encoder.tiny import tiny

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return tiny("bert", mlm=False, max_position_embeddings=512)


@pytest.fixture(scope="module")
def done(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Found:
    return redundancy_job(encoder, out=tmp_path_factory.mktemp("redundancy") / "out", examples=12, seeds=2)


def test_the_page_says_what_can_go_of_each_part(done: Found) -> None:
    assert done.place is not None
    page = (done.place / "redundancy.html").read_text()
    words = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page))
    assert "tiny bert" in words and "within 1 point of cosine" in words
    for x in done.redundancy.limits:
        assert f"{100 * x.gone.value:.0f} %" in words and x.how in words
    for part in ("heads", "neurons", "layers", "weights", "bits", "dimensions", "spectrum"):
        assert f'data-chart="{part}"' in page
    assert "http" not in re.sub(r"http://www\.w3\.org[^\"' ]*", "", page.split("<body>")[1].split("<script")[0])


def test_the_json_beside_it_is_the_same(done: Found) -> None:
    assert done.place is not None
    again = json.loads((done.place / "redundancy.json").read_text())
    assert again["limits"] == json.loads(json.dumps(done.to_json()))["limits"]
    assert any(line.startswith("tiny bert: cosine to the whole") for line in done.lines())


def test_a_task_is_tuned_to_first(encoder: Encoder, tmp_path: Path) -> None:
    file = tmp_path / "task.csv"
    file.write_text("text,label\n" + "".join(f"{'cats sit' if k % 2 else 'birds sing'} {'abcdefghij'[k % 10]} {k},{k % 2 * 'a' or 'b'}\n" for k in range(60)))  # fmt: skip
    made = redundancy_job(encoder, [file], parts=("layers",), seeds=1)
    assert made.redundancy.measure == "accuracy" and made.redundancy.of == "task" and made.place is None
    with pytest.raises(BadRequest, match="task and a text"):
        redundancy_job(encoder, [file], on=file)


def test_names_from_outside_are_shown_not_run(done: Found) -> None:
    content = done.redundancy.to_json()
    page = render_redundancy({**content, "encoder": EVIL, "of": EVIL, "absent": {EVIL: EVIL}})
    assert EVIL not in page and "&lt;script&gt;alert(1)" in page
