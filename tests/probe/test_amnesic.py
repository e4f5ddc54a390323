"""Erasing: after LEACE no linear classifier beats the majority, INLP follows its authors' rule, random directions are random."""

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.linear_model import LogisticRegression

import bertology as bt
from bertology.probe.amnesic import INLP, LEACE, RandomDirections
from bertology.probe.linear import LinearProbe
from bertology.record.errors import BadRequest, NotFinite
from tests.probe.planted import classes


def directions_of(n_classes: int, width: int, rows: int, seed: int = 0, strength: float = 4.0):
    """Isotropic noise with class means on the first n − 1 of some orthonormal axes, the axes, and labels."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(np.random.default_rng(5).normal(size=(width, width)))[0].T
    corners = scipy.linalg.helmert(n_classes).T  # n points, n − 1 axes, all equally far from each other
    label = rng.integers(n_classes, size=rows)
    return rng.normal(size=(rows, width)) + strength * corners[label] @ axes[: n_classes - 1], axes, label


def test_after_leace_no_linear_classifier_beats_the_majority_on_its_own_rows():
    vectors, labels = classes(strengths=(2.0,), rows=900)
    labels = np.where(np.random.default_rng(0).random(900) < 0.2, "a", labels)  # a clear majority
    majority = np.unique(labels, return_counts=True)[1].max() / len(labels)
    x = vectors[0].astype(np.float64)
    fitted = lambda x: LogisticRegression(C=1e4, max_iter=5000, tol=1e-9).fit(x, labels)
    assert fitted(x).score(x, labels) > majority + 0.2
    erased = LEACE().fit_transform(x, labels)
    after = fitted(erased)
    np.testing.assert_allclose(after.predict_proba(erased), after.predict_proba(erased)[:1].repeat(900, 0), atol=1e-4)
    assert after.score(erased, labels) == pytest.approx(majority)


def test_leace_makes_class_means_equal_and_keeps_the_mean():
    vectors, labels = classes(strengths=(3.0,), rows=500)
    x = vectors[0].astype(np.float64)
    eraser = LEACE().fit(x, labels)
    erased = eraser.transform(x)
    for label in np.unique(labels):
        np.testing.assert_allclose(erased[labels == label].mean(0), x.mean(0), atol=1e-9)
    assert eraser.rank == 3
    np.testing.assert_allclose(eraser.projection.matrix @ eraser.projection.matrix, eraser.projection.matrix, atol=1e-9)


def test_leace_equals_the_authors_class():
    concept_erasure = pytest.importorskip("concept_erasure")
    vectors, labels = classes(strengths=(1.0, 3.0), rows=700)
    z = torch.nn.functional.one_hot(torch.from_numpy(np.unique(labels, return_inverse=True)[1])).double()
    ours = LEACE().fit(vectors, labels)
    for layer, x in enumerate(torch.from_numpy(vectors).double()):
        theirs = _their_eraser(concept_erasure, x, z)
        np.testing.assert_allclose(ours.projection.matrix[layer], theirs.P.numpy(), atol=1e-5)
        np.testing.assert_allclose(ours.transform(vectors)[layer], theirs(x).numpy(), atol=1e-5)


def test_leace_is_the_smallest_change_that_makes_class_means_equal():
    """Against the orthogonal projection that does the same."""
    vectors, labels = classes(strengths=(3.0,), rows=800)
    x = vectors[0].astype(np.float64)
    moved = lambda erased: np.square(erased - x).sum(1).mean()
    means = np.stack([x[labels == c].mean(0) for c in np.unique(labels)]) - x.mean(0)
    basis = scipy.linalg.orth(means.T, rcond=1e-9)
    orthogonal = x - (x - x.mean(0)) @ basis @ basis.T
    assert moved(LEACE().fit_transform(x, labels)) < moved(orthogonal)


def test_inlp_finds_the_planted_directions_and_only_them():
    x, axes, labels = directions_of(4, 16, 6000, strength=2.0)
    eraser = INLP().fit(x, labels)
    assert eraser.at_chance_[0] and 3 <= eraser.rank <= 6
    gone = np.linalg.norm((np.eye(16) - eraser.projection.matrix) @ axes.T, axis=0)
    assert (gone[:3] > 0.99).all()
    assert np.square(gone[3:]).sum() < eraser.rank - 3 + 0.1
    first = scipy.linalg.orth(eraser.weights_[0][0].T)
    assert first.shape[1] == 3 and np.linalg.norm(first.T @ axes[3:].T) < 0.35


def test_after_inlp_a_new_probe_is_at_chance_on_fresh_rows_and_what_is_not_the_class_stays_readable():
    x, axes, labels = directions_of(4, 16, 6000, strength=2.0)
    fresh, _, fresh_labels = directions_of(4, 16, 2000, seed=1, strength=2.0)
    eraser = INLP().fit(x, labels)
    left, fresh_left = eraser.transform(x)[None], eraser.transform(fresh)[None]
    assert LinearProbe().fit(left, labels).score(fresh_left, fresh_labels)[0] < 0.29
    # The second round takes three more directions, of noise: up to a quarter of each other axis goes with them.
    side = lambda rows, axis: (rows @ axis > 0).astype(int)
    kept = [LinearProbe().fit(left, side(x, a)).score(fresh_left, side(fresh, a))[0] for a in axes[3:]]
    assert np.mean(kept) > 0.8 and min(kept) > 0.6


def test_inlp_is_the_authors_rule():
    """Projection onto the intersection of null spaces, N(Σ P_R(w_i)), which is the product of the projections in turn."""
    vectors, labels = classes(strengths=(2.0,), rows=1500)
    x = vectors[0].astype(np.float64)
    eraser = INLP(rounds=3, slack=-1.0).fit(x, labels)
    assert len(eraser.weights_[0]) == 3
    rowspace = lambda w: (lambda b: b @ b.T)(scipy.linalg.orth(w.T, rcond=1e-3))
    spaces = [rowspace(w) for w in eraser.weights_[0]]
    intersection = np.eye(24) - rowspace(np.sum(spaces, axis=0))
    product = np.eye(24)
    for space in spaces:
        product = (np.eye(24) - space) @ product
    np.testing.assert_allclose(eraser.projection.matrix, intersection, atol=1e-6)
    np.testing.assert_allclose(eraser.projection.matrix, product, atol=1e-6)


def test_inlp_against_a_direct_implementation_with_scikit_learn():
    """The authors' loop with other classifiers of the same kind: the same subspace in each of two rounds."""
    x, _, labels = directions_of(3, 12, 4000, strength=2.0)
    careful = LinearProbe(l2=(1.0,), batch=4000, min_steps=1500)
    projection, spaces = np.eye(12), []
    for _ in range(2):
        left = x @ projection
        weight = LogisticRegression(C=1.0, max_iter=3000).fit(left, labels).coef_
        basis = scipy.linalg.orth((weight @ projection).T, rcond=1e-3)
        spaces.append(basis @ basis.T)
        total = scipy.linalg.orth(np.sum(spaces, axis=0), rcond=1e-3)
        projection = np.eye(12) - total @ total.T
        if len(spaces) == 1:
            ours = INLP(rounds=1, slack=-1.0, probe=careful).fit(x, labels, dev=(x, labels))
            np.testing.assert_allclose(ours.projection.matrix, projection, atol=0.02)
    ours = INLP(rounds=2, slack=-1.0, probe=careful).fit(x, labels, dev=(x, labels))
    assert ours.rank == 4 and len(total.T) == 4


