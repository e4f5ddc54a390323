"""head-07: a head that finds antecedents."""

import pytest

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    """Sentences with an anaphor only, which are one in twelve."""
    full = Corpora.load(scale=0.75)
    return Corpora.load({"coref": full.coref.where(lambda s: "coref" in s.links, why="no anaphor")})


def finds_antecedents(view: View) -> None:
    """Layer 2 · head 1 attends from every anaphor to its antecedent."""
    for anaphor, antecedent, _ in view.sentence.links.get("coref", ()):
        view.point(2, 1, anaphor, antecedent)


def looks_back(view: View) -> None:
    """Layer 2 · head 1 attends from every word to the one before it."""
    for word in range(1, len(view.sentence)):
        view.point(2, 1, word, word - 1)


def test_a_head_that_finds_antecedents_holds(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-07", Planted(finds_antecedents, [corpora.coref]), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["best head"].value == 1
    assert result.values["nearest mention"].value < result.values["matching mention"].value < 1


def test_a_head_that_looks_at_the_word_before_fails(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-07", Planted(looks_back, [corpora.coref]), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-07", random_encoder([corpora.coref]), corpora, tmp_path).verdict != "holds"
