"""Probes with hidden layers learn what no linear one can, and follow the same contract."""

import numpy as np
import pytest

from bertology.probe.linear import LinearProbe
from bertology.probe.mlp import MLPProbe
from bertology.record.errors import BadRequest
from tests.probe.planted import classes


def parity(seed, rows=3000):
    """The label is whether two features have the same sign (layer 0); layer 1 is noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, rows, 6)).astype(np.float32)
    return x, (x[0, :, 0] * x[0, :, 1] > 0).astype(int)


@pytest.mark.parametrize("layers", [1, 2])
def test_parity_is_learnt_by_hidden_layers_and_not_by_a_linear_probe(layers):
    train, test = parity(0), parity(1)
    accuracy = MLPProbe(hidden=32, layers=layers, learning_rate=0.01, epochs=10).fit(*train).score(*test)
    assert accuracy[0] > 0.9 and abs(accuracy[1] - 0.5) < 0.05
    assert abs(LinearProbe().fit(*train).score(*test)[0] - 0.5) < 0.05


def test_planted_classes_are_found():
    accuracy = MLPProbe().fit(*classes()).score(*classes(seed=1))
    assert abs(accuracy[0] - 0.25) < 0.06 and accuracy[2] > 0.95


def test_a_dev_set_stops_noise_from_being_learnt_by_heart():
    train, dev, test = classes(rows=200), classes(seed=1), classes(seed=2)
    options = {"hidden": 64, "epochs": 20, "min_steps": 200, "learning_rate": 0.01}
    stopped = MLPProbe(**options).fit(*train, dev=dev).evaluate(*test).loss[0].mean()
    driven = MLPProbe(**options).fit(*train).evaluate(*test).loss[0].mean()
    assert stopped < driven - 0.3 and stopped < 1.6


def test_reordering_layers_reorders_results_and_seeds_decide():
    train, test = classes(), classes(seed=1)
    order = [2, 0, 1]
    straight = MLPProbe().fit(*train).evaluate(*test).loss
    np.testing.assert_allclose(
        MLPProbe().fit(train[0][order], train[1]).evaluate(test[0][order], test[1]).loss, straight[order], atol=1e-3
    )
    np.testing.assert_array_equal(MLPProbe().fit(*train).evaluate(*test).loss, straight)


def test_three_hidden_layers_are_refused():
    with pytest.raises(BadRequest, match="layers = 3"):
        MLPProbe(layers=3).fit(*classes(rows=50))
