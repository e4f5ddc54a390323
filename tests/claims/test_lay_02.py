"""lay-02: syntax in the middle."""

import numpy as np

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, code, random_encoder, result_of

SIZE = {"layers": 2, "heads": 2, "width": 48}


def syntax_in(layer: int):
    def plant(view: View) -> None:
        layers = view.sentence.layers
        heads, width = layers["head"], view.hidden.shape[-1]
        for word in range(len(heads)):
            above, at = np.zeros(width, np.float32), word
            while heads[at] >= 0:
                above += 3 * code(f"arc {at % 12}", width)
                at = heads[at]
            for piece in view.line.pieces[word]:
                view.hidden[layer, piece] = 0.1 * view.hidden[layer, piece] + above
            view.write(layer, word, layers["deprel"][word], 3.0)

    plant.__qualname__ = f"syntax_in_{layer}"
    return plant


def test_syntax_planted_in_the_middle_holds(corpora: Corpora, tmp_path) -> None:
    result = result_of("lay-02", Planted(syntax_in(1), corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["depth of the maximum, UUAS"].value == 0.5


def test_syntax_planted_in_the_last_layer_refutes_it(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-02", Planted(syntax_in(2), corpora, **SIZE), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-02", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"
