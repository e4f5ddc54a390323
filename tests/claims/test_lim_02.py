"""lim-02: linear probes are the more selective."""

import numpy as np

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, code, random_encoder, result_of

SIZE = {"layers": 1, "heads": 2, "width": 24}


def linear_tag_and_tangled_words(view: View) -> None:
    """The tag has a direction; the word form is there in few dimensions, where lines do not separate it but bends do."""
    tags = view.sentence.layers["upos"]
    for word, tag in enumerate(tags):
        form = view.sentence.words[word].lower()
        plane = np.zeros(view.hidden.shape[-1], np.float32)
        plane[:3] = 4 * code(f"form {form}", 3)
        for piece in view.line.pieces[word]:
            view.hidden[:, piece] += plane
        for layer in (0, 1):
            view.write(layer, word, f"tag {tag}", 2.0)


def test_a_linear_tag_over_tangled_word_forms_holds(corpora: Corpora, tmp_path) -> None:
    encoder = Planted(linear_tag_and_tangled_words, corpora, static=0.0, noise=0.03, **SIZE)
    assert result_of("lim-02", encoder, corpora, tmp_path).verdict == "holds"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lim-02", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"
