"""A larger hidden size helps on every task."""

import math
from dataclasses import replace
from typing import Any

import pytest

from bertology.claims.training import arch_02_width as module
from bertology.claims.training.scale import TINY
from bertology.train.task import Example, Task
from tests.claims.driving import noise
from tests.claims.training.made_up import verdict


@pytest.fixture(autouse=True)
def _sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes without a tokenizer; tasks without a corpus."""
    example = (Example(("a",), "x"), Example(("b",), "y"))
    tasks = [Task(name, "sentence", ("x", "y"), example, example, example) for name in ("words", "sentences")]
    monkeypatch.setattr(module, "words_and_sentences", lambda corpora, seed: tasks)
    monkeypatch.setattr(module, "parameters", lambda architecture, tokenizer: 0)
    monkeypatch.setattr(module, "at_equal_parameters", lambda architecture, n, tokenizer, by: _filled(architecture))


def _filled(architecture: Any) -> Any:
    return replace(architecture, feed_forward=9)


def width(run: Any) -> float:
    return math.log2(run.recipe.architecture.width / 64)


def loss(gain: float, gain_equal: float):
    def answer(run: Any) -> float:
        loss = 3 - gain * width(run)
        if run.recipe.architecture.feed_forward == 9:  # the narrow one, filled up: as far from the widest as is asked
            loss = 3 - gain + 2 * gain_equal
        return loss + 0.01 * noise(run.seed, run.recipe.architecture)

    return answer


def score(words: float, sentences: float):
    def answer(run: Any, asked: Any) -> float:
        return (
            0.7
            + {"words": words, "sentences": sentences}[asked.task.name] * width(run)
            + 0.003 * noise(run.seed, width(run), asked.task.name)
        )

    return answer


def test_width_that_helps_everywhere_holds(corpora):
    assert verdict("arch-02", loss(0.2, 0.2), corpora, score(0.1, 0.05)) == "holds"


@pytest.mark.parametrize(
    "gains", [(-0.2, 0.2, 0.1, 0.1), (0.2, -0.2, 0.1, 0.1), (0.2, 0.2, -0.1, 0.1), (0.2, 0.2, 0.1, -0.1)]
)
def test_one_measure_that_width_harms_fails(corpora, gains):
    assert verdict("arch-02", loss(*gains[:2]), corpora, score(*gains[2:])) == "fails"


def test_noise_does_not_hold(corpora):
    assert verdict("arch-02", loss(0, 0), corpora, score(0, 0)) != "holds"


def test_the_rate_falls_as_the_width_grows():
    assert module.of_width(64) == TINY
    assert module.of_width(128).optimizer.rate == TINY.optimizer.rate / 2
    assert module.of_width(128).architecture.feed_forward == 2 * TINY.architecture.feed_forward
