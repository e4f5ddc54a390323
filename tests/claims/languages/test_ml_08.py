"""ml-08: languages differ by a constant offset."""

import pytest

from bertology.corpus.sentence import Corpus
from tests.claims.languages.tongues import concept, given, hearing, offset, parallel
from tests.planted import View, random_encoder, result_of


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return parallel()


def languages_apart(view: View) -> None:
    """Words are vectors of their concepts, and every language is moved as a whole."""
    for layer in (0, 1, 2):
        for word in range(len(view.line.pieces)):
            concept(view, layer, word)
        offset(view, layer, 3.0)


def languages_together(view: View) -> None:
    """Words are vectors of their concepts in all languages alike."""
    for layer in (0, 1, 2):
        for word in range(len(view.line.pieces)):
            concept(view, layer, word)


def languages_mirrored(view: View) -> None:
    """All languages but English have the opposite vectors: no offset leads from one to the other."""
    sign = 1.0 if view.sentence.labels["language"] == "en" else -1.0
    for layer in (0, 1, 2):
        for word in range(len(view.line.pieces)):
            concept(view, layer, word, sign)
        view.hidden[layer] += sign * view.hidden[layer].mean(0)


def test_an_offset_that_was_put_there_holds(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-08", hearing(languages_apart, corpus), given(corpus), tmp_path)
    assert result.verdict == "holds", result.reason
    assert result.values["retrieval, mean difference added"].value > 0.9
    assert result.values["retrieval, unmoved"].value < 0.7


def test_languages_without_an_offset_do_not_hold(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-08", hearing(languages_together, corpus), given(corpus), tmp_path)
    assert result.verdict != "holds", result.reason
    assert result.values["retrieval, unmoved"].value > 0.9


def test_an_offset_does_not_translate_between_mirrored_languages(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-08", hearing(languages_mirrored, corpus), given(corpus), tmp_path)
    assert result.verdict != "holds", result.reason
    assert result.values["retrieval, mean difference added"].value < 0.3


def test_random_weights_do_not_hold(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-08", random_encoder([corpus], layers=2, heads=2), given(corpus), tmp_path)
    assert result.verdict != "holds", result.reason
