"""Training regimes: which layers run, what a stack copies, and what a step is made of."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import AutoModelForMaskedLM

from bertology.encoder.families import FAMILIES
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadRequest
from bertology.train.architecture import Architecture, n_parameters
from bertology.train.layout import Blocks, Pieces
from bertology.train.regimes import (
    BatchWarmup,
    LayerDrop,
    Phases,
    Regime,
    Stacking,
    every_other,
    stacked,
    with_layers,
)
from bertology.train.variants import FixedHeads, SandwichBertForMaskedLM
from bertology.train.variants.sandwich import SandwichBertConfig
from tests.encoder.tiny import tiny, tokenizer

IDS = torch.tensor([[2, 7, 6, 5, 4, 9, 3], [2, 17, 16, 15, 3, 0, 0]])
MASK = (IDS > 0).long()
PATHS = ("bert", "albert", "modernbert", "distilbert")
"""Families whose layers lie at different paths: ALBERT's are one module, ModernBERT's first has one norm less."""
TUPLES = ("rembert", "mpnet", "deberta-v2", "luke", "mobilebert", "fnet")
"""Families whose layers return tuples of different lengths, or tensors."""


def deep(family: str, n: int, **changes: Any) -> Any:
    own = {
        "distilbert": dict(n_layers=n, dropout=0.0, attention_dropout=0.0),
        "modernbert": dict(global_attn_every_n_layers=3),
    }  # fmt: skip
    return tiny(family, **{"num_hidden_layers": n, **own.get(family, {}), **changes}).model


def logits(model: Any) -> Tensor:
    with torch.no_grad():
        return model(input_ids=IDS, attention_mask=MASK)[0]


@dataclass
class Told:
    """Random numbers that were set."""

    numbers: list[float]

    def random(self, n: int) -> np.ndarray:
        assert n == len(self.numbers)
        return np.array(self.numbers)


def told(*skipped: bool) -> Any:
    """Makes LayerDrop(0.5) skip just these layers."""
    return Told([0.0 if skip else 0.9 for skip in skipped])


def identity_like(model: Any) -> Any:
    """The same model with sublayers that add nothing."""
    row = FAMILIES[model.config.model_type]
    with torch.no_grad():
        for layer in layer_modules(model.base_model, row):
            for path in (row.head, row.neuron):
                for p in layer.get_submodule(path or "").parameters():
                    p.zero_()
    return model


# LayerDrop


@pytest.mark.parametrize("family", (*PATHS, *TUPLES))
def test_a_rate_of_zero_skips_nothing_and_evaluation_skips_nothing(family: str) -> None:
    model = deep(family, 3)
    before = logits(model)
    LayerDrop(0.0).step(model.train(), 0.0, np.random.default_rng(0))
    torch.testing.assert_close(logits(model), before, atol=0, rtol=0)
    LayerDrop(1.0).step(model, 0.0, np.random.default_rng(0))
    assert not torch.allclose(logits(model), before, atol=1e-3)
    assert torch.equal(logits(model.eval()), before)


@pytest.mark.parametrize("family", (*PATHS, *TUPLES))
def test_a_rate_of_one_leaves_the_embeddings(family: str) -> None:
    model = deep(family, 3).train()
    LayerDrop(1.0).step(model, 0.0, np.random.default_rng(0))
    reached: list[Tensor] = []
    first = layer_modules(model.base_model, FAMILIES[family])[0]
    first.register_forward_pre_hook(
        lambda module, args, kwargs: reached.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True
    )
    with torch.no_grad():
        states = model.base_model(input_ids=IDS, attention_mask=MASK)[0]
    expected = model.base_model.final_norm(reached[0]) if family == "modernbert" else reached[0]
    torch.testing.assert_close(states, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("family", PATHS)
def test_every_other_equals_skipping_by_hand(family: str) -> None:
    model = deep(family, 6)
    small = every_other(model, 3)
    assert small.config.num_hidden_layers == 3
    assert model.config.num_hidden_layers == 6
    LayerDrop(0.5).step(model.train(), 0.0, told(False, True, False, True, False, True))
    torch.testing.assert_close(logits(small), logits(model), atol=1e-5, rtol=1e-5)
    LayerDrop(0.5).step(model, 0.0, told(True, False, True, False, False, True))
    same = family == "albert"
    assert torch.allclose(logits(small), logits(model), atol=1e-3) == same


def test_a_kept_layer_keeps_its_reach() -> None:
    """Of ModernBERT's alternating global and local layers, every other one is global."""
    model = deep("modernbert", 6, global_attn_every_n_layers=2)
    small = every_other(model, 3)
    assert [layer.attention_type for layer in small.model.layers] == ["full_attention"] * 3
    assert small.config.layer_types == ["full_attention"] * 3


