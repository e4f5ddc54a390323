"""Trees from scores, against enumeration of all trees and against other programs' algorithms."""

import itertools

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree

from bertology.probe.trees import (
    arborescence,
    balanced,
    binary_tree,
    left_branching,
    left_chain,
    projective_tree,
    random_branching,
    right_branching,
    right_chain,
    span_f1,
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


def recursive(distances, start=0):
    """Shen et al.'s algorithm as published, all spans."""
    n = len(distances) + 1
    if n == 1:
        return set()
    cut = int(np.argmax(distances))
    return {(start, start + n)} | recursive(distances[:cut], start) | recursive(distances[cut + 1 :], start + cut + 1)


def test_the_largest_distance_splits_first():
    rng = np.random.default_rng(4)
    assert binary_tree(np.array([1.0, 3.0, 2.0])) == {(0, 2), (2, 4)}
    for n in range(2, 12):
        distances = rng.random(n - 1)
        assert binary_tree(distances) == recursive(distances) - {(0, n)}


def test_a_gold_binary_tree_comes_back_from_the_heights_of_its_splits():
    rng = np.random.default_rng(5)
    for _ in range(20):
        gold = random_branching(9, rng)
        height = [min(b - a for a, b in {*gold, (0, 9)} if a <= i < i + 1 < b) for i in range(8)]
        assert binary_tree(np.array(height)) == gold


def test_equal_distances_favour_neither_direction():
    for n in (4, 8, 16):
        spans = binary_tree(np.ones(n - 1))
        assert spans == balanced(n)
        assert spans == {(n - b, n - a) for a, b in spans}


def test_branching_baselines_are_mirror_images_and_every_binary_tree_has_n_minus_two_spans():
    rng = np.random.default_rng(6)
    for n in range(1, 9):
        assert {(n - b, n - a) for a, b in left_branching(n)} == right_branching(n)
        for tree_ in (left_branching(n), right_branching(n), balanced(n), random_branching(n, rng)):
            assert len(tree_) == max(0, n - 2)
    assert right_branching(4) == {(1, 4), (2, 4)}
    assert len({random_branching(8, rng) for _ in range(20)}) > 10


def test_f1_leaves_out_words_and_the_sentence_and_counts_a_span_once():
    gold = [(0, 5), (1, 3), (1, 3), (2, 3)]
    assert span_f1([(0, 5), (1, 3), (3, 5)], gold, 5) == pytest.approx(2 / 3)
    assert span_f1([(1, 3)], gold, 5) == 1
    assert span_f1([(2, 5)], gold, 5) == 0
    assert np.isnan(span_f1([(1, 3)], [(0, 5), (2, 3)], 5))


def test_a_distance_that_is_nan_is_refused():
    with pytest.raises(NotFinite, match="neighbours"):
        binary_tree(np.array([1.0, np.nan]))
