"""Architecture variants: what is fixed is fixed, what is sparse is sparse, the rest is untouched, and all of it comes back from disk."""

import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification

from bertology.encoder import Encoder, load, wrap
from bertology.encoder.backend import set_attention
from bertology.encoder.check import check
from bertology.encoder.families import FAMILIES
from bertology.record.errors import BadRequest
from bertology.train.architecture import Architecture, n_parameters
from bertology.train.objectives.mlm import MLM
from bertology.train.pretrain import pretrain
from bertology.train.recipe import Recipe, plain
from bertology.train.regimes import LayerDrop
from bertology.train.variants import (
    PATTERNS,
    AdaptiveSparsity,
    FixedHeads,
    Variant,
    at_equal_parameters,
    grid,
    inverted_bottleneck,
    parameters,
    post_norm,
    pre_norm,
)
from bertology.train.variants.fixed_heads import pattern_weights
from bertology.train.variants.sandwich import ROW
from tests.encoder.tiny import tiny, tokenizer

IDS = torch.tensor([[2, 7, 6, 5, 4, 9, 3], [2, 17, 16, 15, 3, 0, 0]])
MASK = (IDS > 0).long()
VARIANTS: tuple[Variant, ...] = (FixedHeads(("previous", "end")), AdaptiveSparsity())
EXCHANGEABLE = ("bert", "roberta", "distilbert", "albert", "modernbert", "mobilebert", "esm", "eurobert")
SMALL = Architecture(layers=3, heads=4, width=32, feed_forward=48, positions=32, dropout=0.0)


@pytest.fixture(autouse=True)
def sandwich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "sandwich_bert", ROW)


@pytest.fixture(params=VARIANTS, ids=lambda v: v.name)
def variant(request: pytest.FixtureRequest) -> Iterator[Variant]:
    if request.param.name == "adaptive_sparsity":
        pytest.importorskip("entmax")
    yield request.param


def logits(model: Any, mask: Tensor | None = MASK) -> Tensor:
    with torch.no_grad():
        return model(input_ids=IDS, attention_mask=mask)[0]


def verdicts(encoder: Encoder) -> dict[str, str]:
    return {c.name: c.verdict for c in check(encoder)}


def weights(model: Any, mask: Tensor | None = MASK) -> list[Tensor]:
    set_attention(model, "eager")
    with torch.no_grad():
        return list(model(input_ids=IDS, attention_mask=mask, output_attentions=True).attentions)


# fixed heads


def test_each_pattern_looks_where_its_name_says() -> None:
    by_hand = {
        "current": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
        "previous": [[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]],
        "next": [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1]],
        "left": [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [1 / 9, 8 / 9, 0, 0]],
        "right": [[0, 0, 8 / 9, 1 / 9], [0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]],
        "start": [[0.64, 0.27, 0.08, 0.01]] * 4,
        "end": [[0.01, 0.08, 0.27, 0.64]] * 4,
    }
    assert by_hand.keys() == PATTERNS.keys()
    made = pattern_weights(tuple(by_hand), torch.ones(1, 1, 4, 4, dtype=torch.bool))
    torch.testing.assert_close(made[0], torch.tensor(list(by_hand.values()), dtype=torch.float32))


def test_a_pattern_stays_within_its_example_of_a_shared_row() -> None:
    example = torch.tensor([0, 0, 0, 1, 1, 1, 1])
    sees = (example[:, None] == example[None])[None, None]
    made = pattern_weights(tuple(PATTERNS), sees)[0]
    for part in (slice(0, 3), slice(3, 7)):
        n = part.stop - part.start
        alone = pattern_weights(tuple(PATTERNS), torch.ones(1, 1, n, n, dtype=torch.bool))[0]
        torch.testing.assert_close(made[:, part, part], alone)
    assert bool((made.sum(-1) - 1).abs().max() < 1e-6)


def test_fixed_heads_attend_as_set_in_every_layer() -> None:
    model = FixedHeads(("previous", "next", "end")).apply(tiny("bert").model)
    for layer in weights(model, None):
        assert torch.equal(layer[:, 0].argmax(-1), torch.tensor([[0, 0, 1, 2, 3, 4, 5]] * 2))
        assert torch.equal(layer[:, 1].argmax(-1), torch.tensor([[1, 2, 3, 4, 5, 6, 6]] * 2))
        assert torch.equal(layer[:, :2].amax(-1), torch.ones(2, 2, 7))
        torch.testing.assert_close(layer[0, 2, 0], torch.arange(1, 8).float() ** 3 / 784)
    end_of_the_short_one = weights(model)[0][1, 2, 0]
    torch.testing.assert_close(end_of_the_short_one, torch.tensor([1, 8, 27, 64, 125, 0, 0]) / 225)