def test_every_other_leaves_out_every_dth() -> None:
    """Fan et al. leave out layers d, 2d, ... for a rate of 1/d."""
    model = deep("bert", 12)
    for keep, left_out in ((6, {2, 4, 6, 8, 10, 12}), (8, {3, 6, 9, 12}), (9, {4, 8, 12}), (12, set())):
        small = every_other(model, keep)
        kept = [k for k in range(1, 13) if k not in left_out]
        for place, k in enumerate(kept):
            a, b = small.bert.encoder.layer[place], model.bert.encoder.layer[k - 1]
            assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))
    for keep in (0, 13):
        with pytest.raises(BadRequest, match=f"{keep} of 12"):
            every_other(model, keep)


def test_the_pruned_model_is_plain_and_survives_the_disk(tmp_path: Any) -> None:
    model = deep("bert", 4)
    LayerDrop(0.5).step(model, 0.0, told(True, False, False, True))
    small = every_other(LayerDrop(0.5).end(model), 2)
    small.save_pretrained(tmp_path)
    again = AutoModelForMaskedLM.from_pretrained(tmp_path).eval()
    assert type(again) is type(model) and torch.equal(logits(small), logits(again))
    assert small.bert.embeddings.word_embeddings.weight is small.cls.predictions.decoder.weight
    assert not {id(p) for p in small.parameters()} & {id(p) for p in model.parameters()}


def test_the_number_of_layers_that_run_has_its_expectation() -> None:
    """Binomial(6, 0.8): mean 4.8 and variance 0.96, over 2000 updates, within 4 standard errors."""
    model, rng, n = deep("bert", 6).train(), np.random.default_rng(5), 2000
    drop, counts, skipped = LayerDrop(0.2), [], np.zeros(6)
    for _ in range(n):
        assert drop.step(model, 0.5, rng) is model
        layers = model.base_model._skips.layers
        counts.append(6 - sum(layers))
        skipped += layers
    assert abs(np.mean(counts) - 4.8) < 4 * math.sqrt(0.96 / n)
    assert abs(np.var(counts) - 0.96) < 0.15
    assert np.abs(skipped / n - 0.2).max() < 4 * math.sqrt(0.16 / n), "each layer alike"


def test_a_skipped_layer_is_not_computed_and_has_no_gradient() -> None:
    model = deep("bert", 3).train()
    ran: list[int] = []
    for i, layer in enumerate(model.bert.encoder.layer):
        layer.attention.register_forward_hook(lambda *_, i=i: ran.append(i))
    LayerDrop(0.5).step(model, 0.0, told(False, True, False))
    model(input_ids=IDS, attention_mask=MASK)  # the first time, the layer's form is looked at
    ran.clear()
    for _ in range(2):
        model(input_ids=IDS, attention_mask=MASK)[0].sum().backward()
    assert ran == [0, 2, 0, 2]
    touched = [any(p.grad is not None for p in layer.parameters()) for layer in model.bert.encoder.layer]
    assert touched == [True, False, True]


def test_looking_at_a_skipped_layers_form_spends_no_random_number() -> None:
    model = deep("bert", 2, hidden_dropout_prob=0.5).train()
    drop = LayerDrop(0.5)
    made = []
    for _ in range(2):
        drop.step(model, 0.0, told(True, False))
        torch.manual_seed(0)
        made.append(logits(model))
    assert torch.equal(*made)


def test_the_end_takes_all_hooks_away() -> None:
    model = deep("albert", 3).train()
    before = set(vars(model.base_model)) | set(vars(layer_modules(model.base_model, FAMILIES["albert"])[0]))
    drop = LayerDrop(1.0)
    drop.step(drop.begin(model), 0.0, np.random.default_rng(0))
    assert drop.end(model) is model
    after = set(vars(model.base_model)) | set(vars(layer_modules(model.base_model, FAMILIES["albert"])[0]))
    assert before == after and not model.base_model._forward_pre_hooks
    drop.end(model)


