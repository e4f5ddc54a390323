"""lay-04: two ways of asking for a layer."""

from bertology.corpus.corpora import Corpora
from bertology.probe.tasks import TASKS
from tests.planted import Planted, View, random_encoder, result_of

WORD_TASKS = ("part of speech", "chunk")


def _write(view: View, strength: dict[int, float]) -> None:
    for layer, s in strength.items():
        for name in WORD_TASKS:
            for word, label in enumerate(TASKS[name].labels(view.sentence)):
                view.write(layer, word, f"{name} {label}", s)


def most_in_layer_1_clearest_in_layer_4(view: View) -> None:
    """Layer 1 brings nearly all of what there is to know, layer 4 a little more."""
    _write(view, {1: 0.30, 2: 0.30, 3: 0.30, 4: 1.0})


def all_in_layer_1(view: View) -> None:
    """Both ways of asking point to layer 1."""
    _write(view, {1: 1.0})


def test_late_best_layer_with_early_gain_holds(corpora: Corpora, tmp_path) -> None:
    result = result_of(
        "lay-04", Planted(most_in_layer_1_clearest_in_layer_4, corpora, static=0.2, noise=0.12), corpora, tmp_path
    )
    assert result.verdict == "holds", result.reason


def test_agreeing_methods_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert (
        result_of("lay-04", Planted(all_in_layer_1, corpora, static=0.2, noise=0.12), corpora, tmp_path).verdict
        == "fails"
    )


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-04", random_encoder(corpora), corpora, tmp_path).verdict != "holds"
