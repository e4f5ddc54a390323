"""syn-05: trees by a linear map."""

import numpy as np

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, code, random_encoder, result_of

SIZE = {"layers": 2, "heads": 2, "width": 48}


def tree_in_layer_1(view: View) -> None:
    """In layer 1 each arc adds one axis to all words below it, so that squared distances are tree distances."""
    heads = view.sentence.layers["head"]
    width = view.hidden.shape[-1]
    for word in range(len(heads)):
        above, at = np.zeros(width, np.float32), word
        while heads[at] >= 0:
            above += 3 * code(f"arc {at % 12}", width)
            at = heads[at]
        for piece in view.line.pieces[word]:
            view.hidden[1, piece] = 0.1 * view.hidden[1, piece] + above


def test_a_planted_tree_holds_in_its_layer(corpora: Corpora, tmp_path) -> None:
    result = result_of("syn-05", Planted(tree_in_layer_1, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "holds"
    assert "Layer 1 was chosen" in result.note


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("syn-05", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"
