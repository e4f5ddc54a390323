"""lay-09: where properties of sentences peak."""

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, code, random_encoder, result_of

SIZE = {"layers": 4, "heads": 2, "width": 48}
SEMANTIC = ("tense", "subject_number", "polarity", "topic")


def semantics_in(layer: int):
    def plant(view: View) -> None:
        for name in SEMANTIC:
            value = view.sentence.labels.get(name)
            if value is not None:
                view.hidden[layer] += 2 * code(f"{name} {value}", view.hidden.shape[-1])

    plant.__qualname__ = f"semantics_in_{layer}"
    return plant


def test_semantic_properties_planted_in_the_middle_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-09", Planted(semantics_in(2), corpora, **SIZE), corpora, tmp_path).verdict == "holds"


def test_semantic_properties_planted_in_the_last_layer_refute_it(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-09", Planted(semantics_in(4), corpora, **SIZE), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-09", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"
