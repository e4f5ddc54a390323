"""head-12: heads that link related words."""

import numpy as np
import pytest

from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, sentence
from tests.planted import Planted, View, random_encoder, result_of

WORDS = tuple(f"word{i}" for i in range(40))


def annotated() -> Corpora:
    """300 sentences of eight words with one pair each, related or not by the toss of a coin."""
    rng = np.random.default_rng(0)
    found = []
    for i in range(300):
        left, distance, label = int(rng.integers(0, 4)), int(rng.integers(1, 5)), rng.choice(["part-of", "unrelated"])
        link = (left, left + distance, str(label))
        found.append(sentence([str(w) for w in rng.choice(WORDS, 8)], f"s{i}", links={"related": (link,)}))
    return Corpora.load({"related": Corpus("related", tuple(found))})


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    return annotated()


def links_related_words(view: View) -> None:
    """Layer 2 · head 1 attends from the right word of a related pair to the left one."""
    for left, right, label in view.sentence.links.get("related", ()):
        if label != "unrelated":
            view.point(2, 1, right, left, 0.6)


def links_every_pair(view: View) -> None:
    for left, right, _ in view.sentence.links.get("related", ()):
        view.point(2, 1, right, left, 0.6)


def test_a_head_that_links_related_words_holds(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-12", Planted(links_related_words, [corpora.related]), corpora, tmp_path)
    assert result.verdict == "holds"
    assert 0.4 < result.values["gap between related and unrelated"].value < 0.6


def test_a_head_that_links_unrelated_words_alike_does_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-12", Planted(links_every_pair, [corpora.related]), corpora, tmp_path).verdict != "holds"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-12", random_encoder([corpora.related]), corpora, tmp_path).verdict != "holds"
