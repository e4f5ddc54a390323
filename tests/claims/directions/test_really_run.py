"""Claims of section 7 as they really run, at a minimal scale; and what tuned models say, as artefacts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bertology as bt
from bertology.claims.directions import dir_01_heuristics, dir_02_copies, dir_04_reasoning, learners
from bertology.claims.directions.answers import Answers, Taught
from bertology.claims.directions.rates import rates, right
from bertology.claims.size import tuned_heads
from bertology.claims.training import fine_tuned
from bertology.train.artefacts import TunedModel
from bertology.train.task import Task
from bertology.train.tasks import inference
from tests.claims.directions.answered import tiny
from tests.planted import small


@pytest.fixture
def minimal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seeds, steps that can be counted on two hands."""
    short = replace(fine_tuned.STANDARD, epochs=1, batch=8, rate=1e-3)
    for module, changes in (
        (fine_tuned, {"SEEDS": (0, 1), "EXAMPLES": 16, "HELD_OUT": 20, "STANDARD": short}),
        (learners, {"SEEDS": (0, 1), "TRAIN": 16, "DEV": 8, "TEST": 30, "RECIPE": replace(learners.RECIPE, epochs=1)}),
        (tuned_heads, {"CHOOSING": 10}),
        (dir_01_heuristics, {"EACH": 2, "must_be_learnt": lambda *given: None}),
        (dir_02_copies, {"QUERIES": 16}),
        (dir_04_reasoning, {"TAUGHT": (8, 16), "EPOCHS": 1, "EACH": 4, "must_be_learnt": lambda *given: None}),
    ):
        for name, value in changes.items():
            monkeypatch.setattr(module, name, value)


def test_claims_train_answer_and_do_not_hold_on_random_weights(minimal, corpora, tmp_path):
    encoder = tiny(corpora)
    with torch.random.fork_rng():
        done = bt.run(encoder, claims=["dir-01", "dir-02", "dir-03", "dir-04", "dir-05"], scale=0.25, out=tmp_path)
    for result in done.results:
        expected = ("not applicable",) if result.claim == "dir-03" else ("fails", "undecided")
        assert result.verdict in expected, (result.claim, result.verdict, result.reason)
        if result.verdict != "not applicable":
            assert all(np.isfinite(e.value) for name, e in result.values.items() if "ρ" not in name), result.claim
            assert "2 seeds" in result.note and done.folder.rows(result.claim)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[TunedModel, Path]:
    corpora = small()
    task = learners.cut(inference(corpora.inference), 0)
    task = replace(task.limited(24), dev=task.dev[:8], test=task.test[:20])
    return TunedModel(tiny(corpora), task, replace(learners.RECIPE, epochs=1), 3), tmp_path_factory.mktemp("made")


def built(asked: Any, place: Path) -> Any:
    own = place / asked.key
    own.mkdir(exist_ok=True)
    asked.build(own, lambda what, done, total: None)
    return asked.load(own)


def test_answers_are_the_tuned_models_own(made):
    model, place = made
    tuned = built(model, place)
    (place / model.key / "complete").touch()
    said = built(Answers(model, tuple(e.texts for e in model.task.test)), place)
    assert said.shape == (20, 2) and np.allclose(said.sum(1), 1)
    assert right(said, (e.label for e in model.task.test), model.task.labels).mean() == pytest.approx(tuned.score)


def test_teaching_goes_on_with_the_head_and_moves_it(made):
    model, place = made
    texts = tuple(e.texts for e in model.task.test)
    before = built(Answers(model, texts), place)
    still = built(Taught(model, model.task, replace(model.recipe, rate=1e-12), 0, texts), place)
    assert np.allclose(before, still, atol=1e-5)
    moved = built(Taught(model, model.task, replace(model.recipe, rate=1e-2), 0, texts), place)
    assert not np.allclose(before, moved, atol=1e-3)
    again = built(Answers(model, texts), place)
    assert np.array_equal(before, again)
    from_encoder = built(Taught(model.encoder, model.task, model.recipe, model.seed, texts), place)
    assert np.allclose(from_encoder, before, atol=1e-6)


def test_keys_tell_apart_what_differs(made):
    model, _ = made
    task: Task = model.task
    texts = (("A.", "B."),)
    different = [
        Answers(model, texts), Answers(model, (*texts, *texts)), Taught(model, task, model.recipe, 0, texts),
        Taught(model.encoder, task, model.recipe, 0, texts), Taught(model, task, model.recipe, 1, texts),
        Taught(model, task.limited(8), model.recipe, 0, texts),
    ]  # fmt: skip
    assert len({one.key for one in different}) == len(different)


def test_rates_by_hand():
    counted = [np.array([1.0, 0.0, 1.0, np.nan]), np.array([1.0, 1.0, 1.0, 0.0])]
    groups = {
        "a": np.array([True, True, False, False]),
        "b": np.array([False, False, True, True]),
        "none": np.zeros(4, dtype=bool),
    }
    found = rates(counted, groups)
    assert found.groups == ("a", "b") and found.rate("a").value == pytest.approx(0.75)
    assert found.rate("b").value == pytest.approx(2 / 3)
    assert [(row.label, row.value, row.low, row.high, row.n) for row in found.rows("x", prefix="a")] == [
        ("", 0.75, 0.5, 1.0, 2)
    ]
    assert found.estimate(lambda a, b: a - b, "a", "b").value == pytest.approx(0.75 - 2 / 3)
