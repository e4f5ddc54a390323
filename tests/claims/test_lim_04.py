"""lim-04: two ways of reading syntax that rank layers differently."""

import numpy as np

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 2, "heads": 3, "width": 24}


def arcs(view: View) -> list[tuple[int, int, str]]:
    heads, relations = view.sentence.layers["head"], view.sentence.layers["deprel"]
    return [(word, head, r) for word, (head, r) in enumerate(zip(heads, relations, strict=True)) if head >= 0]


def one_parser_and_many_specialists(view: View) -> None:
    """A head of layer 1 follows four arcs of five, of whatever relation; the heads of layer 2 share out the relations and follow theirs always."""
    for word, head, relation in arcs(view):
        if view.rng.random() < 0.8:
            view.point(1, 0, word, head)
        specialist = sum(map(ord, relation)) % 3
        view.point(2, specialist, word, head)


def better_throughout(view: View) -> None:
    """Layer 2's head follows every arc, layer 1's half of them: no method disagrees."""
    for word, head, _ in arcs(view):
        view.point(2, 0, word, head)
        if view.rng.random() < 0.5:
            view.point(1, 0, word, head)


def test_a_parser_and_specialists_are_ranked_differently(corpora: Corpora, tmp_path) -> None:
    result = result_of("lim-04", Planted(one_parser_and_many_specialists, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "holds", result.reason
    assert "First is layer 1, second layer 2" in result.note


def test_a_layer_that_is_better_throughout_refutes_it(corpora: Corpora, tmp_path) -> None:
    result = result_of("lim-04", Planted(better_throughout, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    for seed in (0, 1):
        assert (
            result_of("lim-04", random_encoder(corpora, seed=seed, **SIZE), corpora, tmp_path / str(seed)).verdict
            != "holds"
        )


def test_rows_say_what_each_layer_scored(corpora: Corpora, tmp_path) -> None:
    result = result_of("lim-04", Planted(better_throughout, corpora, **SIZE), corpora, tmp_path)
    assert np.isfinite([e.value for e in result.values.values()]).all()
