"""Attention between related words, by hand."""

import numpy as np
import pytest

from bertology.corpus.sentence import Corpus, sentence
from bertology.observe import summarise
from bertology.observe.relatedness import RelatedAttention, concept_pairs, matched_gap
from tests.planted import Planted, View

WHEEL = sentence(["the", "wheel", "of", "the", "car"], "wheel", links={"related": ((4, 1, "part-of"),)})
APPLE = sentence(["the", "apple", "of", "the", "car"], "apple", links={"related": ((1, 4, "unrelated"),)})


def right_to_left(view: View) -> None:
    view.point(1, 0, 4, 1, 0.7 if view.sentence.id == "wheel" else 0.2)


def test_words_of_a_pair_stand_from_left_to_right() -> None:
    corpus = Corpus("by hand", (WHEEL, APPLE))
    (found,) = summarise(Planted(right_to_left, [corpus], layers=1, heads=1, width=8), corpus, RelatedAttention())
    assert found.mass.rate()[:, 2, 0, 0, 1] == pytest.approx([0.7, 0.2])
    assert found.pairs.total.sum(0)[:, 2].tolist() == [1, 1]


def test_distances_without_a_control_are_left_out() -> None:
    mass = np.array([[[0.5, 0.9], [0.1, np.nan]]])
    assert matched_gap(mass, np.array([[[3.0, 1.0], [2.0, 0.0]]])).tolist() == pytest.approx([0.4])
    mass = np.array([[[0.5, 0.9], [0.1, 0.1]]])
    assert matched_gap(mass, np.array([[[3.0, 1.0], [9.0, 1.0]]])).tolist() == pytest.approx([0.5])


def test_without_labelled_controls_other_content_words_serve() -> None:
    upos = ("DET", "NOUN", "ADP", "ADJ", "NOUN")
    s = sentence(
        ["the", "wheel", "of", "old", "cars"], "s", layers={"upos": upos}, links={"related": ((1, 4, "part-of"),)}
    )
    assert sorted(concept_pairs(s, labelled=False)) == [(1, 3, 1), (1, 4, 0), (3, 4, 1)]
