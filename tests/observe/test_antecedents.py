"""Antecedent selection by heads and rules, by hand."""

from bertology.corpus.sentence import Corpus, sentence
from bertology.observe import summarise
from bertology.observe.antecedents import AntecedentAttention, anaphors, ruled
from tests.planted import Planted, View

WORDS = ["the", "boys", "near", "the", "girl", "saw", "themselves"]
NUMBER = ({}, {"Number": "Plur"}, {}, {}, {"Number": "Sing"}, {}, {"Number": "Plur"})
UPOS = ("DET", "NOUN", "ADP", "DET", "NOUN", "VERB", "PRON")
BOYS = sentence(
    WORDS, "boys", layers={"upos": UPOS, "feats": NUMBER}, links={"coref": ((6, 1, "reflexive"), (6, 0, "reflexive"))}
)


def boys_then_girl(view: View) -> None:
    view.point(1, 0, 6, 1)
    view.point(1, 1, 6, 4)


def test_any_antecedent_counts_and_an_anaphor_counts_once() -> None:
    assert list(anaphors(BOYS)) == [(6, frozenset((0, 1)), "reflexive")]
    corpus = Corpus("by hand", (BOYS,))
    (found,) = summarise(Planted(boys_then_girl, [corpus], layers=1, heads=2, width=8), corpus, AntecedentAttention())
    assert found.kinds == ("reflexive",)
    assert found.hits.rate()[0, 0].tolist() == [1, 0]
    assert found.hits.n == 1
    assert found.rules.rate()[0].tolist() == [0, 1]


def test_number_agrees_before_distance() -> None:
    assert ruled(BOYS, 6) == (4, 1)


def test_the_same_word_comes_before_agreement() -> None:
    tall = sentence(
        ["Ann", "met", "Bob", "and", "Ann"], "names", layers={"upos": ("PROPN", "VERB", "PROPN", "CCONJ", "PROPN")}
    )
    assert ruled(tall, 4) == (2, 0)


def test_without_a_mention_before_there_is_no_guess() -> None:
    assert ruled(BOYS, 1) == (-1, -1)
