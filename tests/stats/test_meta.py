"""The random-effects summary against statsmodels and against cases whose answer is known."""

import math

import numpy as np
import pytest

from bertology.stats.meta import random_effects


def test_it_agrees_with_statsmodels() -> None:
    meta = pytest.importorskip("statsmodels.stats.meta_analysis")
    draw = np.random.default_rng(0)
    for n in (2, 3, 7, 20):
        y, se = draw.normal(1, 2, n), draw.uniform(0.2, 2, n)
        theirs = meta.combine_effects(y, se**2, method_re="iterated", use_t=True)
        ours = random_effects(y, se)
        assert ours.between**2 == pytest.approx(theirs.tau2, abs=1e-4)
        assert ours.value == pytest.approx(theirs.mean_effect_re, abs=1e-4)
        wider = max(theirs.sd_eff_w_re_hksj, theirs.sd_eff_w_re)
        assert (ours.high - ours.low) / 2 == pytest.approx(float(meta.stats.t.ppf(0.975, n - 1)) * wider, rel=1e-3)
        assert ours.share == pytest.approx(max(0.0, theirs.i2), abs=1e-6)


def test_equal_studies_have_nothing_between_them() -> None:
    found = random_effects([2.0, 2.0, 2.0], [0.1, 0.2, 0.3])
    assert found.value == pytest.approx(2.0) and found.between == 0 and found.share == 0 and found.p == pytest.approx(1)


def test_studies_that_disagree_widen_the_interval_beyond_each_of_theirs() -> None:
    found = random_effects([0.0, 10.0, 0.0, 10.0], [0.1] * 4)
    assert found.value == pytest.approx(5) and found.low < 0 < 10 < found.high
    assert found.share > 0.99 and found.p < 1e-6 and found.between == pytest.approx(math.sqrt(100 / 3), rel=0.01)
    assert found.predicted[0] < found.low


def test_its_interval_covers_the_true_effect_as_often_as_it_says() -> None:
    draw = np.random.default_rng(1)
    hits = 0
    for _ in range(600):
        se = draw.uniform(0.1, 0.5, 6)
        found = random_effects(draw.normal(draw.normal(1, 0.5, 6), se), se)
        hits += found.low < 1 < found.high
    assert 0.92 < hits / 600 < 0.99


def test_one_study_is_its_own_summary_and_none_is_refused() -> None:
    found = random_effects([3.0], [0.5])
    assert (found.low, found.high) == pytest.approx((3 - 0.98, 3 + 0.98), abs=1e-3)
    assert random_effects([1.0, 1.0], [0.0, 0.0]).value == pytest.approx(1.0)
    with pytest.raises(ValueError, match="0 effects"):
        random_effects([], [])
    with pytest.raises(ValueError, match="finite"):
        random_effects([1.0, float("nan")], [0.1, 0.1])


def test_a_study_at_the_floor_does_not_outweigh_the_others() -> None:
    others = [1.2, 2.0, 1.6], [0.5, 0.6, 0.4]
    found = random_effects([0.0, *others[0]], [0.0, *others[1]])
    assert found == random_effects([0.0, *others[0]], [0.4, *others[1]])
    assert 0.5 < found.value < 1.6
    assert random_effects([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]).value == pytest.approx(1.0)
