"""What is left after a cut computes what the whole computes with the same parts silenced, is smaller, and loads again."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification

from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import Encoder, head, hidden, load, neuron
from bertology.encoder.cut import cut
from bertology.encoder.families import FAMILIES
from bertology.intervene import Ablate
from bertology.observe.reading import observing
from bertology.record.errors import BadRequest, NotApplicable
from tests.encoder.tiny import tiny

CORPUS = Corpus(
    "cut",
    tuple(sentence(t.split(), f"s{k}") for k, t in enumerate(("The cats sleep .", "Birds sing near the old dog ."))),
)
HEADS = (head(1, 0), head(1, 2), head(2, 3))
NEURONS = (*(neuron(1, i) for i in range(0, 40, 3)), *(neuron(2, i) for i in range(7)))


def states(encoder: Encoder) -> list[torch.Tensor]:
    return [encoder.observe(b).hidden(encoder.n_layers)[b.mask] for b in encoder.batches(CORPUS)]


def silenced(encoder: Encoder, *sites: object) -> list[torch.Tensor]:
    found = observing(encoder, CORPUS, (), under=Ablate(*sites))  # type: ignore[arg-type]
    return [seen.hidden(encoder.n_layers)[b.mask] for b, seen in found]


def same(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return all((x - y).abs().max() < 1e-5 for x, y in zip(a, b, strict=True))


def families(*kinds: str) -> list[str]:
    return [
        name
        for name, row in FAMILIES.items()
        if all(getattr(row, f"into_{k}") for k in kinds) and name != "sandwich_bert"
    ]


def sites_of(family: str) -> tuple[object, ...]:
    """ALBERT's layers are one: the same parts in each."""
    if family != "albert":
        return (*HEADS, *NEURONS)
    return tuple(s for k in (1, 2, 3) for s in (head(k, 1), head(k, 3), *(neuron(k, i) for i in range(9))))


@pytest.mark.parametrize("family", families("heads", "neurons"))
def test_a_cut_encoder_computes_what_the_silenced_one_does(family: str) -> None:
    whole = tiny(family)
    sites = sites_of(family)
    less = cut(whole, *sites)  # type: ignore[arg-type]
    assert less.n_parameters < whole.n_parameters
    assert same(states(less), silenced(whole, *sites))
    assert not same(states(less), states(whole))


@pytest.mark.parametrize("family", families("neurons"))
def test_neurons_go_from_families_whose_heads_must_stay(family: str) -> None:
    whole = tiny(family)
    sites = tuple(s for s in sites_of(family) if s.kind == "neuron")  # type: ignore[attr-defined]
    assert same(states(cut(whole, *sites)), silenced(whole, *sites))  # type: ignore[arg-type]


@pytest.mark.parametrize("family", ["bert", "distilbert", "modernbert", "roberta", "electra", "albert"])
def test_layers_go(family: str) -> None:
    whole = tiny(family, num_hidden_layers=4, **({"n_layers": 4} if family == "distilbert" else {}))
    less = cut(whole, hidden(2), hidden(3))
    assert less.n_layers == 2
    if family == "albert":
        assert not same(states(less), states(whole))
    else:
        assert same(states(less), silenced(whole, hidden(2), hidden(3)))


@pytest.mark.parametrize("family", ["bert", "distilbert", "modernbert", "albert", "roberta"])
def test_a_cut_encoder_is_saved_and_loaded_with_its_shapes(family: str, tmp_path: Path) -> None:
    less = cut(tiny(family), *sites_of(family))  # type: ignore[arg-type]
    less.model.save_pretrained(tmp_path)
    less.tokenizer.save_pretrained(tmp_path)
    again = load(tmp_path)
    assert again.fingerprint == less.fingerprint
    assert same(states(again), states(less))
    assert again.has_mlm == less.has_mlm
    stock = AutoModelForMaskedLM.from_pretrained(tmp_path)
    assert stock.num_parameters() == less.model.num_parameters()  # type: ignore[operator]
    assert AutoModelForSequenceClassification.from_pretrained(tmp_path, num_labels=3).num_labels == 3


def test_fewer_layers_and_as_many_neurons_in_each_are_transformers_own_class() -> None:
    less = cut(tiny("bert", num_hidden_layers=3), hidden(2), *(neuron(None, i) for i in range(10)))
    assert type(less.model).__name__ == "BertForMaskedLM"
    assert less.config.model_type == "bert"
    assert (less.config.num_hidden_layers, less.config.intermediate_size) == (2, 38)


def test_layers_that_a_stock_class_would_build_otherwise_stay_in_ours() -> None:
    less = cut(tiny("modernbert", num_hidden_layers=3), hidden(1))
    assert less.config.model_type == "cut-modernbert"  # the first layer of a stock ModernBERT has no norm


def test_a_layer_can_lose_all_heads_or_all_neurons(tmp_path: Path) -> None:
    for family in ("bert", "modernbert", "distilbert"):
        whole = tiny(family)
        sites = (*(head(1, i) for i in range(4)), *(neuron(2, i) for i in range(48)))
        less = cut(whole, *sites)
        assert same(states(less), silenced(whole, *sites))
        less.model.save_pretrained(tmp_path / family)
        less.tokenizer.save_pretrained(tmp_path / family)
        assert same(states(load(tmp_path / family)), states(less))


def test_cutting_twice_is_cutting_once() -> None:
    whole = tiny("bert", num_hidden_layers=3)
    twice = cut(cut(whole, head(1, 0), neuron(3, 5)), hidden(2), head(1, 0), neuron(3, 5))
    once = cut(whole, head(1, 0), head(1, 1), hidden(2), neuron(3, 5), neuron(3, 6))
    assert same(states(twice), states(once))
    assert twice.config.cut == once.config.cut


def test_the_whole_is_never_touched() -> None:
    whole = tiny("bert")
    before = whole.fingerprint
    cut(whole, *HEADS, *NEURONS)
    assert Encoder(whole.model, whole.tokenizer, whole.family, "x", True).fingerprint == before


def test_the_random_twin_of_a_cut_encoder_has_its_shape() -> None:
    less = cut(tiny("bert"), *HEADS, *NEURONS)
    assert less.randomised(0).n_parameters == less.n_parameters


def test_places_that_differ_between_layers_are_not_promised() -> None:
    assert "head" not in cut(tiny("bert"), head(1, 0)).has
    even = cut(tiny("bert"), head(1, 0), head(2, 3))
    assert {"head", "attention", "value"} <= even.has
    assert even.n_heads == 3


def test_what_cannot_be_taken_out_is_refused() -> None:
    with pytest.raises(NotApplicable, match="heads cannot be taken out of mpnet"):
        cut(tiny("mpnet"), head(1, 0))
    with pytest.raises(BadRequest, match="has no layer 3"):
        cut(tiny("bert"), head(3, 0))
    with pytest.raises(BadRequest, match="all layers"):
        cut(tiny("bert"), hidden(1), hidden(2))
    with pytest.raises(BadRequest, match="share their weights"):
        cut(tiny("albert"), head(1, 0))
