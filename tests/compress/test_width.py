"""A narrow encoder computes what the whole does with dimensions masked and its norms taken over the rest; it is smaller, and loads again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModel, AutoModelForSequenceClassification

from bertology.compress.pruning.width import WidthPruning, most_important, narrowed, width_importance
from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import Encoder, head, hidden, load, neuron, wrap
from bertology.encoder.cut import cut
from bertology.encoder.narrow import widths
from bertology.encoder.watch import Watcher
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import batches, encoded, loss_of
from bertology.train.finetune import FineTuning, finetune
from bertology.train.optimizer import Schedule
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAMILIES = ("bert", "roberta", "distilbert", "albert", "modernbert", "electra", "deberta-v2", "mpnet")
KEPT = tuple(i for i in range(32) if i % 3)
GONE = tuple(i for i in range(32) if i not in KEPT)
TEXT = Corpus("width", tuple(sentence(t.split(), f"s{k}") for k, t in enumerate(("The cats sleep .", "Birds sing near the old dog ."))))  # fmt: skip
FAST = FineTuning(epochs=4, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))


def output(encoder: Encoder, text: str = "the cats sit on mats") -> torch.Tensor:
    ids = torch.tensor([encoder.tokenizer(text)["input_ids"]])
    with torch.inference_mode():
        return encoder.model(input_ids=ids, attention_mask=torch.ones_like(ids))[0]


def masked(encoder: Encoder) -> Encoder:
    """The whole with zeros at the dimensions that go, on every axis of the width, and norms over those that stay."""
    twin = tiny(encoder.config.model_type, mlm=encoder.has_mlm)
    _, axes = widths(type(twin.model), twin.config, twin.family)
    stay = torch.tensor(KEPT)
    with torch.no_grad():
        for name, p in twin.model.named_parameters():
            for axis in axes[name]:
                p.index_fill_(axis, torch.tensor(GONE), 0.0)
    for module in twin.model.modules():
        if isinstance(module, nn.LayerNorm) and module.normalized_shape == (32,):
            module.forward = over(module, stay)  # type: ignore[method-assign]
    return twin


def over(norm: nn.LayerNorm, stay: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(states: torch.Tensor) -> torch.Tensor:
        few = states[..., stay]
        unit = (few - few.mean(-1, keepdim=True)) / (few.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
        made = unit * norm.weight[stay] + (0 if norm.bias is None else norm.bias[stay])
        return torch.zeros_like(states).index_copy(-1, stay, made)

    return forward


@pytest.mark.parametrize("family", FAMILIES)
def test_a_narrow_encoder_is_the_masked_one_with_norms_over_the_rest(family: str) -> None:
    whole = tiny(family)
    less = narrowed(whole, KEPT)
    assert less.width == len(KEPT) == less.config.hidden_size
    assert (output(less) - output(masked(whole))).abs().max() < 1e-4 * output(less).abs().max()
    assert (output(less) - output(whole)).abs().max() > 1e-2


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_saved_and_loaded_with_its_width(family: str, tmp_path: Path) -> None:
    less = narrowed(tiny(family), KEPT)
    less.model.save_pretrained(tmp_path)
    less.tokenizer.save_pretrained(tmp_path)
    again = load(tmp_path)
    assert again.has_mlm == less.has_mlm
    assert again.fingerprint == less.fingerprint
    assert (output(again) - output(less)).abs().max() < 1e-6
    stock = AutoModel.from_pretrained(tmp_path)
    assert stock.get_input_embeddings().weight.shape == less.model.get_input_embeddings().weight.shape  # type: ignore[operator]
    assert AutoModelForSequenceClassification.from_pretrained(tmp_path, num_labels=3).num_labels == 3


def test_dimensions_without_weights_go_exactly_where_there_is_no_norm(tmp_path: Path) -> None:
    whole = tiny("mobilebert", mlm=False)  # scales and shifts in place of norms
    _, axes = widths(type(whole.model), whole.config, whole.family)
    with torch.no_grad():
        for name, p in whole.model.named_parameters():
            for axis in axes[name]:
                p.index_fill_(axis, torch.tensor(GONE), 0.0)
    less = narrowed(whole, KEPT)
    assert less.n_parameters < whole.n_parameters
    assert (output(less) - output(whole)[..., KEPT]).abs().max() < 1e-5 * output(whole).abs().max()


def test_a_third_of_the_dimensions_is_a_third_of_every_matrix_that_reads_or_writes_them() -> None:
    whole, less = tiny("bert"), narrowed(tiny("bert"), range(24))
    inner = sum(p.numel() for n, p in whole.model.named_parameters() if n.endswith(("query.bias", "key.bias", "value.bias", "intermediate.dense.bias", "predictions.bias")))  # fmt: skip
    square = 32 * 32  # the language-model head's own map shrinks on both sides
    assert less.n_parameters == (whole.n_parameters - inner - square) * 24 / 32 + inner + 24 * 24
    assert [m.weight.shape for n, m in less.model.named_modules() if n.endswith("self.query")] == [(32, 24)] * 2


def test_narrowing_and_cutting_come_in_any_order(tmp_path: Path) -> None:
    whole = tiny("bert", num_hidden_layers=3)
    sites = (head(1, 0), head(3, 2), neuron(1, 5), hidden(2))
    a, b = cut(narrowed(whole, KEPT), *sites), narrowed(cut(whole, *sites), KEPT)
    c = narrowed(narrowed(cut(whole, *sites), range(1, 32)), [k - 1 for k in KEPT])
    assert torch.equal(output(a), output(b))
    assert torch.equal(output(a), output(c))
    assert a.config.cut == b.config.cut == c.config.cut
    a.model.save_pretrained(tmp_path)
    a.tokenizer.save_pretrained(tmp_path)
    assert torch.equal(output(load(tmp_path)), output(a))


@pytest.mark.parametrize("family", ["bert", "modernbert", "roberta"])
def test_a_layer_without_heads_is_narrowed_saved_and_loaded(family: str, tmp_path: Path) -> None:
    whole = tiny(family)
    both = narrowed(cut(whole, head(2)), range(0, whole.width, 2))
    other = cut(narrowed(whole, range(0, whole.width, 2)), head(2))
    ids = torch.tensor([[5, 9, 11, 7]])
    both.model.save_pretrained(tmp_path)
    both.tokenizer.save_pretrained(tmp_path)
    with torch.inference_mode():
        made = [e.model(input_ids=ids)[0] for e in (both, other, load(tmp_path))]
    assert torch.equal(made[0], made[1]) and torch.equal(made[0], made[2])


def test_the_whole_is_never_touched_and_all_dimensions_are_the_whole() -> None:
    whole = tiny("bert")
    before = whole.fingerprint
    narrowed(whole, KEPT)
    assert wrap(whole.model, whole.tokenizer).fingerprint == before
    assert narrowed(whole, range(32)).fingerprint == before


def planted(dimensions: tuple[int, ...]) -> Encoder:
    """An encoder whose matrices read these dimensions only."""
    encoder = tiny("bert", scale=2.0)
    others = torch.tensor([i for i in range(32) if i not in dimensions])
    with torch.no_grad():
        for norm in (m for m in encoder.model.modules() if isinstance(m, nn.LayerNorm)):
            norm.weight.index_fill_(0, others, 1e-3)
            norm.bias.index_fill_(0, others, 0.0)
    return encoder


def test_dimensions_that_nothing_is_written_to_are_felt_least() -> None:
    felt = width_importance(planted((3, 8, 21)), TEXT)
    assert felt.shape == (32,)
    assert set(most_important(felt, 3)) == {3, 8, 21}
    assert np.array_equal(felt, width_importance(planted((3, 8, 21)), TEXT))
    assert (width_importance(tiny("bert", mlm=False), TEXT) > 0).all()


def test_the_importance_is_the_slope_of_the_loss_in_a_gate() -> None:
    encoder, task = tuned(), some()
    one = replace(task, train=task.train[:1])
    felt = width_importance(encoder, one)
    slope = np.zeros(32)
    for layer in range(encoder.n_layers + 1):
        for d in range(32):
            slope[d] += abs(gated_loss(encoder, one, layer, d, 1e-2) - gated_loss(encoder, one, layer, d, -1e-2)) / 2e-2
    assert np.allclose(felt, slope, rtol=0.03, atol=0.01 * felt.max())


def gated_loss(encoder: Encoder, task: Any, layer: int, dimension: int, by: float) -> float:
    (batch,) = batches(encoded(encoder, task, task.train), task, 8, 0, encoder.device)
    gate = torch.ones(32)
    gate[dimension] += by
    edits = {("hidden", layer): lambda states, _: states * gate}
    watcher = Watcher(encoder.base, encoder.family, 4, encoder.n_layers, frozenset(), edits)
    with torch.inference_mode(), watcher.watching():
        return float(loss_of(encoder.model(**batch.inputs).logits.double(), batch.labels, task))


def tuned() -> Encoder:
    encoder = tiny("bert", scale=3.0)
    return wrap(finetune(encoder, some(), FAST, seeds=1).best.model, encoder.tokenizer, has_mlm=False)  # type: ignore[arg-type]


def test_a_tuned_model_is_narrowed_in_rounds_and_recovers(tmp_path: Path) -> None:
    whole = tuned()
    before = whole.fingerprint
    found = WidthPruning(0.5, rounds=2, recovery=FAST, examples=16)(whole, some())
    assert [r.width for r in found.rounds] == [24, 16]
    assert found.encoder.width == 16
    assert all(r.recovered >= r.cut for r in found.rounds)
    assert wrap(whole.model, whole.tokenizer, has_mlm=False).fingerprint == before
    found.encoder.model.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    ids = torch.tensor([whole.tokenizer("the cats sit")["input_ids"]])
    with torch.inference_mode():
        assert torch.allclose(again(input_ids=ids).logits, found.encoder.model(input_ids=ids).logits, atol=1e-6)


def test_what_cannot_be_narrowed_is_refused() -> None:
    with pytest.raises(BadRequest, match="0 of the 32 hidden dimensions"):
        narrowed(tiny("bert"), [])
    with pytest.raises(BadRequest, match="from 0 to 31"):
        narrowed(tiny("bert"), [32])
    with pytest.raises(NotApplicable, match="convbert follows the width in a way of its own"):
        narrowed(tiny("convbert"), KEPT)
    with pytest.raises(NotApplicable, match="longformer does not run with 21 dimensions"):
        narrowed(tiny("longformer"), KEPT)
    with pytest.raises(NotApplicable, match=r"eurobert does not run with 21 dimensions.*multiple"):
        narrowed(tiny("eurobert"), KEPT)
    with pytest.raises(BadRequest, match="by 'variance'"):
        WidthPruning(by="variance")  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="40 of 32"):
        most_important(np.ones(32), 40)
