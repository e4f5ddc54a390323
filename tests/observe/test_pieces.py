"""Attention between subwords, by hand."""

import pytest

from bertology.corpus.sentence import Corpus, sentence
from bertology.observe import summarise
from bertology.observe.pieces import PAIRS, STEPS, PieceAttention
from tests.planted import Planted, View

PARTS = Corpus("parts", (sentence(["snow", "ball"], "parts"),))
TEXT = Corpus("by hand", (sentence(["ball", "snowball", "snow"], "s"),))


def told_apart(view: View) -> None:
    """[CLS] ball snow ##ball snow [SEP]; the tokens 1 to 4."""
    view.attention[:] = 0
    for query, key, mass in ((1, 2, 0.1), (2, 3, 0.2), (3, 4, 0.3), (2, 1, 0.4), (3, 2, 0.5), (4, 3, 0.6)):
        view.attention[0, 0, query, key] = mass


def test_mass_is_told_apart_by_step_and_word() -> None:
    (found,) = summarise(Planted(told_apart, [PARTS], layers=1, heads=1, width=8), TEXT, PieceAttention())
    assert (PAIRS, STEPS) == (("same word", "out of the word", "into the word"), ("next", "previous"))
    assert found.mass.rate()[0, 0].tolist() == [pytest.approx([0.2, 0.3, 0.1]), pytest.approx([0.5, 0.4, 0.6])]
    assert (found.mass.weight.sum(0) == 1).all()
