"""lay-05: the classical pipeline."""

import numpy as np

from bertology.claims.localization.lay_05_pipeline import kendall
from bertology.corpus.corpora import Corpora
from bertology.probe.tasks import TASKS
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 4, "heads": 2, "width": 64}
PIPELINE = {"part of speech": 1, "chunk": 1, "relation": 2, "entity": 3, "role": 3, "coreference": 4}


def staged(first: dict[str, int], name: str):
    def plant(view: View) -> None:
        """Each task's labels are written from its layer on; words carry little of their own."""
        for task, start in first.items():
            for word, label in enumerate(TASKS[task].labels(view.sentence)):
                for layer in range(start, view.hidden.shape[0]):
                    view.write(layer, word, f"{task} {label}", 4.0 if label else 0.0)

    plant.__qualname__ = name
    return plant


def planted(first: dict[str, int], name: str, corpora: Corpora) -> Planted:
    return Planted(staged(first, name), corpora, static=0.1, noise=0.3, **SIZE)


def test_tasks_planted_in_the_classical_order_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("lay-05", planted(PIPELINE, "pipeline", corpora), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["expected depth, coreference"].value > 0.6


def test_the_reverse_order_refutes_it(corpora: Corpora, tmp_path) -> None:
    reverse = {task: 5 - layer for task, layer in PIPELINE.items()}
    assert result_of("lay-05", planted(reverse, "reversed", corpora), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert (
        result_of("lay-05", random_encoder(corpora, layers=2, heads=2, width=32), corpora, tmp_path).verdict != "holds"
    )


def test_kendall_leaves_missing_items_out_and_counts_ties_in_the_order_for_nothing() -> None:
    order = np.array([0, 1, 2, 2])
    assert kendall(np.array([[1.0, 2.0, 3.0, 3.5]]), order)[0] == 5 / np.sqrt(6 * 5)
    assert kendall(np.array([[3.0, 2.0, 1.0, np.nan]]), order)[0] == -1
    assert np.isnan(kendall(np.array([[1.0, 2.0, np.nan, np.nan]]), order)[0])
