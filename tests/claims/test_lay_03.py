"""lay-03: middle layers transfer best."""

from bertology.corpus.corpora import Corpora
from bertology.probe.tasks import TASKS
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 2, "heads": 2, "width": 64}


def every_task_in(layer: int):
    def plant(view: View) -> None:
        for name, task in TASKS.items():
            for word, label in enumerate(task.labels(view.sentence)):
                view.write(layer, word, f"{name} {label}", 2.0)

    plant.__qualname__ = f"every_task_in_{layer}"
    return plant


def test_every_task_in_the_middle_layer_holds(corpora: Corpora, tmp_path) -> None:
    result = result_of("lay-03", Planted(every_task_in(1), corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["depth of the best mean rank"].value == 0.5


def test_every_task_in_the_last_layer_refutes_it(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-03", Planted(every_task_in(2), corpora, **SIZE), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-03", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"
