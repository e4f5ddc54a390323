"""syn-04: heads as parsers."""

import numpy as np

from bertology.claims.knowledge.syn_04_heads_as_parsers import arcs_found
from bertology.corpus.corpora import Corpora
from bertology.probe.trees import right_chain
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 2, "heads": 2, "width": 16}


def follows_some_relations(view: View) -> None:
    """Layer 2 · head 1 attends from some dependents to their governors, from other words to the next one."""
    for word, (head, relation) in enumerate(
        zip(view.sentence.layers["head"], view.sentence.layers["deprel"], strict=True)
    ):
        following = min(word + 1, len(view.sentence) - 1)
        view.point(2, 1, word, head if relation in ("obl", "advmod") else following, 0.6)


def follows_every_governor(view: View) -> None:
    """Layer 2 · head 1 is a parser."""
    for word, head in enumerate(view.sentence.layers["head"]):
        if head >= 0:
            view.point(2, 1, word, head)


def test_a_head_that_knows_two_relations_is_no_parser(corpora: Corpora, tmp_path) -> None:
    result = result_of("syn-04", Planted(follows_some_relations, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "holds"


def test_a_head_that_parses_refutes_the_claim(corpora: Corpora, tmp_path) -> None:
    result = result_of("syn-04", Planted(follows_every_governor, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "fails"
    assert result.values["best head"].value > 0.99
    assert "layer 2 · head 1, dependent to governor" in result.note


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("syn-04", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"


def test_arcs_are_counted_without_their_direction() -> None:
    gold = np.array([1, 3, 1, -1])
    assert arcs_found(gold, gold) == 3
    assert arcs_found(right_chain(4), gold) == 2