# stacking


@pytest.mark.parametrize("family", PATHS)
def test_the_upper_half_of_a_stack_is_the_lower(family: str) -> None:
    model = deep(family, 3)
    double = stacked(model)
    assert double.config.num_hidden_layers == 6 and type(double) is type(model)
    layers = layer_modules(double.base_model, FAMILIES[family])
    if family == "albert":
        assert len(layers) == 1 and n_parameters(double) == n_parameters(model)
    else:
        assert len(layers) == 6
        for low, high, old in zip(
            layers[:3], layers[3:], layer_modules(model.base_model, FAMILIES[family]), strict=True
        ):
            state, above = low.state_dict(), high.state_dict()
            assert state.keys() == old.state_dict().keys()
            assert all(torch.equal(v, above[k]) and torch.equal(v, old.state_dict()[k]) for k, v in state.items())
            extra = above.keys() - state.keys()
            assert extra == ({"attn_norm.weight"} if family == "modernbert" and low is layers[0] else set())
            assert not {p.data_ptr() for p in low.parameters()} & {p.data_ptr() for p in high.parameters()}
    if family == "modernbert":
        assert double.config.layer_types == model.config.layer_types * 2
        assert [layer.attention_type for layer in layers] == double.config.layer_types
    outside = {k: v for k, v in model.state_dict().items() if "layer" not in k}
    assert outside and all(torch.equal(v, double.state_dict()[k]) for k, v in outside.items())
    loss = double(input_ids=IDS, attention_mask=MASK, labels=IDS).loss
    assert bool(loss.isfinite())


