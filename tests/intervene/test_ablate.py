"""Ablation, checked against a route that shares no code with it: weights set to zero."""

import copy

import numpy as np
import pytest
import torch

from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import attention, head, hidden, neuron, value
from bertology.encoder.families import FAMILIES
from bertology.encoder.watch import layer_modules
from bertology.intervene import (
    Ablate,
    Composed,
    MaskWords,
    MuteAttention,
    Shuffle,
    SiteBank,
    SiteMeans,
    compose,
    silenced,
)
from bertology.observe import observing, summarise
from bertology.record.errors import BadRequest, NoEffect, NotApplicable
from tests.encoder.tiny import tiny
from tests.intervene.texts import CORPUS, gap, outputs

WITH_HEADS = [name for name, family in FAMILIES.items() if family.head]


def _without_columns(encoder, layer, heads, path):
    """A copy whose matrix no longer reads these heads (or neurons) of a layer. Not for ALBERT, which shares layers."""
    other = copy.deepcopy(encoder)
    for cached in ("base", "_layer_order"):
        other.__dict__.pop(cached, None)
    weight = layer_modules(other.base, other.family)[layer - 1].get_submodule(path).weight
    parts = encoder.n_heads if path == encoder.family.head else weight.shape[1]
    with torch.no_grad():
        weight.unflatten(1, (parts, -1))[:, heads] = 0
    return other


@pytest.mark.parametrize("family", [f for f in WITH_HEADS if f != "albert"])
def test_silencing_heads_equals_zeroing_columns_of_the_output_projection(family):
    encoder = tiny(family)
    last = encoder.n_heads - 1
    expected = outputs(_without_columns(encoder, 2, [last - 1, last], encoder.family.head))
    assert gap(outputs(encoder, Ablate(head(2, last - 1), head(2, last))), expected) < 1e-5
    assert gap(outputs(encoder), expected) > 1e-2


def test_silencing_a_head_in_every_layer_of_albert_equals_zeroing_the_shared_columns():
    encoder = tiny("albert")
    expected = outputs(_without_columns(encoder, 1, [2], encoder.family.head))
    assert gap(outputs(encoder, Ablate(head(None, 2))), expected) < 1e-5
    assert gap(outputs(encoder, Ablate(head(1, 2))), expected) > 1e-2


def test_silencing_neurons_equals_zeroing_columns_of_the_second_matrix():
    encoder = tiny("bert")
    expected = outputs(_without_columns(encoder, 1, [0, 7], encoder.family.neuron))
    assert gap(outputs(encoder, Ablate(neuron(1, 7), neuron(1, 0))), expected) < 1e-5


@pytest.mark.parametrize("family", ["bert", "modernbert", "deberta-v2", "distilbert"])
def test_ablating_a_head_and_ablating_its_attention_are_the_same(family):
    encoder = tiny(family)
    assert gap(outputs(encoder, Ablate(head(1, 2))), outputs(encoder, Ablate(attention(1, 2)))) < 1e-5


def test_an_ablated_layer_hands_its_input_on():
    encoder = tiny("bert")
    batch = next(encoder.batches(CORPUS))
    seen = encoder.observe(batch, frozenset((hidden(),)), edits=Ablate(hidden(1)).edits(encoder, batch))
    assert torch.equal(seen.hidden(1), seen.hidden(0))
    both = encoder.observe(batch, frozenset((hidden(),)), edits=Ablate(hidden()).edits(encoder, batch))
    assert torch.equal(both.hidden(2), both.hidden(0))


def test_uniform_attention_makes_a_head_the_mean_of_its_values():
    encoder = tiny("bert")
    batch = next(encoder.batches(CORPUS))
    edits = Ablate(attention(1, 3), by="uniform").edits(encoder, batch)
    seen = encoder.observe(batch, frozenset((head(1), value(1), attention(1))), edits=edits)
    mean = (seen.value(1) * batch.mask[..., None, None]).sum(1) / batch.lengths[:, None, None]
    assert float((seen.head(1) - mean[:, None])[..., 3, :].abs().max()) < 1e-5
    assert (
        float(
            seen.attention(1)[:, 3].masked_select(~batch.mask[:, None].expand(-1, batch.ids.shape[1], -1)).abs().sum()
        )
        == 0
    )
    assert float((seen.head(1) - mean[:, None])[..., 2, :].abs().max()) > 1e-2


@pytest.mark.parametrize("backend", ["sdpa", "eager"])
@pytest.mark.parametrize(
    "make", [lambda: Ablate(head(1, 2)), lambda: Ablate(attention(1, 0), by="uniform"), lambda: MuteAttention("sep")]
)
def test_both_attention_backends_give_the_same(backend, make):
    reference, encoder = tiny("bert"), tiny("bert")
    encoder.model.set_attn_implementation(backend)
    assert gap(outputs(encoder, make()), outputs(reference, make())) < 1e-5
    assert encoder.config._attn_implementation == backend


def _means(encoder, *at):
    return summarise(encoder, CORPUS, SiteMeans(at))[0]


