"""The confusion score, by hand."""

import numpy as np
import pytest

from bertology.corpus.sentence import Corpus, sentence
from bertology.observe import summarise
from bertology.observe.candidates import GROUPS, Confusion, choices
from tests.planted import Planted, View

UPOS = ("DET", "NOUN", "ADP", "DET", "NOUN", "VERB", "PRON")
SENTENCE = sentence(
    ["the", "boys", "near", "the", "girl", "love", "themselves"], "boys", layers={"upos": UPOS},
    links={
        "agreement": ((5, 1, "plur"),), "distractor": ((5, 4, "mismatch"),), "coref": ((6, 1, "reflexive"),)
    },
)  # fmt: skip
LONE = sentence(["the", "boys", "love"], "lone", links={"agreement": ((2, 1, "plur"),)})


def three_to_one(view: View) -> None:
    """Over both heads the verb gives its subject 0.3 and the distractor 0.1; the reflexive is even."""
    view.attention[:] = 0
    view.attention[..., 0] = 1
    if len(view.sentence) == 7:
        verb, subject, girl, reflexive = (view.token(w) for w in (5, 1, 4, 6))
        view.attention[0, 0, verb, [0, subject]] = 0.4, 0.6
        view.attention[0, 1, verb, [0, girl]] = 0.8, 0.2
        view.attention[0, :, reflexive, [0, subject, girl]] = np.array([[0.6], [0.2], [0.2]])


def test_confusion_is_the_log_share_over_uniform() -> None:
    corpus = Corpus("by hand", (SENTENCE, LONE))
    (found,) = summarise(Planted(three_to_one, [corpus], layers=1, heads=2, width=8), corpus, Confusion())
    rates = found.score.rate()[:, 0, 0]
    assert rates[GROUPS.index("other number")] == pytest.approx(-np.log(0.75) / np.log(2), rel=1e-5)
    assert rates[GROUPS.index("reflexive")] == pytest.approx(1, rel=1e-5)
    assert found.score.weight.sum() == 2  # a verb without a distractor is no choice


def test_reflexives_choose_among_the_nouns_before_them() -> None:
    assert list(choices(SENTENCE)) == [(5, 1, (4,), "other number"), (6, 1, (4,), "reflexive")]
    assert not list(choices(LONE))