def test_a_stack_runs_the_layers_twice() -> None:
    model = deep("bert", 2)
    double = stacked(model)
    with torch.no_grad():
        once = model.bert(input_ids=IDS)[0]
        mask = torch.zeros(2, 1, 7, 7)
        for layer in model.bert.encoder.layer:
            once = layer(once, mask)
        torch.testing.assert_close(double.bert(input_ids=IDS)[0], once, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", PATHS)
def test_stacking_layers_that_add_nothing_changes_nothing(family: str) -> None:
    model = identity_like(deep(family, 3))
    torch.testing.assert_close(logits(stacked(model)), logits(model), atol=1e-5, rtol=1e-5)


def test_a_stack_survives_the_disk_and_keeps_its_variant(tmp_path: Any) -> None:
    double = stacked(FixedHeads(("previous",)).apply(deep("modernbert", 2)))
    double.save_pretrained(tmp_path)
    assert torch.equal(logits(double), logits(AutoModelForMaskedLM.from_pretrained(tmp_path).eval()))
    assert all(hasattr(layer.attn, "attention_variant") for layer in double.model.layers)


def test_progressive_stacking_goes_through_its_stages_and_can_go_on_anywhere() -> None:
    regime, rng = Stacking((1, 2, 4), (0.25, 0.5)), np.random.default_rng(0)
    whole = deep("bert", 4)
    model = regime.begin(whole)
    depths = []
    for progress in (0.0, 0.2, 0.25, 0.49, 0.5, 0.9):
        before, model = model, regime.step(model, progress, rng)
        depths.append(model.config.num_hidden_layers)
        assert (before is model) == (progress not in (0.25, 0.5))
    assert depths == [1, 1, 2, 2, 4, 4]
    assert n_parameters(model) == n_parameters(whole)
    late = regime.step(regime.begin(deep("bert", 4)), 0.9, rng)
    assert torch.equal(logits(late), logits(model))
    assert whole.config.num_hidden_layers == 4


def test_parameters_stay_the_same_objects_while_the_model_is_doubled() -> None:
    """Heads of objectives share some, and must go on sharing."""
    regime = Stacking((1, 2), (0.5,))
    model = regime.begin(deep("bert", 2))
    before = dict(model.named_parameters())
    model = regime.step(model, 0.5, np.random.default_rng(0))
    after = dict(model.named_parameters())
    assert len(after) > len(before) and all(after[name] is p for name, p in before.items())
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert n_parameters(model) == n_parameters(deep("bert", 2))


@pytest.mark.parametrize(
    ("stages", "at"), [((3, 6), ()), ((3, 7), (0.5,)), ((2, 4, 8), (0.5, 0.5)), ((2, 4), (1.0,)), ((0, 0), (0.5,))]
)
def test_stages_that_make_no_sense_are_refused(stages: Any, at: Any) -> None:
    with pytest.raises(BadRequest):
        Stacking(stages, at)


def test_a_model_of_another_depth_is_refused() -> None:
    with pytest.raises(BadRequest, match="last stage has 12 layers, the model 2"):
        Stacking().begin(deep("bert", 2))


def test_layers_that_cannot_be_moved_are_refused() -> None:
    with pytest.raises(BadRequest, match="layer 0 as the first"):
        with_layers(deep("modernbert", 3), [1, 2])
    with pytest.raises(BadRequest, match="shared in groups"):
        stacked(deep("albert", 4, num_hidden_groups=2))
    with pytest.raises(BadRequest, match="copied one by one"):
        stacked(SandwichBertForMaskedLM(SandwichBertConfig(vocab_size=9, hidden_size=8, num_attention_heads=2,
                                                           num_hidden_layers=2, intermediate_size=8, sandwich=1)))  # fmt: skip
    with pytest.raises(BadRequest, match=r"layers \[2\] of 2"):
        with_layers(deep("bert", 2), [2])


def test_freezing_mode_and_number_format_are_kept() -> None:
    model = deep("bert", 2).to(torch.float64).train()
    model.bert.encoder.layer[1].output.dense.weight.requires_grad_(False)
    double = stacked(model)
    frozen = [k for k, p in double.named_parameters() if not p.requires_grad]
    assert frozen == ["bert.encoder.layer.1.output.dense.weight", "bert.encoder.layer.3.output.dense.weight"]
    assert double.training and double.dtype == torch.float64


def test_making_models_spends_no_random_number() -> None:
    model = deep("bert", 2)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    stacked(model)
    assert torch.equal(before, torch.get_rng_state())


# batches


def test_a_batch_grows_linearly_to_its_size() -> None:
    regime = BatchWarmup(0.25, 0.5)
    assert [regime.tokens(1000, p) for p in (0, 0.25, 0.5, 1)] == [250, 625, 1000, 1000]
    assert BatchWarmup(1e-6, 1).tokens(10, 0) == 1
    for start, over in ((0, 0.1), (2, 0.1), (0.1, 0), (0.1, 1.1)):
        with pytest.raises(BadRequest):
            BatchWarmup(start, over)


def test_phases_change_the_length_when_their_time_comes() -> None:
    phases = Phases()
    assert [phases.layout(Pieces(512, 2), p) for p in (0, 0.899, 0.9, 1)] == [
        Pieces(128, 2), Pieces(128, 2), Pieces(512, 2), Pieces(512, 2),
    ]  # fmt: skip
    assert Phases((8, 16, 32), (0.5, 0.75)).layout(Blocks(), 0.6) == Blocks(16)
    with pytest.raises(BadRequest):
        Phases((128, 512), (0.5, 0.9))


@pytest.mark.parametrize("family", ["bert", "roberta", "roberta-prelayernorm"])
def test_phases_beyond_the_models_positions_are_refused(family: str) -> None:
    shape = Architecture(family, layers=1, heads=2, width=8, feed_forward=8, positions=32, segments=1)
    model = shape.build(tokenizer(), 0)
    assert Phases((16, 32)).begin(model) is model
    with torch.no_grad():
        model(input_ids=torch.full((1, 32), 7))
    with pytest.raises(BadRequest, match="33 subwords, but the model has 32"):
        Phases((16, 33)).begin(model)


def test_the_base_regime_changes_nothing() -> None:
    model, regime = deep("bert", 1), Regime()
    assert regime.end(regime.step(regime.begin(model), 0.5, np.random.default_rng(0))) is model
    assert regime.tokens(7, 0.5) == 7 and regime.layout(Blocks(9), 0.5) == Blocks(9)
    assert replace(LayerDrop(0.3)) == LayerDrop(0.3) and hash(Stacking()) == hash(Stacking())
    for rate in (-0.1, 1.1):
        with pytest.raises(BadRequest):
            LayerDrop(rate)