@pytest.mark.parametrize("backend", ["eager", "sdpa"])
def test_learned_heads_are_untouched_by_fixed_ones(backend: str) -> None:
    plain_model, model = tiny("bert").model, FixedHeads(("previous",)).apply(tiny("bert").model)
    seen: list[Tensor] = []
    for each in (plain_model, model):
        set_attention(each, backend)
        first = each.bert.encoder.layer[0].attention.output.dense
        handle = first.register_forward_pre_hook(lambda module, args: seen.append(args[0].unflatten(-1, (4, 8))))
        logits(each)
        handle.remove()
    torch.testing.assert_close(seen[0][:, :, 1:], seen[1][:, :, 1:], atol=1e-6, rtol=1e-5)
    assert not torch.allclose(seen[0][:, :, 0], seen[1][:, :, 0], atol=1e-2)


def test_every_head_may_be_fixed_and_no_more() -> None:
    model = FixedHeads(("current", "previous", "next", "start")).apply(tiny("bert").model)
    with_sdpa = logits(model)
    set_attention(model, "eager")
    torch.testing.assert_close(with_sdpa, logits(model), atol=1e-5, rtol=1e-5)
    with pytest.raises(BadRequest, match="5 patterns for 4 heads"):
        FixedHeads(("current",) * 5).apply(tiny("bert").model)
    with pytest.raises(BadRequest, match="no pattern 'up'"):
        FixedHeads(("up",))


def test_a_fixed_head_reads_by_learned_values_and_learns_no_query() -> None:
    model = FixedHeads(("previous",)).apply(tiny("bert").model)
    model(input_ids=IDS, attention_mask=MASK)[0].square().sum().backward()
    attention_of = model.bert.encoder.layer[0].attention.self
    by_head = lambda linear: linear.weight.grad.unflatten(0, (4, 8)).abs().amax((1, 2))
    assert by_head(attention_of.query)[0] == 0 and bool((by_head(attention_of.query)[1:] > 0).all())
    assert bool((by_head(attention_of.value) > 0).all())


# adaptively sparse attention


def test_entmax_rows_sum_to_one_and_have_exact_zeros() -> None:
    pytest.importorskip("entmax")
    model = AdaptiveSparsity().apply(tiny("bert").model)
    for layer in weights(model):
        torch.testing.assert_close(layer.sum(-1), torch.ones(2, 4, 7))
        assert bool((layer[:1] == 0).any()) and bool((layer >= 0).all())
        assert bool((layer[1, :, :, 5:] == 0).all()), "padding"


def test_alpha_of_each_head_sets_its_sparsity() -> None:
    """1.5-entmax of (0, 1) and sparsemax of (0, 0.5), by hand; towards 1 it is a softmax."""
    pytest.importorskip("entmax")
    part = AdaptiveSparsity().part(3)
    part.logit.data = torch.tensor([0.0, 40.0, -40.0])
    assert part.alpha.tolist() == pytest.approx([1.5, 2.0, 1.01])
    scores = torch.tensor([[0.0, 1.0], [0.0, 0.5], [0.0, 1.0]])[None, :, None]
    made = part.weights(scores, None)[0, :, 0]
    root = (7**0.5 - 1) / 4  # of r^2 + (r + 1/2)^2 = 1
    assert made[0].tolist() == pytest.approx([root**2, (root + 0.5) ** 2], abs=1e-5)
    assert made[1].tolist() == pytest.approx([0.25, 0.75], abs=1e-5)
    assert made[2].tolist() == pytest.approx(scores[0, 2, 0].softmax(-1).tolist(), abs=5e-3)


