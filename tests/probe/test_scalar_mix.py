"""Scalar mixes: the layer that knows gets the weight, and cumulative scores say where a task is solved."""

import numpy as np
import pytest

from bertology.probe.scalar_mix import ScalarMix, cumulative, expected_layer
from bertology.record.errors import BadRequest
from tests.probe.planted import classes


@pytest.mark.parametrize("knowing", [0, 1, 3])
def test_the_only_layer_that_knows_gets_the_weight(knowing):
    strengths = tuple(4.0 if layer == knowing else 0.0 for layer in range(4))
    mix = ScalarMix().fit(*classes(strengths=strengths, rows=2000))
    assert mix.mix_.shape == (1, 4) and mix.mix_.sum() == pytest.approx(1)
    assert mix.mix_[0].argmax() == knowing and mix.mix_[0, knowing] > 0.6
    assert abs(mix.centre_of_gravity - knowing) < 0.7
    assert mix.score(*classes(strengths=strengths, seed=1))[0] > 0.9


def test_layers_that_know_the_same_share_the_weight_and_diverge_little_from_uniform():
    (vectors, labels) = classes(strengths=(2.0,), rows=2000)
    same = ScalarMix().fit(np.repeat(vectors, 4, axis=0), labels)
    assert np.abs(same.mix_ - 0.25).max() < 0.02 and same.divergence < 0.01
    one = ScalarMix().fit(*classes(strengths=(0.0, 4.0, 0.0, 0.0), rows=2000))
    assert 0.3 < one.divergence <= np.log(4)


def test_scale_of_a_layer_does_not_decide_its_weight():
    vectors, labels = classes(strengths=(2.0, 2.0), rows=2000)
    plain = ScalarMix().fit(vectors, labels).mix_
    scaled = ScalarMix().fit(vectors.astype(np.float32) * np.array([1, 50])[:, None, None], labels).mix_
    np.testing.assert_allclose(plain, scaled, atol=1e-3)


def test_a_task_solved_at_layer_two_has_expected_layer_two():
    strengths = (0.0, 0.0, 5.0, 5.0, 5.0)
    scores, probes = cumulative(classes(strengths=strengths), classes(strengths=strengths, seed=1))
    assert scores.correct.shape == (5, 1200)
    assert (scores.accuracy[:2] < 0.35).all() and (scores.accuracy[2:] > 0.95).all()
    assert abs(expected_layer(scores.accuracy) - 2) < 0.15
    assert (np.triu(probes.mix_, 1) == 0).all() and probes.mix_.sum(1) == pytest.approx(1)


def test_expected_layer_is_the_published_formula_and_takes_resamples():
    accuracy = np.array([[0.5, 0.7, 0.9, 0.9], [0.5, 0.5, 0.5, 0.9], [0.6, 0.5, 0.6, 0.6]])
    np.testing.assert_allclose(expected_layer(accuracy), [1.5, 3.0, np.nan])
    with pytest.raises(BadRequest):
        expected_layer(np.array([0.5]))


def test_one_seed_gives_one_mix():
    train = classes()
    np.testing.assert_array_equal(ScalarMix().fit(*train).mix_, ScalarMix().fit(*train).mix_)
