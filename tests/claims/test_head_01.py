"""head-01: types of attention maps."""

import numpy as np

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of


def five_types(view: View) -> None:
    """Head 0 attends to [CLS], 1 to the token itself, 2 to both, 3 evenly within the segment in layers 1 and 2."""
    t = len(view.line.ids)
    segment = np.full(t, -1)
    for pieces, part in zip(view.line.pieces, view.sentence.layers.get("segment", ()), strict=False):
        segment[list(pieces)] = part
    cls = np.zeros((t, t))
    cls[:, 0] = 1
    view.attention[:, 0], view.attention[:, 1], view.attention[:, 2] = cls, np.eye(t), (cls + np.eye(t)) / 2
    same = (segment[:, None] == segment[None]).astype(float)
    view.attention[:2, 3] = same / same.sum(1, keepdims=True)


def test_five_planted_types_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-01", Planted(five_types, corpora), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["share of the rarest type"].value == 2 / 16


def nothing(view: View) -> None:
    """Noise."""


def test_maps_of_noise_fail_for_want_of_types(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-01", Planted(nothing, corpora), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-01", random_encoder(corpora), corpora, tmp_path).verdict != "holds"
