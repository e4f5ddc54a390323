"""A local Ray cluster: the same results, whatever happens to its workers."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import bertology as bt
from bertology import on_ray
from bertology.auditing import audit
from bertology.corpus import grammar
from bertology.corpus.corpora import Corpora
from bertology.observe.planner import Planner
from bertology.observe.vectors import SentenceVectors
from bertology.observe.wishes import measure
from bertology.on_ray import OnRay, connect, pack, unpack
from bertology.record.errors import BadRequest
from bertology.record.folder import RunFolder
from bertology.train.pretrain import read_log
from tests.conftest import Said
from tests.encoder.tiny import tiny
from tests.test_auditing import model

ray = pytest.importorskip("ray", reason="ray is not installed (extra 'ray')")
CLAIMS = ("head-03", "spec-01", "syn-02")


@pytest.fixture(scope="module")
def workers() -> Iterator[OnRay]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR", configure_logging=False)
    yield connect("ray")
    ray.shutdown()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("models")
    return [model(place / name, seed) for seed, name in enumerate(("first", "second"))]


def alike(a: Any, b: Any) -> bool:
    if a.values.keys() != b.values.keys() or a.verdict != b.verdict:
        return False
    triple = lambda e: (e.value, e.low, e.high)
    return all(np.allclose(triple(a.values[n]), triple(b.values[n]), atol=1e-6, equal_nan=True) for n in a.values)


def test_a_run_on_two_workers_says_what_a_run_here_says(workers: OnRay, models: list[Path], tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as workers have: other numbers of threads round otherwise, and L-BFGS goes another way
    here = bt.run(models[0], claims=CLAIMS, scale=0.05, out=tmp_path / "here")
    torch.set_num_threads(threads)
    there = bt.run(models[0], claims=CLAIMS, scale=0.05, out=tmp_path / "there", on="ray")
    assert all(r.verdict != "error" for r in here.results)
    assert [r.claim for r in here.results] == [r.claim for r in there.results]
    assert all(alike(a, b) for a, b in zip(here.results, there.results, strict=True))
    count = lambda run: [(p["name"], p["tokens"]) for p in run.folder.run()["passes"]]
    assert count(here) == count(there)


def test_an_audit_on_ray_says_what_an_audit_here_says(workers: OnRay, models: list[Path], tmp_path: Path) -> None:
    options: dict[str, Any] = dict(claims=("head-03", "spec-01"), scale=0.05)
    here = audit([*models, "/nowhere"], out=tmp_path / "here", **options)
    there = audit([*models, "/nowhere"], out=tmp_path / "there", on="ray", **options)
    assert [(e.name, e.status, e.place) for e in here.encoders] == [(e.name, e.status, e.place) for e in there.encoders]
    for one in here.encoders:
        pairs = zip(here.folder.results(one), there.folder.results(one), strict=True)
        assert all(alike(a, b) for a, b in pairs)
    assert [a.verdict for a in here.across] == [a.verdict for a in there.across]


def _slow(place: str, first: Any) -> int:
    """Notes who does it, and takes long the first time."""
    mark = Path(place) / "first"
    if not mark.exists():
        mark.write_text(str(os.getpid()))
        time.sleep(60)
    return 7


def test_a_worker_that_is_killed_loses_nothing(workers: OnRay, tmp_path: Path) -> None:
    waiting = workers._task(_slow).remote(str(tmp_path), None)
    mark = tmp_path / "first"
    while not (mark.exists() and mark.read_text()):
        time.sleep(0.05)
    os.kill(int(mark.read_text()), signal.SIGKILL)
    assert workers._answer(waiting) == 7


@dataclass(frozen=True)
class Deadly(SentenceVectors):
    """Kills the process that reads the first batch for it, once."""

    mark: str = ""

    def update(self, state: Any, batch: Any, seen: Any, encoder: Any) -> None:
        with suppress(FileExistsError):
            os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL))
            os.kill(os.getpid(), signal.SIGKILL)
        super().update(state, batch, seen, encoder)


def test_a_pass_whose_worker_is_killed_in_the_middle_is_read_whole(workers: OnRay, tmp_path: Path) -> None:
    encoder, corpus = tiny(), Corpora.load(scale=0.02).treebank
    planner = Planner(encoder, RunFolder.open(tmp_path / "run", {}), workers=workers, token_budget=256)
    ask = lambda mark: measure(Deadly(("mean",), 50, mark=str(mark)), over=corpus)
    there = dict(planner.outcomes({"claim": ask(tmp_path / "mark")}))["claim"]
    assert (tmp_path / "mark").exists()
    (tmp_path / "dead").touch()
    here = dict(Planner(encoder, RunFolder.open(tmp_path / "here", {})).outcomes({"claim": ask(tmp_path / "dead")}))[
        "claim"
    ]
    assert np.array_equal(there.sentence, here.sentence)
    assert np.allclose(there.vectors, here.vectors, atol=1e-3)


@dataclass(frozen=True)
class Broken(SentenceVectors):
    def update(self, state: Any, batch: Any, seen: Any, encoder: Any) -> None:
        raise ZeroDivisionError("on purpose")


def test_an_error_of_a_task_is_its_claims_and_the_others_go_on(workers: OnRay, tmp_path: Path) -> None:
    encoder, treebank = tiny(), Corpora.load(scale=0.02)
    planner = Planner(encoder, RunFolder.open(tmp_path / "run", {}), workers=workers)
    found = dict(
        planner.outcomes(
            {
                "good": measure(SentenceVectors(("mean",), 50), over=treebank.treebank),
                "bad": measure(Broken(("mean",), 50), over=treebank.pairs),
            }
        )
    )
    assert isinstance(found["bad"], ZeroDivisionError)
    assert found["good"].vectors.any()


def test_artefacts_are_made_there_and_kept_here(workers: OnRay, tmp_path: Path) -> None:
    made = list(workers.builds([(Wrote("hello"), tmp_path / "a"), (Wrote(""), tmp_path / "b")]))
    assert made[0] is None and (tmp_path / "a" / "deep" / "text").read_text() == "hello"
    assert isinstance(made[1], ValueError)


class Wrote:
    def __init__(self, text: str) -> None:
        self.key, self.text = f"wrote-{text}", text

    def build(self, place: Path, progress: Any) -> None:
        if not self.text:
            raise ValueError("nothing to write")
        (place / "deep").mkdir()
        (place / "deep" / "text").write_text(self.text)

    def load(self, place: Path) -> str:
        return (place / "deep" / "text").read_text()


def test_nodes_with_other_versions_are_refused(workers: OnRay, monkeypatch: pytest.MonkeyPatch) -> None:
    workers.check()
    own = on_ray.versions()
    fake = SimpleNamespace(get=lambda asked, timeout: {**own, "torch": "1.0"}, nodes=workers.ray.nodes)
    monkeypatch.setattr(workers, "_task", lambda *a, **k: SimpleNamespace(remote=lambda: None))
    monkeypatch.setattr(workers, "ray", fake)
    with pytest.raises(BadRequest, match=r"has torch 1\.0 there"):
        workers.check()


def test_a_place_that_is_no_cluster_is_refused() -> None:
    with pytest.raises(BadRequest, match="not known"):
        connect("spark")


def test_folders_travel_whole(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"\0\1")
    unpack(pack(tmp_path / "a"), tmp_path / "z")
    assert (tmp_path / "z" / "b" / "c").read_bytes() == b"\0\1"


def test_two_processes_of_ray_train_learn_what_one_learns(
    workers: OnRay, tmp_path: Path, bertology: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("accelerate")
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("\n".join(" ".join(s.text for s in part) for part in _parts(400)), encoding="utf-8")
    options = "primer-mini --small --text text.txt --tokens 8000 --checkpoints 1 --precision float32"  # without dropout
    command = ("pretrain", *options.split(), "--json")
    for more in (("--out", "alone"), ("--out", "there", "--on", "ray", "--processes", 2)):
        done = bertology(*command, *more)
        assert done.code == 0, done.err
    one, two = (list(read_log(tmp_path / name)) for name in ("alone", "there"))
    assert [line["tokens"] for line in one] == [line["tokens"] for line in two]
    assert np.allclose([line["loss"] for line in one], [line["loss"] for line in two], atol=1e-4)


def _parts(n: int) -> Iterator[tuple[Any, ...]]:
    sentences = grammar.text(n, seed=0).sentences
    yield from (sentences[i : i + 4] for i in range(0, len(sentences), 4))
