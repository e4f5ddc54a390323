"""lay-08: semantics spread, syntax concentrated."""

import numpy as np
import pytest

from bertology.claims.localization.lay_08_spread import divergence, gains_divergence, jackknife
from bertology.corpus.corpora import Corpora
from bertology.probe.tasks import TASKS
from tests.planted import Planted, View, random_encoder, result_of

SYNTAX, SEMANTICS = ("part of speech", "chunk", "relation"), ("entity", "role", "coreference")
SIZE = {"layers": 3, "heads": 2, "width": 64}


def _write(view: View, concentrated: tuple[str, ...], spread: tuple[str, ...]) -> None:
    layers = range(1, view.hidden.shape[0])
    for task in (*concentrated, *spread):
        for word, label in enumerate(TASKS[task].labels(view.sentence)):
            for layer in (2,) if task in concentrated else layers:
                view.write(layer, word, f"{task} {label}", 3.0 if label else 0.0)


def semantics_everywhere(view: View) -> None:
    _write(view, SYNTAX, SEMANTICS)


def syntax_everywhere(view: View) -> None:
    _write(view, SEMANTICS, SYNTAX)


def test_semantics_in_all_layers_and_syntax_in_one_holds(corpora: Corpora, tmp_path) -> None:
    encoder = Planted(semantics_everywhere, corpora, static=0.1, noise=0.3, **SIZE)
    assert result_of("lay-08", encoder, corpora, tmp_path).verdict == "holds"


def test_the_reverse_refutes_it(corpora: Corpora, tmp_path) -> None:
    encoder = Planted(syntax_everywhere, corpora, static=0.1, noise=0.3, **SIZE)
    assert result_of("lay-08", encoder, corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    from bertology.record.errors import NotApplicable

    try:
        verdict = result_of("lay-08", random_encoder(corpora, layers=2, heads=2, width=32), corpora, tmp_path).verdict
    except NotApplicable:
        verdict = "not applicable"
    assert verdict != "holds"


def test_divergences_by_hand() -> None:
    assert divergence(np.array([0.5, 0.5])) == 0
    assert divergence(np.array([1.0, 0.0])) == pytest.approx(np.log(2))
    assert gains_divergence(np.array([[0.2, 0.6, 0.6], [0.2, 0.4, 0.6]])) == pytest.approx([np.log(2), 0])
    e = jackknife(np.array([2.0, 1.0, 2.0, 2.0, 2.0, 3.0]), n=7)
    assert (e.value, e.n) == (2.0, 7)
    assert e.high - e.value == pytest.approx(2.776 * np.sqrt(0.8 * 2), rel=1e-3)
