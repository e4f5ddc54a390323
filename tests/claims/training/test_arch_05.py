"""More attention below and more feed-forward above beats alternating them."""

from typing import Any

import pytest

from bertology.claims.training import arch_05_sandwich as module
from bertology.claims.training.sweep import CHOOSING_SEED
from bertology.record.errors import NotApplicable
from tests.claims.driving import noise
from tests.claims.training.made_up import finding, verdict


@pytest.fixture(autouse=True)
def _likelihoods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "log_likelihood", lambda run: -run.encoder.loss)
    monkeypatch.setattr(module, "frequency_likelihood", lambda run: -6.0)


def coefficient(run: Any) -> int:
    return dict(run.recipe.architecture.options)["sandwich"]


def answer(gain: float, level: float = 3.0, spread: float = 0.005):
    """A sandwich of 2 gains, others lose."""
    return lambda run: (
        level - {0: 0.0, 2: gain}.get(coefficient(run), -1.0) + spread * noise(run.seed, coefficient(run))
    )


def test_a_sandwich_that_gains_holds(corpora):
    assert verdict("arch-05", answer(0.2), corpora) == "holds"


def test_a_sandwich_that_loses_fails(corpora):
    assert verdict("arch-05", answer(-0.2), corpora) == "fails"


def test_noise_does_not_hold(corpora):
    assert verdict("arch-05", answer(0.0), corpora) != "holds"


def test_models_that_know_word_frequencies_only_say_nothing(corpora):
    with pytest.raises(NotApplicable, match="word frequencies"):
        finding("arch-05", answer(0.2, level=5.8), corpora)


def test_the_coefficient_is_chosen_on_a_seed_of_its_own(corpora):
    asked = []

    def loss(run: Any) -> float:
        asked.append((run.seed, coefficient(run)))
        return answer(0.2)(run)

    finding("arch-05", loss, corpora)
    assert sorted(asked) == sorted(
        [(CHOOSING_SEED, k) for k in (1, 2, 3)] + [(s, k) for s in (0, 1, 2) for k in (0, 2)]
    )
