"""lay-01: word order in the lower layers."""

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, code, random_encoder, result_of

SIZE = {"layers": 3, "heads": 2, "width": 32}


def order_in(layers: tuple[int, ...]):
    def plant(view: View) -> None:
        direction = code("place", view.hidden.shape[-1])
        for word in range(len(view.sentence)):
            for piece in view.line.pieces[word]:
                for layer in layers:
                    view.hidden[layer, piece] += 0.1 * word * direction

    plant.__qualname__ = f"order_in_{'_'.join(map(str, layers))}"
    return plant


def test_places_written_into_the_lowest_layers_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-01", Planted(order_in((0, 1)), corpora, **SIZE), corpora, tmp_path).verdict == "holds"


def test_places_written_into_the_last_layer_refute_it(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-01", Planted(order_in((3,)), corpora, **SIZE), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-01", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"
