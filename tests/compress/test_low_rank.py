"""Factored matrices compute what their product does, take fewer parameters, are the best of their rank, and load again."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification

from bertology.compress.factors.low_rank import Weighing, fisher, input_moments, low_rank, ranks
from bertology.compress.pruning.width import narrowed
from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import Encoder, head, hidden, load, neuron, wrap
from bertology.encoder.cut import cut
from bertology.encoder.narrow import TiedDecoder
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.finetune import FineTuning, finetune
from bertology.train.optimizer import Schedule
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAMILIES = ("bert", "roberta", "distilbert", "albert", "modernbert", "electra", "deberta-v2", "fnet")
TEXT = Corpus("ranks", tuple(sentence(t.split(), f"s{k}") for k, t in enumerate(("The cats sleep .", "Birds sing near the old dog .", "Anna sits on mats ."))))  # fmt: skip


def output(encoder: Encoder, text: str = "the cats sit on mats") -> torch.Tensor:
    ids = torch.tensor([encoder.tokenizer(text)["input_ids"]])
    with torch.inference_mode():
        return encoder.model(input_ids=ids, attention_mask=torch.ones_like(ids))[0]


def product(less: Encoder, whole: Encoder) -> Encoder:
    """The whole with each factored matrix's product as its weights."""
    twin = tiny(whole.config.model_type, mlm=whole.has_mlm)
    with torch.no_grad():
        for path in ranks(less.model):
            twin.base.get_submodule(path).weight.copy_(less.base.get_submodule(path).weight)  # type: ignore[union-attr,operator]
    return twin


@pytest.mark.parametrize("family", FAMILIES)
def test_factored_matrices_compute_what_their_product_does(family: str, tmp_path: Path) -> None:
    whole = tiny(family)
    less = low_rank(whole, share=0.5, matrices="all")
    assert less.n_parameters < whole.n_parameters
    assert (output(less) - output(product(less, whole))).abs().max() < 1e-5 * output(whole).abs().max()
    assert (output(less) - output(whole)).abs().max() > 1e-2
    less.model.save_pretrained(tmp_path)
    less.tokenizer.save_pretrained(tmp_path)
    again = load(tmp_path)
    assert again.fingerprint == less.fingerprint
    assert again.has_mlm == less.has_mlm
    assert ranks(again.model) == ranks(less.model)
    assert (output(again) - output(less)).abs().max() < 1e-6
    if whole.has_mlm:
        assert isinstance(less.model.get_output_embeddings(), TiedDecoder)  # type: ignore[operator]
        stock = AutoModelForMaskedLM.from_pretrained(tmp_path)
        assert stock.num_parameters() == less.model.num_parameters()  # type: ignore[operator]
    assert AutoModelForSequenceClassification.from_pretrained(tmp_path, num_labels=3).num_labels == 3


def test_a_matrix_of_full_rank_would_save_nothing_and_stays() -> None:
    whole = tiny("bert")
    assert low_rank(whole, rank=32).fingerprint == whole.fingerprint
    assert low_rank(whole, energy=1.0).fingerprint == whole.fingerprint


def test_what_has_the_rank_already_is_kept_exactly() -> None:
    whole = tiny("bert")
    dice = torch.Generator().manual_seed(0)
    table = whole.base.get_input_embeddings().weight  # type: ignore[operator]
    with torch.no_grad():
        table.copy_(torch.randn(len(table), 6, generator=dice) @ torch.randn(6, 32, generator=dice))
    for by in (Weighing(), input_moments(whole, TEXT)):
        less = low_rank(whole, rank=6, matrices="embeddings", by=by)
        assert ranks(less.model) == {"embeddings.word_embeddings": 6}
        assert (output(less) - output(whole)).abs().max() < 1e-4 * output(whole).abs().max()


def test_the_sizes_are_those_that_were_asked_for() -> None:
    whole = tiny("bert")
    matrices = sum(m.weight.numel() for n, m in whole.base.named_modules() if n.startswith("encoder") and hasattr(m, "in_features"))  # type: ignore[union-attr,operator]  # fmt: skip
    half = low_rank(whole, share=0.5)
    assert 0.45 * matrices <= matrices - (whole.n_parameters - half.n_parameters) <= 0.5 * matrices
    for budget in (12_000, 16_000, 20_000):
        assert 0.97 * budget < low_rank(whole, parameters=budget, matrices="all").n_parameters <= budget
    kept = low_rank(whole, energy=0.6)
    for path, rank in ranks(kept.model).items():
        values = torch.linalg.svdvals(whole.base.get_submodule(path).weight).square()  # type: ignore[arg-type]
        assert values[:rank].sum() >= 0.6 * values.sum() > values[: rank - 1].sum()


def error(less: Encoder, whole: Encoder, path: str, moments: np.ndarray, rows: np.ndarray) -> float:
    gap = (whole.base.get_submodule(path).weight - less.base.get_submodule(path).weight).detach().double()  # type: ignore[union-attr,operator]
    c, d = torch.as_tensor(moments), torch.as_tensor(rows)
    return float((d[:, None] * (gap @ c) * gap).sum())


