"""spec-06: special tokens kept or left out."""

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of


def objects(view: View, mass: float) -> None:
    for word, (head, name) in enumerate(zip(view.sentence.layers["head"], view.sentence.layers["deprel"], strict=True)):
        if name == "obj":
            view.point(2, 1, word, head, mass)


def second_to_cls(view: View) -> None:
    """Layer 2 · head 1 attends from objects to their verb, yet more to [CLS]; so do all heads from every token."""
    view.attention *= 0.4
    view.attention[..., 0] += 0.6
    objects(view, 0.35)


def first_of_all(view: View) -> None:
    objects(view, 0.9)


def test_a_head_that_special_tokens_hide_holds(corpora: Corpora, tmp_path) -> None:
    result = result_of("spec-06", Planted(second_to_cls, [corpora.treebank]), corpora, tmp_path)
    assert result.verdict == "holds"
    assert "judged on obj" in result.note


def test_a_head_that_special_tokens_do_not_hide_does_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("spec-06", Planted(first_of_all, [corpora.treebank]), corpora, tmp_path).verdict != "holds"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("spec-06", random_encoder([corpora.treebank]), corpora, tmp_path).verdict != "holds"
