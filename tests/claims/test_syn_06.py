"""syn-06: role schemes that explain the sentence vector."""

import numpy as np

from bertology.corpus.corpora import Corpora
from bertology.probe.tpdn import SCHEMES
from tests.planted import Planted, View, code, random_encoder, result_of

SIZE = {"layers": 1, "heads": 2, "width": 32}


def bound(view: View, scheme: str) -> np.ndarray:
    """The sum over the words of a code for part of speech and role."""
    roles = SCHEMES[scheme](view.sentence)
    tags = view.sentence.layers["upos"]
    return np.sum([code(f"{tag} {role}", view.hidden.shape[-1]) for tag, role in zip(tags, roles, strict=True)], 0)


def trees_in_cls(view: View) -> None:
    view.hidden[1, 0] = bound(view, "tree positions")


def places_in_cls(view: View) -> None:
    view.hidden[1, 0] = bound(view, "left to right")


def trees_in_every_token(view: View) -> None:
    view.hidden[1] = bound(view, "tree positions")


def test_a_vector_made_of_tree_positions_holds(corpora: Corpora, tmp_path) -> None:
    result = result_of("syn-06", Planted(trees_in_cls, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "holds"
    assert "[CLS]" in result.note


def test_a_vector_made_of_places_refutes_the_claim(corpora: Corpora, tmp_path) -> None:
    result = result_of("syn-06", Planted(places_in_cls, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "fails"
    assert "tree − left to right" in result.reason


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("syn-06", random_encoder(corpora, seed=6, **SIZE), corpora, tmp_path).verdict != "holds"


def test_without_cls_the_mean_over_tokens_is_explained(corpora: Corpora, tmp_path) -> None:
    encoder = Planted(trees_in_every_token, corpora, lacks=frozenset(("cls",)), **SIZE)
    result = result_of("syn-06", encoder, corpora, tmp_path)
    assert result.verdict == "holds"
    assert "mean over tokens" in result.note
