"""Attention to a negation cue, by hand."""

import numpy as np
import pytest

from bertology.corpus.sentence import Corpus, sentence
from bertology.observe import summarise
from bertology.observe.scopes import REACH, CueAttention, above_threshold_f1, cue_and_scope, window_f1
from tests.planted import Planted, View

SPANS = ((2, 3, "cue"), (0, 2, "scope"), (3, 5, "scope"))
SENTENCE = sentence(["he", "did", "not", "eat", "fish", "but", "meat", "."], "fish", spans={"negation": SPANS})


def words_in_scope(view: View) -> None:
    """Head 0 attends to "not" from four words in scope, head 1 from "but" too; the full stop counts for neither."""
    view.attention[:] = 0
    view.attention[..., 0] = 1
    for head, words in ((0, (0, 1, 3, 4, 7)), (1, (0, 1, 3, 4, 5))):
        for word in words:
            view.point(1, head, word, 2, 0.5)


def test_a_head_on_exactly_the_scope_has_an_f1_of_one() -> None:
    corpus = Corpus("by hand", (SENTENCE,))
    (found,) = summarise(Planted(words_in_scope, [corpus], layers=1, heads=2, width=8), corpus, CueAttention())
    f1 = above_threshold_f1(found.words.rate())[0, :, 0]
    assert f1.max(-1) == pytest.approx([1, 8 / 9])
    assert f1[:, 0] == pytest.approx(2 * 4 / (6 + 4))  # threshold 0 takes every word
    places = found.places.rate()
    assert places.sum() == 6  # neither the cue nor the full stop
    assert window_f1(places, 2, 2) == 1
    assert window_f1(places, REACH + 1, REACH + 1) == pytest.approx(0.8)


def test_two_cues_or_none_are_left_out() -> None:
    twice = sentence(["not", "a", "not", "b"], "2", spans={"negation": ((0, 1, "cue"), (2, 3, "cue"), (1, 2, "scope"))})
    assert cue_and_scope(twice) is None
    assert cue_and_scope(sentence(["a"], "0")) is None
    assert cue_and_scope(SENTENCE) == (frozenset({2}), frozenset({0, 1, 3, 4}))


def test_f1_of_nothing_found_is_zero() -> None:
    counts = np.zeros((2, 3))
    counts[1, 0] = 4
    assert above_threshold_f1(counts).tolist() == [1, 0, 0]
