"""Nearest neighbours and silhouettes, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples
from sklearn.neighbors import KNeighborsClassifier

from bertology.probe.neighbours import Neighbours, silhouettes
from bertology.record.errors import BadRequest, NotFinite
from tests.probe.planted import classes


def test_near_vectors_share_labels_where_planted_and_not_in_noise():
    train, test = classes(strengths=(0.0, 20.0)), classes(strengths=(0.0, 20.0), seed=1)
    accuracy = Neighbours(k=5).fit(*train).score(*test)
    assert abs(accuracy[0] - 0.25) < 0.06 and accuracy[1] > 0.97


def test_the_nearest_neighbour_is_scikit_learns():
    (vectors, labels), test = classes(rows=400), classes(rows=700, seed=1)
    ours = Neighbours(k=1).fit(vectors, labels).predict(test[0])
    for layer in range(3):
        theirs = KNeighborsClassifier(1, metric="cosine").fit(vectors[layer].astype(np.float32), labels)
        assert (ours[layer] == theirs.predict(test[0][layer].astype(np.float32))).mean() > 0.995


def test_leaving_one_out_is_fitting_without_it():
    vectors, labels = classes(rows=60)
    together = Neighbours(k=3).fit(vectors, labels).leave_one_out()
    for row in range(0, 60, 7):
        others = np.arange(60) != row
        alone = Neighbours(k=3).fit(vectors[:, others], labels[others]).predict(vectors[:, [row]])
        np.testing.assert_array_equal(together.predicted[:, row], alone[:, 0])


def test_a_tied_vote_goes_to_the_closer_neighbours():
    angle = np.deg2rad([1, 30, 2.0, 3])
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1)[None].astype(np.float32)
    near = Neighbours(k=4)
    near.fit(np.concatenate([vectors, -vectors[:, :1]], axis=1), np.array(["a", "a", "b", "b", "c"]))
    assert near.predict(np.array([[[1.0, 0.05]]], dtype=np.float32))[0, 0] == "b"


def test_losses_are_finite_and_lower_where_more_neighbours_agree():
    scores = Neighbours(k=5).fit(*classes(strengths=(0.0, 20.0))).leave_one_out()
    assert np.isfinite(scores.loss).all() and scores.loss[1].mean() < scores.loss[0].mean() / 2


def test_silhouettes_are_scikit_learns():
    vectors, labels = classes(rows=300)
    labels[7] = "z"
    for layer, ours in enumerate(silhouettes(vectors, labels)):
        theirs = silhouette_samples(vectors[layer].astype(np.float64), labels, metric="cosine")
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_too_many_neighbours_and_nan_are_refused():
    vectors, labels = classes(rows=60)
    with pytest.raises(BadRequest, match="k = 60"):
        Neighbours(k=60).fit(vectors, labels)
    vectors[0, 0, 0] = np.nan
    with pytest.raises(NotFinite):
        Neighbours().fit(vectors, labels)
