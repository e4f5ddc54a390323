"""Online codelength: random labels cost the uniform code, learnable ones cost less, and bits add up."""

import numpy as np
import pytest

from bertology.probe.linear import LinearProbe
from bertology.probe.mdl import online_code
from bertology.probe.mlp import MLPProbe
from tests.probe.planted import classes


def test_random_labels_cost_about_the_uniform_code():
    vectors, labels = classes(rows=2000, strengths=(5.0, 5.0))
    code = online_code(vectors, np.random.default_rng(3).permutation(labels))
    assert code.uniform == pytest.approx(2000 * 2)
    assert (code.compression < 1.02).all() and (code.compression > 0.8).all()


def test_the_clearer_the_classes_the_shorter_the_code():
    code = online_code(*classes(rows=2000))
    assert code.total[2] < code.total[1] < code.total[0]
    assert code.compression[2] > 3


def test_the_first_portion_costs_log2_of_the_classes_and_rows_keep_their_places():
    vectors, labels = classes(rows=1000)
    code = online_code(vectors, labels, portions=(0.1, 0.5), seed=4)
    order = np.random.default_rng(4).permutation(1000)
    assert code.ends == (100, 500, 1000)
    np.testing.assert_allclose(code.bits[:, order[:100]], 2.0)
    middle = order[100:500]
    by_hand = LinearProbe(seed=4).fit(vectors, labels, rows=order[:100], classes=np.array(list("abcd")))
    np.testing.assert_allclose(
        code.bits[:, middle], by_hand.evaluate(vectors, labels, rows=middle).loss / np.log(2), rtol=1e-4
    )


def test_classes_that_do_not_occur_make_the_uniform_code_longer():
    vectors, labels = classes(rows=400)
    code = online_code(vectors, labels, classes=np.array(list("abcdefgh")))
    assert code.uniform == pytest.approx(400 * 3) and np.isfinite(code.bits).all()


def test_tiny_data_skips_portions_without_rows():
    code = online_code(*classes(rows=12))
    assert code.ends[0] == 1 and code.ends[-1] == 12 and len(set(code.ends)) == len(code.ends)
    assert np.isfinite(code.total).all()


def test_another_probe_can_be_the_learner():
    code = online_code(*classes(rows=600), probe=MLPProbe(hidden=16), portions=(0.25, 1.0))
    assert code.compression[2] > 1.3 > code.compression[0]
