"""lay-01: word order is low."""

import numpy as np

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, code, random_encoder, result_of


def _write(view: View, strengths: tuple[float, ...]) -> None:
    for layer, strength in enumerate(strengths):
        for word, pieces in enumerate(view.line.pieces):
            view.hidden[layer, list(pieces)] += np.float32(strength * word / 10) * code("place", view.hidden.shape[-1])


def places_fade(view: View) -> None:
    """A word's index is a direction in layer 1 of 4 that fades above."""
    _write(view, (0.5, 2.0, 0.5, 0.1, 0.0))


def places_grow(view: View) -> None:
    """The same, strongest in the last layer."""
    _write(view, (0.0, 0.1, 0.3, 0.5, 2.0))


def test_places_that_fade_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("lay-01", Planted(places_fade, corpora, heads=2, width=32), corpora, tmp_path)
    assert result.verdict == "holds", result.reason


def test_places_that_grow_fail(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-01", Planted(places_grow, corpora, heads=2, width=32), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-01", random_encoder(corpora, heads=2, width=32), corpora, tmp_path).verdict != "holds"
