"""lay-03: middle layers transfer best."""

import numpy as np
import pytest

from bertology.claims.localization.lay_03_transfer import mean_rank
from bertology.corpus.corpora import Corpora
from bertology.probe.tasks import TASKS
from tests.planted import Planted, View, random_encoder, result_of


def _write(view: View, best: int) -> None:
    for layer in range(5):
        for name, task in TASKS.items():
            for word, label in enumerate(task.labels(view.sentence)):
                if label:
                    view.write(layer, word, f"{name} {label}", 1.0 if layer == best else 0.05)


def everything_in_layer_2(view: View) -> None:
    """All tasks' labels are plain in layer 2 of 4, faint elsewhere."""
    _write(view, 2)


def everything_on_top(view: View) -> None:
    """All tasks' labels are plain in the last layer."""
    _write(view, 4)


def test_labels_planted_in_the_middle_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of(
        "lay-03", Planted(everything_in_layer_2, corpora, width=32, heads=2, static=0.3, noise=0.1), corpora, tmp_path
    )
    assert result.verdict == "holds", result.reason


def test_labels_planted_on_top_fail(corpora: Corpora, tmp_path) -> None:
    assert (
        result_of(
            "lay-03", Planted(everything_on_top, corpora, width=32, heads=2, static=0.3, noise=0.1), corpora, tmp_path
        ).verdict
        == "fails"
    )


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-03", random_encoder(corpora, width=32, heads=2), corpora, tmp_path).verdict != "holds"


def test_ranks_share_ties_and_average_over_tasks() -> None:
    ranks = mean_rank(np.array([[0.9, 0.5, 0.5]]), np.array([[0.1, 0.2, 0.3]]))
    assert ranks[0] == pytest.approx([2.0, 2.25, 1.75])
