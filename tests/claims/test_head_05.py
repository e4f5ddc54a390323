"""head-05: relations carried by several heads."""

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 2, "heads": 2, "width": 16}


def objects(view: View) -> list[tuple[int, int]]:
    layers = view.sentence.layers
    return [(w, h) for w, (h, r) in enumerate(zip(layers["head"], layers["deprel"], strict=True)) if r == "obj"]


def two_heads_share_the_object(view: View) -> None:
    """One head follows objects at an even place to their verb, another those at an odd place."""
    for word, verb in objects(view):
        view.point(1 + word % 2, word % 2, word, verb)


def one_head_has_the_object(view: View) -> None:
    for word, verb in objects(view):
        view.point(2, 1, word, verb)


def test_a_relation_shared_by_two_heads_holds(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-05", Planted(two_heads_share_the_object, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.baselines["best head"].value < 0.8 < result.baselines["probe of all heads"].value


def test_a_relation_of_one_head_does_not_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-05", Planted(one_head_has_the_object, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict in ("fails", "undecided")
    assert result.values["probe above the best head"].value <= 0.01


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-05", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"
