"""lim-06: erasing parts of speech costs words where the head listens to them, and nothing where it does not."""

import numpy as np

from bertology.corpus.corpora import Corpora
from tests.claims.headed import Headed, tag_code, word_code
from tests.planted import View, random_encoder, result_of


def tag_and_word(view: View) -> None:
    """The tag is plain, the word is not: many words come close, but few of the same part of speech."""
    for word, tag in enumerate(view.sentence.layers["upos"]):
        for piece in view.line.pieces[word]:
            view.hidden[:, piece] += tag_code(tag) + 0.5 * word_code(view.sentence.words[word].lower())


def test_a_head_that_listens_to_tags_holds(corpora: Corpora, tmp_path) -> None:
    listening = lambda word, tag: 2 * tag_code(tag) + word_code(word)
    result = result_of("lim-06", Headed(tag_and_word, listening, corpora, noise=0.2), corpora, tmp_path)
    assert result.verdict == "holds", result.reason
    assert result.values["probe accuracy, before, part of speech"].value > 90
    assert result.values["probe accuracy, after LEACE, part of speech"].value < 40


def test_a_head_that_is_deaf_to_tags_fails(corpora: Corpora, tmp_path) -> None:
    """Tags are as plain as before, and erasing them costs less than random directions, which hit the words."""
    deaf = lambda word, tag: word_code(word)
    result = result_of("lim-06", Headed(tag_and_word, deaf, corpora, noise=0.12), corpora, tmp_path)
    assert result.verdict == "fails", result.reason
    assert result.values["probe accuracy, before, part of speech"].value > 90


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    encoder = random_encoder(corpora, layers=1, heads=2, width=32, mlm=True)
    assert result_of("lim-06", encoder, corpora, tmp_path).verdict != "holds"


def test_codes_of_tags_and_words_share_no_axis() -> None:
    assert np.dot(tag_code("NOUN"), word_code("man")) == 0
