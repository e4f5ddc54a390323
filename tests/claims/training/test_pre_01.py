"""Masking rate and span length matter little within a range."""

from typing import Any

import pytest

from bertology.claims.training import pre_01_rate_and_span as module
from tests.claims.driving import noise
from tests.claims.training.made_up import verdict


@pytest.fixture(autouse=True)
def _likelihoods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "log_likelihood", lambda run: -run.encoder.loss)
    monkeypatch.setattr(module, "frequency_likelihood", lambda run: -6.0)


def of(run: Any) -> tuple[float, float]:
    masking = run.recipe.objectives[0].masking
    return masking.rate, masking.units.mean


def test_settings_that_agree_within_the_spread_of_seeds_hold(corpora):
    assert verdict("pre-01", lambda run: 3.0 + 0.1 * noise(run.seed) + (of(run)[0] == 0.5), corpora) == "holds"


def test_a_rate_that_matters_more_than_seeds_fails(corpora):
    assert verdict("pre-01", lambda run: 3.0 + 4 * of(run)[0] + 0.01 * noise(run.seed, of(run)), corpora) == "fails"


def test_a_span_that_matters_more_than_seeds_fails(corpora):
    assert verdict("pre-01", lambda run: 3.0 + 0.1 * of(run)[1] + 0.01 * noise(run.seed, of(run)), corpora) == "fails"


def test_models_that_learnt_nothing_agree_in_vain(corpora):
    assert verdict("pre-01", lambda run: 7.1 + 0.01 * noise(run.seed), corpora) == "fails"
