"""pre-07: a further objective beside masking."""

from typing import Any

import pytest

from bertology.claims.training import pre_07_many_tasks as module
from bertology.record.errors import NotApplicable
from tests.claims.driving import noise
from tests.claims.training.made_up import finding, verdict


@pytest.fixture(autouse=True)
def _likelihood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "log_likelihood", lambda run: -run.encoder.loss)


def loss(reordering: float = 1.0):
    return lambda run: {"mlm": 3.0 + 0.01 * noise(run.seed), "reordering": reordering + 0.01 * noise(run.seed, "r")}


def score(gain: float, *, worth: float = 0.2, spread: float = 0.003):
    def of(run: Any, asked: Any) -> float:
        more = len(run.recipe.objectives) == 2
        middle = 0.6 - worth if asked.encoder.twin else 0.6 + gain * more
        return middle + spread * noise(run.seed, more, asked.encoder.twin, asked.task.name)

    return of


@pytest.mark.parametrize(("gain", "expected"), [(0.1, "holds"), (-0.1, "fails")])
def test_the_further_objective_must_gain(corpora, gain, expected):
    assert verdict("pre-07", loss(), corpora, score(gain)) == expected


def test_noise_does_not_hold(corpora):
    assert verdict("pre-07", loss(), corpora, score(0.0, spread=0.03)) != "holds"


def test_pre_training_that_is_worth_nothing_does_not_hold(corpora):
    assert verdict("pre-07", loss(), corpora, score(0.1, worth=-0.1)) == "fails"


def test_an_objective_that_was_not_learnt_shows_nothing(corpora):
    with pytest.raises(NotApplicable, match="not learnt"):
        finding("pre-07", loss(2.0), corpora, score(0.1))


def test_both_read_the_same_pieces_and_differ_in_one_objective():
    assert module.PLAIN.layout == module.MORE.layout and len(module.MORE.objectives) == len(module.PLAIN.objectives) + 1