@pytest.mark.parametrize("path", ["encoder.layer.0.output.dense", "encoder.layer.0.intermediate.dense"])
def test_each_weighing_is_the_best_by_its_own_measure(path: str) -> None:
    whole = tiny("bert")
    moments, rows = input_moments(whole, TEXT).inputs[path], fisher(whole, TEXT).rows[path]
    plain, read, worth = (
        low_rank(whole, rank=8, by=by) for by in (Weighing(), Weighing({path: moments}), Weighing({}, {path: rows}))
    )
    both = low_rank(whole, rank=8, by=Weighing({path: moments}, {path: rows}))
    eye, ones = np.eye(len(moments)), np.ones(len(rows))
    for c, d, best in ((eye, ones, plain), (moments, ones, read), (eye, rows, worth), (moments, rows, both)):
        others = [one for one in (plain, read, worth, both) if one is not best]
        assert all(error(best, whole, path, c, d) < error(one, whole, path, c, d) for one in others)


def test_second_moments_are_those_of_what_a_matrix_reads() -> None:
    whole = tiny("bert")
    found = input_moments(whole, TEXT)
    seen = [whole.observe(b, frozenset((neuron(1),))).neuron(1)[b.mask].double() for b in whole.batches(TEXT)]
    read = torch.cat(seen)
    assert np.allclose(found.inputs["encoder.layer.0.output.dense"], read.T @ read / len(read), atol=1e-6)
    counts = found.inputs["embeddings.word_embeddings"]
    assert counts[whole.tokenizer.cls_token_id] == 1 + len(TEXT)


def test_fisher_information_is_the_mean_square_of_an_examples_slope() -> None:
    encoder, task = tiny("bert", scale=3.0), some()
    fast = FineTuning(epochs=1, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))
    tuned = wrap(finetune(encoder, task, fast).best.model, encoder.tokenizer, has_mlm=False)  # type: ignore[arg-type]
    two = task.limited(2)
    found = fisher(tuned, two, matrices="layers").rows["encoder.layer.1.output.dense"]
    weight = tuned.base.get_submodule("encoder.layer.1.output.dense").weight
    by_hand = torch.zeros(32)
    for example in two.train:
        given = tuned.tokenizer(example.texts[0], return_tensors="pt")
        loss = tuned.model(**given, labels=torch.tensor([two.labels.index(example.label)])).loss  # type: ignore[operator]
        by_hand += torch.autograd.grad(loss, weight)[0].square().sum(1) / 2  # type: ignore[arg-type]
    assert np.allclose(found, by_hand, rtol=1e-3)


def test_factoring_cutting_and_narrowing_come_in_any_order(tmp_path: Path) -> None:
    whole = tiny("bert", num_hidden_layers=3)
    less = low_rank(whole, rank=5, matrices="all")
    sites = (head(1, 0), head(3, 2), neuron(1, 5), hidden(2))
    a, b = narrowed(cut(less, *sites), range(24)), cut(narrowed(less, range(24)), *sites)
    assert torch.equal(output(a), output(b))
    assert a.config.cut == b.config.cut
    assert set(ranks(a.model).values()) == {5}
    a.model.save_pretrained(tmp_path)
    a.tokenizer.save_pretrained(tmp_path)
    assert (output(load(tmp_path)) - output(a)).abs().max() < 1e-6


def test_a_factored_encoder_is_tuned_and_the_whole_is_never_touched() -> None:
    whole = tiny("bert")
    before = whole.fingerprint
    less = low_rank(whole, rank=4, matrices="all", by=input_moments(whole, TEXT))
    assert wrap(whole.model, whole.tokenizer).fingerprint == before
    model = finetune(less, some(), FineTuning(epochs=1, batch=8)).best.model
    assert ranks(model) == ranks(less.model)


def test_what_cannot_be_factored_is_refused() -> None:
    whole = tiny("bert")
    with pytest.raises(BadRequest, match="share and rank was given"):
        low_rank(whole, share=0.5, rank=3)
    with pytest.raises(BadRequest, match="no size was given"):
        low_rank(whole)
    with pytest.raises(BadRequest, match=r"a share of 1\.5"):
        low_rank(whole, share=1.5)
    with pytest.raises(BadRequest, match=r"of rank 1 has [\d,]+ parameters, 100 were asked"):
        low_rank(whole, parameters=100)
    with pytest.raises(BadRequest, match="no matrices 'heads'"):
        low_rank(whole, rank=3, matrices="heads")  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match=r"an array of shape \(3,\)"):
        low_rank(whole, rank=3, by=Weighing({"encoder.layer.0.output.dense": np.ones(3)}))
    with pytest.raises(NotApplicable, match="not factored already"):
        low_rank(low_rank(whole, rank=3, matrices="embeddings"), rank=2, matrices="embeddings")
