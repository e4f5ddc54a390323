"""Divergence between heads, by hand."""

import numpy as np
import pytest

from bertology.corpus.sentence import Corpus, sentence
from bertology.observe import summarise
from bertology.observe.divergence import HeadDivergence
from tests.planted import Planted, View

CORPUS = Corpus("by hand", tuple(sentence(["a", "b", "c", "d"], f"s{i}") for i in range(6)))


def first_last_and_both(view: View) -> None:
    """Layer 1: both heads attend to [CLS]. Layer 2: one attends to [SEP], the other to both evenly."""
    view.attention[:] = 0
    view.attention[0, :, :, 0] = 1
    view.attention[1, 0, :, -1] = 1
    view.attention[1, 1, :, [0, -1]] = 0.5


@pytest.fixture(scope="module")
def found():
    encoder = Planted(first_last_and_both, [CORPUS], layers=2, heads=2, width=8)
    return summarise(encoder, CORPUS, HeadDivergence())[0]


def test_disjoint_heads_diverge_by_log_two_and_equal_ones_by_nothing(found) -> None:
    half = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25)) - np.log(2) / 2  # one point against two, evenly
    expected = np.array(
        [[0, 0, np.log(2), half], [0, 0, np.log(2), half], [np.log(2)] * 2 + [0, half], [half] * 3 + [0]]
    )
    assert found.heads == pytest.approx(expected, abs=1e-6)


def test_layers_are_means_over_pairs_of_different_heads(found) -> None:
    heads, layers = found.heads, found.layers.rate()
    assert layers[0, 0] == pytest.approx(0)
    assert layers[1, 1] == pytest.approx(heads[2, 3])
    assert layers[0, 1] == layers[1, 0] == pytest.approx(heads[:2, 2:].mean())
    assert found.layers.n == len(CORPUS)


def test_a_limit_reads_that_many_sentences() -> None:
    encoder = Planted(first_last_and_both, [CORPUS], layers=2, heads=2, width=8)
    assert summarise(encoder, CORPUS, HeadDivergence(limit=4))[0].layers.n == 4
