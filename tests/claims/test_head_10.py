"""head-10: heads that join subwords."""

import numpy as np
import pytest

from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, sentence
from tests.planted import Planted, View, random_encoder, result_of

PARTS = ("snow", "ball", "rain", "coat", "sun", "flower", "book", "shop", "fire", "place")
VOCABULARY = Corpus("parts", (sentence(PARTS, "parts"),))


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    """Sentences of eight words of one or two parts, which the tokenizer splits."""
    rng = np.random.default_rng(0)
    words = lambda: ["".join(rng.choice(PARTS, rng.integers(1, 3))) for _ in range(8)]
    return Corpora.load({"text": Corpus("compounds", tuple(sentence(words(), f"s{i}") for i in range(400)))})


def joins_parts(view: View) -> None:
    """Layer 2 · head 1 attends from the first part of a word to its last."""
    for pieces in view.line.pieces:
        if len(pieces) > 1:
            view.attend(2, 1, pieces[0], pieces[-1])


def looks_ahead(view: View) -> None:
    """Every head attends to the next token, of the word or not."""
    for query in range(len(view.line.ids) - 1):
        view.attention[:, :, query] = 0
        view.attention[:, :, query, query + 1] = 1


def test_a_head_that_joins_subwords_holds(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-10", Planted(joins_parts, [VOCABULARY]), corpora, tmp_path).verdict == "holds"


def test_a_head_that_looks_at_the_next_token_fails(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-10", Planted(looks_ahead, [VOCABULARY]), corpora, tmp_path)
    assert result.verdict == "fails"
    assert result.values["ratio to neighbours in another word"].value == pytest.approx(1)


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-10", random_encoder([VOCABULARY]), corpora, tmp_path).verdict != "holds"
