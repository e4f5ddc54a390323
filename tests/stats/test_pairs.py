"""Means over pairs and their intervals; slopes; rank correlations."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from bertology.stats.pairs import PairTally, bootstrap_pairs, pair_intervals
from bertology.stats.ranks import bootstrap_spearman, spearman
from bertology.stats.trend import slope


def products(values: np.ndarray) -> PairTally:
    """All pairs of different items, one item a block: the mean of x·y is a U-statistic with a known standard error."""
    total, apart = np.outer(values, values), 1 - np.eye(len(values))
    return PairTally((total * apart)[:, :, None], apart)


def test_rate_is_the_mean_over_pairs() -> None:
    values = np.array([1.0, 2.0, 4.0])
    assert products(values).rate()[0] == pytest.approx((1 * 2 + 1 * 4 + 2 * 4) / 3)


def test_the_interval_covers_both_sides_of_a_pair() -> None:
    """The mean product is about the squared mean, so its standard error is 2 · mean · s / √n; one side alone gives half."""
    values = np.random.default_rng(0).normal(3, 1, 150)
    made = bootstrap_pairs(lambda r: r[:, 0], products(values), n=150)
    expected = 2 * values.mean() * values.std() / np.sqrt(150)
    assert made.standard_error == pytest.approx(expected, rel=0.15)


def test_blocks_without_pairs_change_nothing() -> None:
    values = np.random.default_rng(1).normal(3, 1, 40)
    few = products(values)
    padded = PairTally(np.pad(few.total, ((0, 9), (0, 9), (0, 0))), np.pad(few.weight, ((0, 9), (0, 9))))
    a, b = (pair_intervals(lambda r: r, one) for one in (few, padded))
    assert np.allclose(a, b)


def test_slope_of_a_line_is_its_slope() -> None:
    depth = np.array([0.0, 0.5, 1.0])
    assert slope(np.array([[1 + 3 * depth], [2 - depth]]), depth) == pytest.approx(np.array([[3.0], [-1.0]]))


def test_spearman_agrees_with_scipy_and_its_interval_holds_the_value() -> None:
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 10, 80).astype(float)
    scores = np.stack([gold + rng.normal(0, 3, 80), rng.normal(0, 1, 80)])
    assert spearman(scores, gold) == pytest.approx([spearmanr(s, gold).statistic for s in scores])
    gap = bootstrap_spearman({"gap": lambda r: r[:, 0] - r[:, 1]}, scores, gold, draws=200)["gap"]
    assert 0 < gap.low < gap.value < gap.high
