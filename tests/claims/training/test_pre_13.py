"""pre-13: gains of one seed over many."""

import numpy as np
import pytest

from bertology.claims.training.pre_13_marginal_gains import improvement, vanishing
from tests.claims.training.answered import jitter, random_weights, verdict


def score(gain: float, pretraining: float, size: float = 0.02):
    def of(asked, seed, order):
        level = 0.8 + (gain if asked.recipe.techniques else 0.0) - pretraining * random_weights(asked)
        return level + jitter(asked, seed, order, size)

    return of


def test_gains_that_are_noise_vanish(corpora):
    assert verdict("pre-13", score(0.0, 0.2), corpora) == "holds"


def test_gains_that_are_real_stay(corpora):
    assert verdict("pre-13", score(0.1, 0.2), corpora) == "fails"


def test_a_test_that_confirms_nothing_does_not_hold(corpora):
    assert verdict("pre-13", score(0.0, 0.0), corpora) != "holds"


def test_the_permutation_test_by_hand() -> None:
    assert improvement(np.array([1.0, 1.0, 1.0])) == pytest.approx(7 / 8)
    assert improvement(np.array([1.0, -1.0])) == pytest.approx(1 / 4)
    assert improvement(-np.ones(10)) == 0.0
    assert improvement(np.full(20, 0.1)) > 0.99


def test_without_a_reported_gain_nothing_is_measured() -> None:
    assert not vanishing(np.full((3, 4), -0.1), 0).known
