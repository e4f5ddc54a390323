"""head-06: no head holds the whole tree."""

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 2, "heads": 2, "width": 16}
LEFT_OUT = ("root", "punct")


def shares_the_tree(view: View) -> None:
    """Each of four heads follows a quarter of the words to their governors, from all other words it looks at the
    last."""
    layers = view.sentence.layers
    for word, (head, relation) in enumerate(zip(layers["head"], layers["deprel"], strict=True)):
        for part in range(4):
            mine = len(relation) % 4 == part and relation not in LEFT_OUT
            if mine:
                view.point(part // 2 + 1, part % 2, word, head)


def one_head_parses(view: View) -> None:
    for word, head in enumerate(view.sentence.layers["head"]):
        if head >= 0:
            view.point(2, 1, word, head)


def test_heads_that_share_the_tree_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-06", Planted(shares_the_tree, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["probe of all heads"].value > 90


def test_one_head_with_the_whole_tree_refutes_the_claim(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-06", Planted(one_head_parses, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "fails"
    assert result.values["best head's share of the probe's margin"].value > 0.9


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-06", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"