def test_site_means_are_means_over_real_tokens_only():
    encoder = tiny("bert")
    means = _means(encoder, head(1), neuron(2), hidden(0))
    batch = next(encoder.batches(CORPUS))
    seen = encoder.observe(batch, frozenset((head(1), neuron(2), hidden(0))))
    for place, mean in means.values.items():
        assert np.abs(seen.seen[place][batch.mask].mean(0).numpy() - mean).max() < 1e-5
    assert means.n == int(batch.mask.sum())


def test_mean_ablation_sets_the_head_to_its_mean_everywhere():
    encoder = tiny("bert")
    means = _means(encoder, head(1), head(2))
    batch = next(encoder.batches(CORPUS))
    seen = encoder.observe(batch, frozenset((head(2),)), edits=Ablate(head(2, 1)).to(means).edits(encoder, batch))
    assert np.abs(seen.head(2)[..., 1, :].numpy() - means.values["head", 2][1]).max() < 1e-6
    assert float(seen.head(2)[..., 0, :].std(1).min()) > 0


def test_resampled_activations_come_from_the_bank_and_differ_between_tokens():
    encoder = tiny("bert")
    (bank,) = summarise(encoder, CORPUS, SiteBank((head(1),), size=8))
    batch = next(encoder.batches(CORPUS))
    seen = encoder.observe(batch, frozenset((head(1),)), edits=Ablate(head(1)).to(bank).edits(encoder, batch))
    shown = seen.head(1)[batch.mask].numpy()
    nearest = np.abs(shown[:, None] - bank.values["head", 1][None]).max((2, 3))
    assert nearest.min(1).max() == 0
    assert len(set(nearest.argmin(1))) > 4


def test_a_bank_is_the_same_for_any_batches_and_merged_halves():
    encoder = tiny("bert")
    whole = SiteBank((head(1), hidden(0)), size=10, seed=3)

    def state(budget, keep=lambda number: True):
        found = whole.start(encoder, encoder.encode(CORPUS), lambda n, s, d: np.zeros(s, d))
        for number, batch in enumerate(encoder.batches(CORPUS, token_budget=budget)):
            if keep(number):
                whole.update(found, batch, encoder.observe(batch, whole.sites), encoder)
        return found

    one = whole.finish(state(4096))
    halves = whole.finish(whole.merge(state(20, lambda n: n % 2 == 1), state(20, lambda n: n % 2 == 0)))
    assert one.n == halves.n == 10
    for place in one.values:
        assert np.abs(one.values[place] - halves.values[place]).max() < 1e-5


def _steps(encoder):
    (bank,) = summarise(encoder, CORPUS, SiteBank((head(1),), size=8))
    return {
        "zero": Ablate(head(1, 2), neuron(2, 3)),
        "uniform": Ablate(attention(2), by="uniform"),
        "resample": Ablate(head(1)).to(bank),
        "mean": Ablate(head(1), hidden(1)).to(_means(encoder, head(1), hidden(1))),
        "mute": MuteAttention("punctuation"),
        "mask": MaskWords(0.3, seed=1),
        "shuffle": Shuffle(2),
        "all": Shuffle(2) | MaskWords(0.3) | Ablate(head(1)).to(bank) | MuteAttention("sep", send_to="word"),
    }


@pytest.mark.parametrize("family", ["bert", "modernbert", "albert"])
@pytest.mark.parametrize("name", ["zero", "uniform", "resample", "mean", "mute", "mask", "shuffle", "all"])
def test_batch_size_order_and_padding_change_nothing(name, family):
    encoder = tiny(family)
    step = _steps(encoder)[name]
    together, alone = outputs(encoder, step), outputs(encoder, step, budget=1)
    assert gap(together, alone) < 2e-5
    assert gap(together, outputs(encoder)) > 1e-3


def test_composition_is_associative_and_nothing_is_its_identity():
    a, b, c = Ablate(head(1, 0)), MaskWords(0.5), MuteAttention("sep")
    assert (a | b) | c == a | (b | c) == compose(a, b, c) == Composed((a, b, c))
    assert hash((a | b) | c) == hash(a | (b | c))
    assert ((a | b) | c).key == f"{a.key} | {b.key} | {c.key}"
    assert a | Ablate() == a == Ablate() | a
    assert (Ablate() | Ablate()).key == Ablate().key == "nothing"
    encoder = tiny("bert")
    assert gap(outputs(encoder, Ablate()), outputs(encoder)) == 0


def test_edits_of_one_site_run_in_the_order_given():
    encoder = tiny("bert")
    means = _means(encoder, head(1))
    zero, mean = Ablate(head(1, 0)), Ablate(head(1, 0)).to(means)
    assert gap(outputs(encoder, zero | mean), outputs(encoder, mean)) == 0
    assert gap(outputs(encoder, mean | zero), outputs(encoder, zero)) == 0
    assert gap(outputs(encoder, zero), outputs(encoder, mean)) > 1e-3


