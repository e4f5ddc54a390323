"""lim-05: two annotations of the same words, in two layers or in one."""

from bertology.corpus.corpora import Corpora
from bertology.corpus.formalism import function_heads, with_function_heads
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 4, "heads": 2, "width": 48, "static": 0.2}


def planted(corpora: Corpora, first: tuple[int, ...], second: tuple[int, ...]) -> Planted:
    """The treebank's relations written into some layers, those with function heads into others, whichever is read."""
    known = {s.text: s for s in corpora.treebank}

    def both(view: View) -> None:
        there = known[view.sentence.text]
        turned = function_heads(there)
        for layers, relations, name in ((first, there.layers["deprel"], "a"), (second, turned.layers["deprel"], "b")):
            for layer in layers:
                for word, relation in enumerate(relations):
                    view.write(layer, word, f"{name} {relation.split(':')[0]}", 1.0)

    return Planted(both, corpora, **SIZE)


def test_formalisms_in_different_layers_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("lim-05", planted(corpora, (1, 2, 3, 4), (4,)), corpora, tmp_path)
    assert result.verdict == "holds", result.reason
    assert "second was the later" in result.note


def test_formalisms_in_one_layer_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lim-05", planted(corpora, (2,), (2,)), corpora, tmp_path).verdict != "holds"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    encoder = random_encoder(corpora, layers=2, heads=2, width=24)
    assert result_of("lim-05", encoder, corpora, tmp_path).verdict != "holds"


def test_a_second_treebank_that_is_given_is_the_second_formalism(corpora: Corpora, tmp_path) -> None:
    given = Corpora.load({"treebank": corpora.treebank, "treebank2": with_function_heads(corpora.treebank)})
    result = result_of("lim-05", planted(corpora, (1, 2, 3, 4), (4,)), given, tmp_path)
    assert result.verdict == "holds" and "with function heads" in result.note
