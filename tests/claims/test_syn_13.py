"""syn-13: constituents from the distances of neighbouring words."""

import numpy as np

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 2, "heads": 2, "width": 64}


def shared_constituents(view: View) -> None:
    """In layer 1 words lie the closer the more constituents they share."""
    view.hidden[1] *= 0.1
    for start, end, _ in view.sentence.spans["constituent"]:
        for word in range(start, end):
            view.write(1, word, f"from {start} to {end}", 1.0)


def split_off_the_end(view: View) -> None:
    """In every layer and head the last words are the farthest apart: left-branching trees, which English has few of."""
    for word in range(len(view.sentence)):
        for piece in view.line.pieces[word]:
            view.hidden[:, piece] = 0
            view.hidden[:, piece, 0], view.hidden[:, piece, 1] = np.cos(0.01 * word**2), np.sin(0.01 * word**2)
            keys = np.arange(view.attention.shape[-1])
            view.attention[:, :, piece] = np.exp(-np.abs(keys - word**2 / 10))
            view.attention[:, :, piece] /= view.attention[:, :, piece].sum(-1, keepdims=True)


def test_distances_that_follow_constituents_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("syn-13", Planted(shared_constituents, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "holds"
    assert "layer 1" in result.note and "Jensen-Shannon, layer" not in result.note.split(";")[0]
    assert result.values["F1"].value > 50


def test_left_branching_trees_refute_the_claim(corpora: Corpora, tmp_path) -> None:
    result = result_of("syn-13", Planted(split_off_the_end, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("syn-13", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"


def test_without_attention_the_vectors_alone_are_tried(corpora: Corpora, tmp_path) -> None:
    lacking = Planted(shared_constituents, corpora, lacks=frozenset(("attention",)), **SIZE)
    assert result_of("syn-13", lacking, corpora, tmp_path).verdict == "holds"
