"""Texts of a pair read apart; labels drawn and rewarded."""

from dataclasses import replace

import pytest
import torch

from bertology.record.errors import BadRequest
from bertology.train.classifier import evaluate
from bertology.train.finetune import FineTuning, encoded_parts, finetune
from bertology.train.optimizer import Schedule
from bertology.train.task import Example, Task, task
from bertology.train.techniques.policy import PolicyGradient
from bertology.train.techniques.siamese import Siamese, texts_of
from tests.encoder.tiny import tiny
from tests.train.test_techniques import batch_of, some, tuning_of

FAST = FineTuning(epochs=12, batch=8, rate=3e-3, schedule=Schedule(0.0, "constant"))


def pairs(n: int = 60) -> Task:
    """Whether both texts name cats, or only one of them."""
    word = lambda k: ("the cats sat", "the dog sings")[k]
    made = [
        (f"{word(k % 2)} {'abcdefghij'[k % 10]}", f"{word(k // 2 % 2)} {'klmnop'[k % 6]} {'xyzvw'[k // 6 % 5]}")
        for k in range(n)
    ]
    return task("pairs", [Example(m, "same" if ("cats" in m[0]) == ("cats" in m[1]) else "other") for m in made])


@pytest.mark.parametrize("family", ["bert", "roberta", "modernbert"])
def test_each_text_is_read_as_if_it_stood_alone(family: str) -> None:
    encoder = tiny(family)
    tokenizer = encoder.tokenizer
    both = [("the cats sat", "a b c"), ("a", "the dog sings .")]
    made = tokenizer([p[0] for p in both], [p[1] for p in both], padding=True, return_tensors="pt")
    ids = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id
    for k, (found, mask) in enumerate(texts_of(made["input_ids"], made["attention_mask"], *ids)):
        alone = [tokenizer(p[k])["input_ids"] for p in both]
        assert [line[m.bool()].tolist() for line, m in zip(found, mask, strict=True)] == alone


def test_what_one_text_says_does_not_reach_the_other() -> None:
    tuning = tuning_of(tiny("bert"), pairs(), Siamese())
    tuning.model.eval()
    batch = batch_of(tuning.encoder, pairs(), 2)
    seen: list[torch.Tensor] = []
    tuning.model.siamese_head.register_forward_pre_hook(lambda module, args: seen.append(args[0]))  # type: ignore[union-attr,operator]
    tuning.logits(batch)
    last = int(batch.inputs["attention_mask"][0].sum()) - 2
    ids = batch.inputs["input_ids"].clone()
    ids[0, last] = ids[0, 1]
    tuning.logits(replace(batch, inputs={**batch.inputs, "input_ids": ids}))
    width = tuning.encoder.width
    u, v = (
        (a - b).abs().max()
        for a, b in zip(seen[0][0, : 2 * width].chunk(2), seen[1][0, : 2 * width].chunk(2), strict=True)
    )
    assert u < 1e-6 < v


def test_a_siamese_model_learns_and_is_scored_apart() -> None:
    tuned = finetune(tiny("bert"), pairs(), replace(FAST, techniques=(Siamese(),)), seeds=1)
    assert not tuned.recipe.plain
    lines = encoded_parts(tiny("bert"), pairs())["train"]
    right, _ = evaluate(tuned.best.model, lines, pairs(), 0, tiny("bert").device, pairs().train)
    assert right.mean() > 0.8


def test_siamese_needs_pairs() -> None:
    with pytest.raises(BadRequest, match="no pairs"):
        tuning_of(tiny("bert"), some(), Siamese())


def test_the_policy_gradient_is_that_of_expected_accuracy() -> None:
    tuning = tuning_of(tiny("bert"), some(), PolicyGradient())
    batch = batch_of(tuning.encoder, some(), 4)
    logits = torch.tensor([[0.3, -0.2], [1.0, 0.5], [-1.0, 0.2], [0.0, 0.0]], requires_grad=True)
    torch.manual_seed(0)
    mean = torch.zeros_like(logits)
    for _ in range(4000):
        (slope,) = torch.autograd.grad(tuning.loss(batch, logits), logits)
        mean += slope / 4000
    expected = -logits.softmax(-1).gather(1, batch.labels[:, None]).mean()
    (slope,) = torch.autograd.grad(expected, logits)
    assert torch.allclose(mean, slope, atol=0.01) and slope.abs().max() > 0.04


@pytest.mark.parametrize("kind", ["sentence", "token"])
def test_policy_gradient_learns(kind: str) -> None:
    tuned = finetune(tiny("bert"), some(kind), replace(FAST, techniques=(PolicyGradient(),)), seeds=1)
    assert tuned.estimate.value > 0.7 and tuned.recipe.plain


def test_policy_gradient_needs_labels() -> None:
    with pytest.raises(BadRequest, match="no labels"):
        tuning_of(tiny("bert"), some("regression"), PolicyGradient())