def test_layers_are_fitted_together_as_each_alone_and_stop_for_themselves():
    vectors, labels = classes(strengths=(0.0, 2.0, 5.0), rows=1500)
    together = INLP().fit(vectors, labels)
    assert together.rank[0] == 0 and together.rank[2] >= 3
    np.testing.assert_allclose(
        together.projection.matrix[2], INLP().fit(vectors[2], labels).projection.matrix, atol=2e-3
    )
    leace = LEACE().fit(vectors, labels)
    np.testing.assert_allclose(leace.transform(vectors)[1], LEACE().fit_transform(vectors[1], labels), atol=1e-9)


def test_the_mean_stays_where_asked_and_goes_where_not():
    x, axes, labels = directions_of(3, 12, 2000)
    x = x + 7 * axes[0]
    assert np.abs(INLP(keep_mean=True).fit_transform(x, labels).mean(0) - x.mean(0)).max() < 1e-9
    assert abs(INLP().fit_transform(x, labels).mean(0) @ axes[0]) < 0.5


def test_random_directions_erase_as_many_as_asked_and_know_nothing_of_the_labels():
    vectors, labels = classes(strengths=(2.0, 5.0))
    control = RandomDirections((3, 5), seed=1).fit(vectors)
    assert control.rank.tolist() == [3, 5]
    matrix = control.projection.matrix
    np.testing.assert_allclose(matrix @ matrix, matrix, atol=1e-9)
    np.testing.assert_allclose(matrix, np.swapaxes(matrix, 1, 2), atol=1e-9)
    again = RandomDirections((3, 5), seed=1).fit(vectors, np.random.default_rng(0).permutation(labels))
    np.testing.assert_array_equal(again.projection.matrix, matrix)
    assert not np.allclose(RandomDirections((3, 5), seed=2).fit(vectors).projection.matrix, matrix)


def test_the_directions_of_a_seed_are_nested():
    x = classes(strengths=(1.0,))[0][0]
    few, many = (RandomDirections(n, seed=3).fit(x).projection.matrix for n in (2, 6))
    np.testing.assert_allclose(few @ many, many, atol=1e-9)


def test_erasers_stand_at_the_door_of_the_room():
    assert bt.probe.INLP is INLP and bt.probe.LEACE is LEACE and bt.probe.RandomDirections is RandomDirections


def test_bad_input_says_what_was_found():
    vectors, labels = classes(strengths=(1.0, 2.0), rows=200)
    with pytest.raises(BadRequest, match="1 class"):
        LEACE().fit(vectors[0], np.zeros(200))
    with pytest.raises(BadRequest, match="7 labels for 200 rows"):
        INLP().fit(vectors, labels[:7])
    with pytest.raises(BadRequest, match="30 directions"):
        RandomDirections(30).fit(vectors)
    with pytest.raises(BadRequest, match="shape"):
        LEACE().fit(vectors, labels).transform(vectors[0])
    broken = vectors.copy()
    broken[1, 7, 3] = np.nan
    with pytest.raises(NotFinite, match="layer 1"):
        LEACE().fit(broken, labels)


def _their_eraser(concept_erasure, x, z):
    fitter = concept_erasure.LeaceFitter(
        x.shape[1], z.shape[1], shrinkage=False, constrain_cov_trace=False, svd_tol=1e-6, dtype=torch.float64
    )
    return fitter.update(x, z).eraser
