"""Structural probes: planted tree metrics are recovered, noise is not, and loss and scores are the published ones."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from bertology.probe.structural import DepthProbe, DistanceProbe, mean_by_length, rank_correlation
from bertology.probe.trees import tree_distances
from bertology.record.errors import BadRequest
from tests.probe.planted import tree, treebank

SMALL = {"rank": 24, "epochs": 20, "learning_rate": 0.01}
TRAIN, DEV, TEST = np.arange(200), np.arange(200, 230), np.arange(230, 300)


@pytest.fixture(scope="module")
def planted():
    return treebank()


@pytest.fixture(scope="module")
def distance(planted):
    return DistanceProbe(**SMALL).fit(*planted, sentences=TRAIN, dev=DEV)


def frozen():
    """Thirty random sentences on which the authors' program was run once."""
    rng = np.random.default_rng(7)
    heads, punctuation, vectors = [], [], []
    for _ in range(30):
        n = int(rng.integers(2, 14))
        heads.append(tree(n, rng))
        punctuation.append(rng.random(n) < 0.2)
        vectors.append(rng.normal(size=(n, 6)).astype(np.float16))
    offsets = np.concatenate([[0], np.cumsum([len(h) for h in heads])])
    return np.concatenate(vectors)[None], offsets, np.concatenate(heads), np.concatenate(punctuation)


def test_a_planted_tree_metric_is_recovered_and_noise_is_not(planted, distance):
    scores = distance.evaluate(*planted, np.zeros(planted[0].shape[1], dtype=bool), sentences=TEST)
    assert scores.uuas[1] > 0.95 and scores.uuas[0] < 0.5
    # A word's distance to itself is 0 on both sides, which alone correlates 3 / (n + 1) in a sentence of n words.
    chance = np.mean([3 / (n + 1) for n in range(5, 13)])
    assert scores.dspr[1] > 0.9 and abs(scores.dspr[0] - chance) < 0.1


def test_planted_depths_are_recovered_and_noise_is_not(planted):
    probe = DepthProbe(**SMALL).fit(*planted, sentences=TRAIN, dev=DEV)
    scores = probe.evaluate(*planted, np.zeros(planted[0].shape[1], dtype=bool), sentences=TEST)
    assert scores.root_accuracy[1] > 0.95 and scores.root_accuracy[0] < 0.4
    assert scores.nspr[1] > 0.9 and scores.nspr[0] < 0.35


def test_the_distance_loss_is_the_published_one_written_as_loops(planted, distance):
    vectors, offsets, heads = planted
    expected = np.zeros(2)
    for s in range(10):
        rows = slice(offsets[s], offsets[s + 1])
        gold, n = tree_distances(heads[rows]), offsets[s + 1] - offsets[s]
        for layer in range(2):
            z = vectors[layer, rows].astype(np.float64) @ distance.map_[layer].double().numpy()
            expected[layer] += (
                sum(abs(((z[i] - z[j]) ** 2).sum() - gold[i, j]) for i in range(n) for j in range(n)) / n**2
            )
    np.testing.assert_allclose(distance.loss(*planted, sentences=np.arange(10)), expected / 10, rtol=1e-5)


@pytest.mark.parametrize("probe", [DistanceProbe(), DepthProbe()])
def test_the_gradient_is_the_losses_derivative(probe):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 5, 8, generator=rng, dtype=torch.float64)
    shape = (3, 5, 5) if isinstance(probe, DistanceProbe) else (3, 5)
    target = torch.randint(1, 6, shape, generator=rng).double()
    target = target + target.transpose(1, 2) if target.ndim == 3 else target
    mask = torch.arange(5)[None] < torch.tensor([5, 3, 1])[:, None]
    parameters = torch.randn(2, 8, 4, generator=rng, dtype=torch.float64, requires_grad=True)
    loss, gradient = probe._loss(x, parameters, target, mask, with_gradient=True)
    (expected,) = torch.autograd.grad(loss.sum(), parameters)
    torch.testing.assert_close(gradient.detach(), expected)


def test_scores_and_losses_are_those_of_the_authors_program():
    vectors, offsets, heads, punctuation = frozen()
    distance, depth = DistanceProbe(), DepthProbe()
    distance.map_ = depth.map_ = torch.eye(6)[None]
    by_distance = distance.evaluate(vectors, offsets, heads, punctuation)
    assert by_distance.hits.sum() == 42 and by_distance.total.sum() == 161
    assert by_distance.dspr[0] == pytest.approx(0.34040379072943244, abs=1e-6)
    assert distance.loss(vectors, offsets, heads)[0] == pytest.approx(7.6905, abs=5e-5)
    by_depth = depth.evaluate(vectors, offsets, heads, punctuation)
    assert by_depth.root.sum() == 4
    assert depth.loss(vectors, offsets, heads)[0] == pytest.approx(4.4185, abs=5e-5)


def test_rank_correlation_is_scipys_with_ties_and_nan_where_constant():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 9)), rng.integers(3, size=(5, 9))
    np.testing.assert_allclose(rank_correlation(a, b), [spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)])
    with np.errstate(all="ignore"):
        assert np.isnan(rank_correlation(a[:1], np.ones((1, 9)))).all()


def test_lengths_outside_the_range_do_not_count_and_each_length_weighs_the_same():
    values = np.array([[0.9, 0.1, 0.3, np.nan, 0.8, -1.0]])
    assert mean_by_length(values, np.array([3, 5, 5, 5, 9, 60]))[0] == pytest.approx((0.2 + 0.8) / 2)


def test_punctuation_is_in_no_tree(planted, distance):
    vectors, offsets, heads = planted
    punctuation = np.zeros(len(heads), dtype=bool)
    punctuation[offsets[230] : offsets[231]] = True
    scores = distance.evaluate(vectors, offsets, heads, punctuation, sentences=TEST)
    assert scores.total[0] == 0 and scores.hits[:, 0].sum() == 0
    assert scores.total[1] == offsets[232] - offsets[231] - 1


def test_reordering_layers_reorders_results_and_the_order_of_sentences_asked_for_is_kept(planted, distance):
    vectors, offsets, heads = planted
    swapped = DistanceProbe(**SMALL).fit(vectors[::-1], offsets, heads, sentences=TRAIN, dev=DEV)
    np.testing.assert_allclose(swapped.map_[0], distance.map_[1], atol=1e-4)
    none = np.zeros(len(heads), dtype=bool)
    forward = distance.evaluate(vectors, offsets, heads, none, sentences=TEST)
    backward = distance.evaluate(vectors, offsets, heads, none, sentences=TEST[::-1])
    np.testing.assert_array_equal(forward.hits, backward.hits[:, ::-1])


def test_offsets_that_do_not_cover_the_rows_are_refused(planted):
    vectors, offsets, heads = planted
    with pytest.raises(BadRequest, match="offsets"):
        DistanceProbe().fit(vectors, offsets[:-1], heads)
    with pytest.raises(BadRequest, match="no tree"):
        DistanceProbe().fit(vectors, offsets, np.zeros_like(heads))
