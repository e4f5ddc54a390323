"""ft-11: initial weights, data order, and stopping early."""

import numpy as np
import pytest

from bertology.claims.training.ft_11_seeds import component, early_stopping
from tests.claims.driving import noise
from tests.claims.training.answered import verdict


def score(weights: float, order: float, rest: float):
    return lambda asked, s, o: 0.8 + weights * noise("w", s) + order * noise("o", o) + rest * noise("r", s, o)


def flat(asked, seed, order):
    return 0.5


def test_two_factors_hold_when_dev_tells_early(corpora):
    assert verdict("ft-11", score(0.03, 0.03, 0.005), corpora) == "holds"


def test_noise_that_is_of_neither_factor_does_not_hold(corpora):
    assert verdict("ft-11", score(0.0, 0.0, 0.03), corpora) != "holds"


def test_an_order_without_effect_does_not_hold(corpora):
    assert verdict("ft-11", score(0.03, 0.0, 0.005), corpora) != "holds"


def test_early_scores_that_mislead_make_stopping_costly() -> None:
    rng = np.random.default_rng(0)
    test = 0.8 + 0.05 * rng.standard_normal(64)
    good = early_stopping(np.stack([test, test, test], 1), test, 0)
    bad = early_stopping(np.stack([-test, test, test], 1), test, 0)
    assert good.low > 0 and bad.high < -0.01


def test_components_by_hand() -> None:
    table = np.array([[0.0, 1.0], [10.0, 11.2]])
    made = component(table)
    assert made.value == pytest.approx(np.sqrt(10.1**2 / 0.1**2)) and made.low < made.value < made.high


def test_a_factor_without_effect_is_seen_in_one_table_of_forty() -> None:
    rng = np.random.default_rng(0)
    columns = 5 * rng.standard_normal(8)
    seen = [component(rng.standard_normal((8, 8)) + columns).low > 1 for _ in range(800)]
    assert 0.01 < np.mean(seen) < 0.045
