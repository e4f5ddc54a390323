"""Trees from scores, against enumeration of all trees and against other programs' algorithms."""

import itertools

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree

from bertology.probe.trees import (
    arborescence,
    left_chain,
    projective_tree,
    right_chain,
    spanning_trees,
    tree_depths,
    tree_distances,
)
from bertology.record.errors import BadRequest, NotFinite
from tests.probe.planted import tree


def all_trees(n):
    """Every assignment of heads with one root and no cycle."""
    for heads in itertools.product(range(-1, n), repeat=n):
        if heads.count(-1) == 1:
            try:
                tree_distances(np.array(heads))
            except BadRequest:
                continue
            yield np.array(heads)


def projective(heads):
    root = int(np.flatnonzero(heads == -1)[0])
    arcs = [tuple(sorted((word, head))) for word, head in enumerate(heads.tolist()) if head >= 0]
    crossing = any(a < c < b < d for a, b in arcs for c, d in arcs)
    return not crossing and not any(a < root < b for a, b in arcs)


def value(scores, heads, root_scores=None):
    total = sum(scores[word, head] for word, head in enumerate(heads.tolist()) if head >= 0)
    return total + (0 if root_scores is None else root_scores[list(heads).index(-1)])


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("solve,allowed", [(arborescence, lambda h: True), (projective_tree, projective)])
def test_the_best_tree_is_the_best_of_all_trees(n, solve, allowed):
    rng = np.random.default_rng(n)
    trees = [heads for heads in all_trees(n) if allowed(heads)]
    for _ in range(20):
        scores, extra, root = rng.normal(size=(n, n)), rng.normal(size=n), int(rng.integers(n))
        free = solve(scores)
        assert any((free == t).all() for t in trees)
        assert value(scores, free) == pytest.approx(max(value(scores, t) for t in trees))
        fixed = solve(scores, root=root)
        assert fixed[root] == -1
        assert value(scores, fixed) == pytest.approx(max(value(scores, t) for t in trees if t[root] == -1))
        weighed = solve(scores, root_scores=extra)
        assert value(scores, weighed, extra) == pytest.approx(max(value(scores, t, extra) for t in trees))


def test_a_planted_tree_comes_back_and_greedy_cycles_are_broken():
    rng = np.random.default_rng(0)
    heads = tree(40, rng)
    scores = rng.normal(size=(40, 40))
    scores[np.flatnonzero(heads >= 0), heads[heads >= 0]] += 20
    np.testing.assert_array_equal(arborescence(scores), heads)
    ring = np.zeros((6, 6))
    ring[np.arange(6), (np.arange(6) + 1) % 6] = 1.0
    assert value(ring, arborescence(ring)) == 5


def test_long_sentences_agree_with_another_implementation():
    networkx = pytest.importorskip("networkx")
    scores = np.random.default_rng(1).random((25, 25))
    graph = networkx.DiGraph()
    graph.add_weighted_edges_from((j, i, scores[i, j]) for i in range(1, 25) for j in range(25) if i != j)
    best = networkx.maximum_spanning_arborescence(graph)
    assert value(scores, arborescence(scores, root=0)) == pytest.approx(sum(scores[i, j] for j, i in best.edges))


def test_undirected_trees_weigh_what_scipys_weigh_and_join_only_kept_words():
    rng = np.random.default_rng(2)
    distances = rng.random((12, 9, 9)) + 0.01
    distances += distances.transpose(0, 2, 1)
    keep = rng.random((12, 9)) < 0.7
    for d, k, joined in zip(distances, keep, spanning_trees(distances, keep), strict=True):
        word = np.flatnonzero(joined >= 0)
        assert len(word) == max(0, k.sum() - 1) and k[word].all() and k[joined[word]].all()
        expected = minimum_spanning_tree(d[np.ix_(k, k)]).sum() if k.any() else 0
        assert d[word, joined[word]].sum() == pytest.approx(expected)


def test_a_distance_of_zero_is_an_edge():
    distances = np.array([[[0, 0, 5], [0, 0, 4], [5, 4, 0]]], dtype=float)
    edges = {tuple(sorted((i, int(j)))) for i, j in enumerate(spanning_trees(distances)[0]) if j >= 0}
    assert edges == {(0, 1), (1, 2)}


def test_the_spanning_tree_of_tree_distances_is_the_tree():
    rng = np.random.default_rng(3)
    for _ in range(10):
        heads = tree(15, rng)
        joined = spanning_trees(tree_distances(heads)[None])[0]
        edges = lambda h: {tuple(sorted((i, int(j)))) for i, j in enumerate(h) if j >= 0}
        assert edges(joined) == edges(heads)


def test_distances_and_depths_of_a_small_tree():
    heads = np.array([1, -1, 1, 4, 2])
    np.testing.assert_array_equal(tree_depths(heads), [1, 0, 1, 3, 2])
    np.testing.assert_array_equal(tree_distances(heads)[0], [0, 1, 2, 4, 3])


def test_both_chains_are_one_undirected_tree():
    np.testing.assert_array_equal(right_chain(4), [-1, 0, 1, 2])
    np.testing.assert_array_equal(left_chain(4), [1, 2, 3, -1])
    np.testing.assert_array_equal(tree_distances(right_chain(6)), tree_distances(left_chain(6)))


def test_what_is_no_tree_and_no_score_is_refused():
    with pytest.raises(BadRequest, match="no tree"):
        tree_distances(np.array([1, 0, -1]))
    with pytest.raises(BadRequest, match="no tree"):
        tree_depths(np.array([-1, -1]))
    with pytest.raises(NotFinite):
        arborescence(np.array([[0, np.nan], [1, 0]]))
    with pytest.raises(BadRequest, match="root 3"):
        arborescence(np.zeros((2, 2)), root=3)
