"""The attention-only probe: a planted attention head is found, random maps give chance."""

import numpy as np
import pytest

from bertology.probe.attention_probe import AttentionProbe
from bertology.record.errors import BadRequest, NotFinite
from tests.probe.planted import tree


def sentences(*, count=60, maps=6, towards=None, backwards=None, seed=0):
    """Random attention; half of map `towards` goes to the governor, half of map `backwards` to what is governed."""
    rng = np.random.default_rng(seed)
    all_maps, all_heads = [], []
    for _ in range(count):
        n = int(rng.integers(3, 12))
        heads = tree(n, rng)
        alpha = rng.dirichlet(np.ones(n), size=(maps, n))
        word = np.flatnonzero(heads >= 0)
        if towards is not None:
            alpha[towards] *= 0.5
            alpha[towards, word, heads[word]] += 0.5
        if backwards is not None:
            alpha[backwards] *= 0.5
            alpha[backwards, heads[word], word] += 0.5
        all_maps.append(alpha.astype(np.float32))
        all_heads.append(heads)
    return all_maps, all_heads


def test_a_map_that_points_at_governors_is_found():
    probe = AttentionProbe().fit(*sentences(towards=4))
    assert probe.u_.argmax() == 4 and probe.u_[4] > 5 * np.delete(np.abs(probe.u_), 4).max()
    assert probe.score(*sentences(towards=4, seed=1)) > 0.95


def test_a_map_that_points_from_governors_is_found_in_the_other_direction():
    probe = AttentionProbe().fit(*sentences(backwards=2))
    assert probe.w_.argmax() == 2 and probe.w_[2] > 5 * np.abs(probe.u_).max()
    assert probe.score(*sentences(backwards=2, seed=1)) > 0.9


def test_random_maps_give_chance():
    test = sentences(seed=1)
    chance = np.mean(np.concatenate([np.full(len(h) - 1, 1 / (len(h) - 1)) for h in test[1]]))
    assert abs(AttentionProbe().fit(*sentences()).score(*test) - chance) < 0.08


def test_the_formula_is_the_published_one_and_probabilities_sum_to_one():
    maps, heads = sentences(towards=1)
    probe = AttentionProbe(max_iterations=5).fit(maps, heads)
    alpha = maps[0].astype(np.float64)
    n = alpha.shape[1]
    p = np.exp(probe.log_probabilities(maps[0]))
    np.testing.assert_allclose(p.sum(1), 1)
    score = lambda i, j: probe.w_ @ alpha[:, i, j] + probe.u_ @ alpha[:, j, i]
    j = 2
    raw = np.array([0 if i == j else np.exp(score(i, j)) for i in range(n)])
    np.testing.assert_allclose(p[j], raw / raw.sum(), rtol=1e-6)


def test_trees_are_trees_with_the_root_asked_for():
    train, (maps, heads) = sentences(towards=4), sentences(towards=4, seed=1)
    probe = AttentionProbe().fit(*train)
    right = []
    for m, h in zip(maps, heads, strict=True):
        root = int(np.flatnonzero(h == -1)[0])
        found = probe.tree(m, root=root)
        assert found[root] == -1 and (found >= 0).sum() == len(h) - 1
        assert (probe.tree(m) == -1).sum() == 1
        right.append((found == h).mean())
    assert np.mean(right) > 0.95


def test_roots_are_nan_and_the_order_of_sentences_is_kept():
    maps, heads = sentences(towards=4)
    found = AttentionProbe().fit(maps, heads).evaluate(maps, heads)
    np.testing.assert_array_equal(np.isnan(found), np.concatenate(heads) == -1)
    assert set(np.unique(found[~np.isnan(found)])) <= {0.0, 1.0}


def test_duplicating_every_sentence_changes_nothing():
    maps, heads = sentences(count=30, towards=4)
    once, twice = AttentionProbe(l2=0.01).fit(maps, heads), AttentionProbe(l2=0.01).fit(maps * 2, heads * 2)
    np.testing.assert_allclose(once.u_, twice.u_, atol=0.02)


def test_maps_that_do_not_fit_are_refused():
    maps, heads = sentences(count=3)
    with pytest.raises(BadRequest, match="sentence 1"):
        AttentionProbe().fit([maps[0], maps[1][:, :2, :2], maps[2]], heads)
    with pytest.raises(BadRequest, match="no word has a head"):
        AttentionProbe().fit([np.ones((6, 1, 1))], [np.array([-1])])
    maps[0][0, 0, 0] = np.nan
    with pytest.raises(NotFinite):
        AttentionProbe().fit(maps, heads)
