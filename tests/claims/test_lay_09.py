"""lay-09: semantic properties before the top."""

from bertology.corpus.corpora import Corpora
from bertology.corpus.properties import LABELLED
from tests.planted import Planted, View, random_encoder, result_of


def _write(view: View, strengths: dict[int, float]) -> None:
    for layer, strength in strengths.items():
        for word in range(len(view.sentence)):
            for name in LABELLED:
                view.write(layer, word, f"{name} {view.sentence.labels.get(name)}", strength)


def properties_in_layer_2(view: View) -> None:
    """Every property is plain in layers 1 and 2 of 4, and fades to nothing."""
    _write(view, {1: 0.5, 2: 1.0})


def properties_in_layer_4(view: View) -> None:
    """Every property is plain in the last layer only."""
    _write(view, {4: 1.0})


def test_properties_that_fade_after_the_middle_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("lay-09", Planted(properties_in_layer_2, corpora, width=32, static=0.3), corpora, tmp_path)
    assert result.verdict == "holds", result.reason


def test_properties_on_top_fail(corpora: Corpora, tmp_path) -> None:
    assert (
        result_of("lay-09", Planted(properties_in_layer_4, corpora, width=32, static=0.3), corpora, tmp_path).verdict
        == "fails"
    )


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-09", random_encoder(corpora, width=32), corpora, tmp_path).verdict != "holds"
