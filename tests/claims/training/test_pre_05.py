"""Dropping next-sentence prediction does no harm."""

from typing import Any

import pytest

from bertology.claims.training import pre_05_without_nsp as module
from bertology.record.errors import NotApplicable
from tests.claims.driving import noise
from tests.claims.training.made_up import finding, verdict


@pytest.fixture(autouse=True)
def _likelihood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "log_likelihood", lambda run: -run.encoder.loss)


def answer(run: Any, gain: float, *, nsp: float = 0.4, spread: float = 0.005) -> dict[str, float]:
    has = len(run.recipe.objectives) == 2
    return {"mlm": 3.0 + has * gain + spread * noise(run.seed, has), "nsp": nsp + 0.01 * noise(run.seed, "nsp")}


@pytest.mark.parametrize("gain", [0.0, 0.2])
def test_no_harm_and_a_gain_hold(corpora, gain):
    assert verdict("pre-05", lambda run: answer(run, gain, spread=0.001), corpora) == "holds"


def test_a_loss_by_dropping_fails(corpora):
    assert verdict("pre-05", lambda run: answer(run, -0.2), corpora) == "fails"


def test_an_objective_that_was_not_learnt_shows_nothing(corpora):
    with pytest.raises(NotApplicable, match="not learnt"):
        finding("pre-05", lambda run: answer(run, 0.2, nsp=0.75), corpora)


def test_seeds_that_differ_more_than_the_margin_leave_it_undecided(corpora):
    assert verdict("pre-05", lambda run: answer(run, 0.0, spread=0.3), corpora) == "undecided"
