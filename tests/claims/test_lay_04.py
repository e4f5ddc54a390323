"""lay-04: two placements of one task."""

from bertology.corpus.corpora import Corpora
from bertology.probe.tasks import TASKS
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 4, "heads": 2, "width": 48}


def early_gain_late_peak(view: View) -> None:
    """Layer 1 writes most of the labels, layer 4 all of them."""
    for task in ("part of speech", "chunk"):
        for word, label in enumerate(TASKS[task].labels(view.sentence)):
            if (view.line.index + word) % 12:
                view.write(1, word, f"{task} {label}", 4.0)
            view.write(4, word, f"{task} {label}", 4.0)


def one_place(view: View) -> None:
    for task in ("part of speech", "chunk"):
        for word, label in enumerate(TASKS[task].labels(view.sentence)):
            view.write(2, word, f"{task} {label}", 4.0)


def test_an_early_gain_with_a_late_peak_holds(corpora: Corpora, tmp_path) -> None:
    encoder = Planted(early_gain_late_peak, corpora, static=0.3, **SIZE)
    assert result_of("lay-04", encoder, corpora, tmp_path).verdict == "holds"


def test_a_task_with_one_place_refutes_it(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-04", Planted(one_place, corpora, static=0.3, **SIZE), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-04", random_encoder(corpora, layers=2, heads=2, width=32), corpora, tmp_path).verdict != "holds"