@pytest.mark.parametrize("backend", ["eager", "sdpa"])
def test_alpha_receives_the_gradient_of_finite_differences(backend: str) -> None:
    pytest.importorskip("entmax")
    model = AdaptiveSparsity().apply(tiny("bert", scale=3.0).model).eval()
    set_attention(model, backend)
    target = torch.randn(2, 7, model.config.vocab_size, generator=torch.Generator().manual_seed(0))
    loss = lambda: (model(input_ids=IDS, attention_mask=MASK)[0] * target).sum()
    loss().backward()
    logit = model.bert.encoder.layer[0].attention.self.attention_variant.logit
    assert bool((logit.grad != 0).all())
    with torch.no_grad():
        for h in range(4):
            sides = []
            for change in (0.02, -0.04):
                logit[h] += change
                sides.append(float(loss()))
            logit[h] += 0.02
            assert float(logit.grad[h]) == pytest.approx((sides[0] - sides[1]) / 0.04, rel=0.05, abs=0.05)


# any attention variant


@pytest.mark.parametrize("family", EXCHANGEABLE)
def test_a_variant_changes_any_family_alike_under_both_backends_and_survives_the_disk(
    family: str, variant: Variant, tmp_path: Path
) -> None:
    before = tiny(family).model
    model = variant.apply(tiny(family).model)
    if isinstance(variant, AdaptiveSparsity):  # alphas that a fresh model would not have
        for name, p in model.named_parameters():
            if name.endswith("attention_variant.logit"):
                torch.nn.init.uniform_(p, -1, 1)
    with_sdpa = logits(model)
    assert not torch.allclose(with_sdpa, logits(before), atol=1e-4)
    assert torch.equal(with_sdpa, logits(deepcopy(model)))
    model.save_pretrained(tmp_path / "once")
    AutoModelForMaskedLM.from_pretrained(tmp_path / "once").save_pretrained(tmp_path / "twice")
    for place in ("once", "twice"):
        assert torch.equal(with_sdpa, logits(AutoModelForMaskedLM.from_pretrained(tmp_path / place).eval()))
        assert f'"attn_implementation": "{variant.name}"' in (tmp_path / place / "config.json").read_text()
    trunk = AutoModel.from_pretrained(tmp_path / "twice").eval()
    assert torch.equal(logits(trunk), logits(model.base_model))
    set_attention(model, "eager")
    torch.testing.assert_close(with_sdpa, logits(model), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", ["bert", "albert", "modernbert"])
def test_an_encoder_reads_and_edits_the_attention_that_a_variant_uses(family: str, variant: Variant) -> None:
    """A head's output is its attention times its values, and who is silenced is not heard: what is shown is what is done."""
    encoder = tiny(family)
    assert set(verdicts(wrap(variant.apply(encoder.model), encoder.tokenizer)).values()) == {"holds"}


def test_a_backend_that_was_read_from_a_layer_can_be_set_again() -> None:
    model = FixedHeads(("current",)).apply(tiny("bert").model)
    layer = model.bert.encoder.layer[1].attention.self
    before, with_sdpa = layer.config._attn_implementation, logits(model)
    set_attention(model, "eager")
    assert layer.config._attn_implementation == "fixed_heads|eager"
    layer.config._attn_implementation = before
    assert model.config._attn_implementation == "sdpa"
    assert torch.equal(with_sdpa, logits(model))


def test_a_family_that_computes_attention_inside_is_refused() -> None:
    for family in ("deberta-v2", "fnet", "roformer"):
        with pytest.raises(BadRequest, match="cannot be replaced"):
            FixedHeads(("current",)).apply(tiny(family).model)


def test_a_model_takes_one_variant() -> None:
    model = FixedHeads(("current",)).apply(tiny("bert").model)
    with pytest.raises(BadRequest, match="'fixed_heads' already"):
        FixedHeads(("next",)).apply(model)


def test_a_program_that_knows_no_variants_refuses_the_checkpoint(tmp_path: Path) -> None:
    FixedHeads(("current",)).apply(tiny("bert").model).save_pretrained(tmp_path)
    code = f"from transformers import AutoModelForMaskedLM as A; A.from_pretrained({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode and 'attn_implementation="fixed_heads"' in done.stderr


def test_an_architecture_with_a_variant_is_trained_by_the_loop_and_loaded(variant: Variant, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the cats near the old dog sleep .\nbirds sing and dogs bark .\n\n" * 40)
    shape = replace(SMALL, layers=2, variant=variant)
    recipe = Recipe("tiny", (), shape, objectives=(MLM(),), tokens_per_step=256, vocabulary=80)
    recipe = replace(recipe, layout=replace(recipe.layout, length=32), optimizer=replace(recipe.optimizer, rate=1e-2))
    done = pretrain(recipe, [text], tmp_path / "run", tokens=2000, checkpoints=2)
    encoder = load(done.model)
    parts = [m for name, m in encoder.model.named_modules() if name.endswith("attention_variant")]
    assert len(parts) == 2
    if isinstance(variant, FixedHeads):
        assert encoder.model.config.attention_variant["patterns"] == ["previous", "end"]
    else:
        assert all(bool((part.logit != 0).all()) for part in parts)
    classifier = AutoModelForSequenceClassification.from_config(deepcopy(encoder.config))
    assert sum(name.endswith("attention_variant") for name, _ in classifier.named_modules()) == 2


def test_a_variant_draws_the_weights_of_the_plain_model() -> None:
    plain_model = SMALL.build(tokenizer(), 3).state_dict()
    fixed = replace(SMALL, variant=FixedHeads(("next",))).build(tokenizer(), 3).state_dict()
    assert plain_model.keys() == fixed.keys() and all(torch.equal(fixed[k], plain_model[k]) for k in plain_model)


def test_a_variant_or_regime_adds_to_a_recipes_identity_and_their_absence_does_not() -> None:
    base = Recipe("r", (), SMALL)
    assert "variant" not in plain(SMALL) and "regimes" not in base.identity
    assert plain(replace(SMALL, variant=FixedHeads(("next",))))["variant"] == {"": "FixedHeads", "patterns": ["next"]}
    assert replace(base, regimes=(LayerDrop(),)).identity["regimes"] == [{"": "LayerDrop", "rate": 0.2}]


# sandwich order


def sandwiched(k: int, layers: int = 4, **options: Any) -> Any:
    shape = replace(SMALL, family="sandwich_bert", layers=layers, options=(("sandwich", k),))
    return shape.build(tokenizer(), 1, **options).eval()


def test_a_sandwich_of_zero_is_bert() -> None:
    bert = replace(SMALL, layers=4).build(tokenizer(), 1).eval()
    assert {k: v.tolist() for k, v in bert.state_dict().items()} == {
        k: v.tolist() for k, v in sandwiched(0).state_dict().items()
    }
    assert torch.equal(logits(sandwiched(0)), logits(bert))


@pytest.mark.parametrize(("k", "order"), [(0, "sfsfsfsf"), (1, "ssfsfsff"), (2, "sssfsfff"), (3, "ssssffff")])
def test_sublayers_run_in_the_order_of_the_formula(k: int, order: str) -> None:
    """s^k (sf)^(4-k) f^k, each sublayer once, in the order of its number."""
    model, ran = sandwiched(k), []
    for i, layer in enumerate(model.bert.encoder.layer):
        layer.attention.register_forward_hook(lambda *_, i=i: ran.append(f"s{i}"))
        layer.output.register_forward_hook(lambda *_, i=i: ran.append(f"f{i}"))
    logits(model)
    assert "".join(name[0] for name in ran) == order
    assert [n for n in ran if n[0] == "s"] == ["s0", "s1", "s2", "s3"]
    assert [n for n in ran if n[0] == "f"] == ["f0", "f1", "f2", "f3"]


def test_sandwiches_have_the_same_parameters_and_other_functions() -> None:
    models = [sandwiched(k) for k in range(4)]
    assert len({n_parameters(m) for m in models}) == 1
    assert all(torch.equal(a, b) for m in models for a, b in zip(m.parameters(), models[0].parameters(), strict=True))
    with torch.no_grad():
        for p in (p for m in models for p in m.parameters() if p.ndim == 2):
            p.mul_(6)
    made = [logits(m) for m in models]
    assert all(not torch.allclose(made[i], made[j], atol=1e-2) for i in range(4) for j in range(i))


def test_a_sandwich_survives_the_disk_and_is_read_like_bert(tmp_path: Path) -> None:
    model = sandwiched(2)
    model.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    assert torch.equal(logits(model), logits(AutoModelForMaskedLM.from_pretrained(tmp_path).eval()))
    encoder = load(tmp_path)
    assert (encoder.n_layers, encoder.n_heads) == (4, 4) and encoder.model.config.sandwich == 2
    assert set(verdicts(encoder).values()) == {"holds"}
    states = model(input_ids=IDS, output_hidden_states=True).hidden_states
    assert len(states) == 5
    classifier = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert type(classifier.bert.encoder).__name__ == "SandwichEncoder"


def test_a_sandwich_of_all_layers_is_refused() -> None:
    with pytest.raises(BadRequest, match="coefficient of 4 for 4 layers"):
        sandwiched(4)


# shapes


def test_a_grid_has_every_combination_and_keeps_the_ratio() -> None:
    shapes = grid(replace(SMALL, width=64, feed_forward=256), depth=(2, 4, 8), heads=(1, 4, 8), width=(128, 256))
    assert len(set(shapes)) == 18
    assert {(s.layers, s.heads, s.width) for s in shapes} == {
        (d, h, w) for d in (2, 4, 8) for h in (1, 4, 8) for w in (128, 256)
    }
    assert all(s.feed_forward == 4 * s.width for s in shapes)
    assert [s.layers for s in grid(SMALL, depth=(1, 2))] == [1, 2]
    with pytest.raises(BadRequest, match="width 30 is no multiple of 4"):
        grid(SMALL, width=(30,))


@pytest.mark.parametrize("family", ["bert", "albert", "modernbert", "distilbert"])
@pytest.mark.parametrize("by", ["width", "feed_forward"])
def test_shapes_at_equal_parameters_differ_by_half_a_neuron_a_layer(family: str, by: Any) -> None:
    base = Architecture(family, heads=4, width=64, feed_forward=256, positions=64)
    for layers in (2, 5):
        n = 400_000 if by == "width" else 330_000
        shape = at_equal_parameters(replace(base, layers=layers), n, tokenizer(), by=by)
        assert (shape.layers, shape.heads, shape.family) == (layers, 4, family)
        assert by == "width" or shape.width == 64
        copies = 1 if family == "albert" else layers
        neuron = 3 * shape.width if family == "modernbert" else 2 * shape.width + 1
        assert abs(parameters(shape, tokenizer()) - n) <= copies * neuron / 2
        assert parameters(shape, tokenizer()) == n_parameters(shape.build(tokenizer(), 0))
        if by == "width":
            assert 0.4 < shape.feed_forward / (4 * shape.width) < 2.5


def test_parameters_that_no_feed_forward_reaches_are_refused() -> None:
    with pytest.raises(BadRequest, match="without any feed-forward"):
        at_equal_parameters(SMALL, 100, tokenizer(), by="feed_forward")


def test_norms_stand_before_or_behind_and_all_else_is_equal() -> None:
    """Blown-up sublayers: pre-norm states grow with depth, post-norm states do not."""
    sizes = {}
    for place in (pre_norm, post_norm):
        model = place(replace(SMALL, layers=4)).build(tokenizer(), 0).eval()
        assert model.config.max_position_embeddings == 34
        with torch.no_grad():
            for name, p in model.named_parameters():
                if p.ndim == 2 and "embeddings" not in name:
                    p.mul_(20)
        full = torch.full((1, 32), 7)
        states = model(input_ids=full, output_hidden_states=True).hidden_states
        sizes[place] = [float(s.detach().norm(dim=-1).mean()) for s in states[:-1]]
    assert sizes[pre_norm][-1] > 3 * sizes[pre_norm][0]
    assert sizes[post_norm][-1] == pytest.approx(sizes[post_norm][0], rel=0.05)
    pre, post = (parameters(place(SMALL), tokenizer()) for place in (pre_norm, post_norm))
    assert pre - post == 2 * SMALL.width


def test_an_inverted_bottleneck_is_narrow_within_and_wide_between(tmp_path: Path) -> None:
    shape = inverted_bottleneck(layers=2, heads=2, width=48, bottleneck=16, feed_forwards=3, embedding=24, positions=32)
    model = shape.build(tokenizer(), 0).eval()
    layer = model.mobilebert.encoder.layer[0]
    assert layer.attention.self.query.in_features == 16 and layer.output.bottleneck.dense.out_features == 48
    assert len(layer.ffn) == 2  # and the last of the three is the block's own
    assert layer.intermediate.dense.out_features == 64
    model.save_pretrained(tmp_path)
    assert torch.equal(logits(model), logits(AutoModelForMaskedLM.from_pretrained(tmp_path).eval()))
    n = parameters(inverted_bottleneck(), tokenizer())
    assert n < parameters(Architecture(layers=6, heads=4, width=256, feed_forward=1024), tokenizer()) / 2
    with pytest.raises(BadRequest, match="bottleneck of 15"):
        inverted_bottleneck(bottleneck=15)


def test_a_sandwich_config_is_found_by_its_name() -> None:
    assert AutoConfig.for_model("sandwich_bert", sandwich=1).sandwich == 1