def test_equal_sites_in_any_order_are_the_same_ablation():
    assert Ablate(head(2, 1), hidden(1), head(1, 0)) == Ablate([head(1, 0), hidden(1)], head(2, 1), head(1, 0))
    assert Ablate(head(1, 0)).key != Ablate(head(1, 1)).key != Ablate(attention(1, 1)).key


def test_silenced_names_every_head_once():
    encoder = tiny("bert")
    assert len({a.key for a in silenced(encoder)}) == encoder.n_layers * encoder.n_heads


@pytest.mark.parametrize(
    ("sites", "by", "says"),
    [
        ((head(9, 0),), "zero", "Layers here are 1 to 2"),
        ((head(1, 4),), "zero", "Heads are 0 to 3"),
        ((attention(1, -1),), "zero", "Heads are 0 to 3"),
        ((neuron(1, 48),), "zero", "Neurons are 0 to 47"),
        ((hidden(0),), "zero", "Layers here are 1 to 2"),
    ],
)
def test_a_place_out_of_range_names_the_range(sites, by, says):
    encoder = tiny("bert")
    with pytest.raises(BadRequest, match=says):
        outputs(encoder, Ablate(*sites, by=by))


def test_impossible_ablations_are_refused_when_they_are_named():
    with pytest.raises(BadRequest, match="SiteMeans"):
        Ablate(head(1), by="mean")
    with pytest.raises(BadRequest, match="SiteBank"):
        Ablate(head(1), by="resample")
    with pytest.raises(BadRequest, match="uniform"):
        Ablate(head(1), by="uniform")
    with pytest.raises(BadRequest, match="not known"):
        Ablate(head(1), by="median")  # type: ignore[arg-type]
    with pytest.raises(BadRequest):
        Ablate(value(1))
    with pytest.raises(BadRequest, match="no value per token"):
        SiteMeans((attention(1),))


def test_a_mean_that_was_not_measured_is_a_bad_request_that_lists_what_was():
    encoder = tiny("bert")
    with pytest.raises(BadRequest, match="layer 1 · head"):
        outputs(encoder, Ablate(head(2)).to(_means(encoder, head(1))))


def test_replacing_the_output_itself_is_refused():
    encoder = tiny("bert")
    with pytest.raises(BadRequest, match="output"):
        outputs(encoder, Ablate(hidden(2)).to(_means(encoder, hidden(2))))


def test_a_site_that_the_encoder_lacks_is_not_applicable():
    with pytest.raises(NotApplicable):
        outputs(tiny("fnet"), Ablate(head(1, 0)))
    with pytest.raises(NotApplicable):
        outputs(tiny("longformer"), Ablate(attention(1), by="uniform"))


def _measure(encoder, under, corpus=CORPUS):
    return summarise(encoder, corpus, SiteMeans((hidden(0),)), under=under)


def test_an_intervention_of_nothing_is_refused_as_a_pass():
    with pytest.raises(NoEffect, match="no steps"):
        _measure(tiny("bert"), Ablate())


def test_silencing_a_silent_head_is_no_effect_and_names_the_site():
    encoder = tiny("bert")
    with torch.no_grad():
        inner = layer_modules(encoder.base, encoder.family)[0].attention.self.value
        inner.weight[:8], inner.bias[:8] = 0, 0
    with pytest.raises(NoEffect, match="layer 1 · head kept its value"):
        _measure(encoder, Ablate(head(1, 0)))
    _measure(encoder, Ablate(head(1, 1)))


def test_an_edit_at_a_module_that_never_runs_is_no_effect_and_names_the_site():
    encoder = tiny("bert")
    encoder.family = encoder.family._replace(head="attention.output.dropout")
    layers = layer_modules(encoder.base, encoder.family)
    layers[0].attention.output.forward = lambda states, inputs: inputs
    try:
        with pytest.raises(NoEffect, match="layer 1 · head was never called"):
            _measure(encoder, Ablate(head(1, 0)))
    finally:
        del layers[0].attention.output.forward


def test_a_head_that_nothing_reads_leaves_the_output_as_it_was_and_is_no_effect():
    encoder = _without_columns(tiny("bert"), 2, [1], "attention.output.dense")
    with pytest.raises(NoEffect, match="output"):
        _measure(encoder, Ablate(head(2, 1)))


def test_an_effect_in_a_later_batch_is_proof_enough():
    encoder = tiny("bert")
    long = sentence(["the", "old", "dog", "sat", "near", "the", "cats"], "long")
    corpus = Corpus("late", (long, *(sentence(["Birds", "sing", "."], f"short {i}") for i in range(3))))
    assert encoder.encode(corpus).lines[0].ids.size > 9

    def batches(under):
        return [batch.lines[0].index for batch, _ in observing(encoder, corpus, (), under=under, token_budget=9)]

    assert batches(MuteAttention("punctuation"))[0] == 0
    with pytest.raises(NoEffect, match="on every batch"):
        _measure(encoder, MuteAttention("punctuation"), Corpus("never", (long,)))
