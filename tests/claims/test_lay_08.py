"""lay-08: semantics is spread over layers."""

import numpy as np
import pytest

from bertology.claims.localization.lay_08_spread import divergence, jackknife
from bertology.corpus.corpora import Corpora
from bertology.probe.tasks import TASKS
from tests.planted import Planted, View, random_encoder, result_of


def _write(view: View, layers: dict[str, tuple[int, ...]]) -> None:
    for name, task in TASKS.items():
        for layer in layers[task.level]:
            for word, label in enumerate(task.labels(view.sentence)):
                if label:
                    view.write(layer, word, f"{name} {label}", 0.8)


def syntax_in_one_layer_semantics_in_all(view: View) -> None:
    """Syntax is plain in layer 2 only, semantics in every layer."""
    _write(view, {"syntax": (2,), "semantics": (1, 2, 3, 4)})


def semantics_in_one_layer_syntax_in_all(view: View) -> None:
    """The other way round."""
    _write(view, {"syntax": (1, 2, 3, 4), "semantics": (2,)})


def test_spread_semantics_holds(corpora: Corpora, tmp_path) -> None:
    result = result_of(
        "lay-08",
        Planted(syntax_in_one_layer_semantics_in_all, corpora, width=32, heads=2, static=0.3, noise=0.1),
        corpora,
        tmp_path,
    )
    assert result.verdict == "holds", result.reason


def test_spread_syntax_fails(corpora: Corpora, tmp_path) -> None:
    planted = Planted(semantics_in_one_layer_syntax_in_all, corpora, width=32, heads=2, static=0.3, noise=0.1)
    assert result_of("lay-08", planted, corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-08", random_encoder(corpora, width=32, heads=2), corpora, tmp_path).verdict != "holds"


def test_divergence_is_zero_for_uniform_weights_and_log_n_for_one_layer() -> None:
    assert divergence(np.array([[0.25] * 4, [1.0, 0, 0, 0]])) == pytest.approx([0, np.log(4)])


def test_the_jackknife_of_equal_folds_has_no_width() -> None:
    assert jackknife(np.full(5, 0.3), n=5).low == pytest.approx(0.3)
