"""Ridge regression from moments is scikit-learn's on the arrays, and moments add."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from bertology.probe.ridge import RidgeProbe, regression_moments
from bertology.record.errors import BadRequest, NotFinite


def planted(seed, rows=500, width=20):
    """Layer 0 is noise; layer 1 determines the two targets up to noise of variance 0.25 and 1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, rows, width)).astype(np.float32) + 2
    weight = np.random.default_rng(99).normal(size=(width, 2)) / np.sqrt(width)
    return x, x[1].astype(np.float64) @ weight + rng.normal(size=(rows, 2)) * [0.5, 1.0] + 3


@pytest.mark.parametrize("alpha", [1e-3, 10.0, 1e4])
def test_coefficients_predictions_and_r2_are_scikit_learns(alpha):
    (x, y), (x_test, y_test) = planted(0), planted(1)
    probe = RidgeProbe(alphas=(alpha,)).fit(regression_moments(x, y))
    for layer in range(2):
        model = Ridge(alpha=alpha).fit(x[layer].astype(np.float64), y)
        np.testing.assert_allclose(probe.weight_[layer].T, model.coef_, atol=1e-6)
        predicted = model.predict(x_test[layer].astype(np.float64))
        np.testing.assert_allclose(probe.predict(x_test)[layer], predicted, atol=1e-6)
        r2 = 1 - ((y_test - predicted) ** 2).sum(0) / ((y_test - y_test.mean(0)) ** 2).sum(0)
        np.testing.assert_allclose(probe.score(regression_moments(x_test, y_test))[layer], r2, atol=1e-6)


def test_planted_targets_are_predicted_up_to_their_noise_and_noise_predicts_nothing():
    (x, y), test = planted(0, rows=4000), planted(1, rows=4000)
    r2 = (
        RidgeProbe().fit(regression_moments(x, y), dev=regression_moments(*planted(2))).score(regression_moments(*test))
    )
    assert (r2[0] < 0.02).all()
    np.testing.assert_allclose(r2[1], 1 - np.array([0.25, 1.0]) / test[1].var(0), atol=0.03)


def test_moments_add_in_any_order_and_by_rows():
    x, y = planted(0)
    whole = regression_moments(x, y)
    parts = [regression_moments(x, y, rows=np.arange(i, 500, 3)) for i in range(3)]
    for joined in (parts[0] + parts[1] + parts[2], parts[2] + (parts[1] + parts[0])):
        np.testing.assert_allclose(joined.xx, whole.xx)
        np.testing.assert_allclose(joined.xy, whole.xy)
        assert joined.n == 500


def test_the_strength_is_chosen_per_layer_on_dev():
    (x, y), dev = planted(0, rows=60), planted(1)
    probe = RidgeProbe(alphas=(1e-2, 1e5)).fit(regression_moments(x, y), dev=regression_moments(*dev))
    np.testing.assert_array_equal(probe.alpha_, [1e5, 1e-2])


def test_a_target_that_never_varies_has_no_r2():
    x, y = planted(0)
    y[:, 1] = 4
    r2 = RidgeProbe().fit(regression_moments(x, y)).score(regression_moments(x, y))
    assert np.isnan(r2[:, 1]).all() and np.isfinite(r2[:, 0]).all()


def test_what_cannot_be_fitted_is_refused():
    x, y = planted(0)
    with pytest.raises(BadRequest, match="3 labels for 500 rows"):
        regression_moments(x, y[:3])
    with pytest.raises(NotFinite):
        regression_moments(np.where(np.arange(20) == 3, np.inf, x), y)
    with pytest.raises(BadRequest, match="alphas"):
        RidgeProbe(alphas=(0.0,)).fit(regression_moments(x, y))
