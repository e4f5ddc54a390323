"""Fewer bits by hand; a short model that takes over."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from bertology.compress.quantise import QuantisationAware, curvature, gobo, mixed_precision, uniform
from bertology.compress.teaching.replace_modules import Theseus, successor
from bertology.record.errors import BadRequest
from bertology.train.classifier import batches, classifier, encoded, loss_of
from bertology.train.finetune import FineTuning, finetune
from bertology.train.optimizer import Schedule
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAST = FineTuning(epochs=4, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))


def test_rounding_by_hand() -> None:
    weight = torch.tensor([[1.0, -0.4], [0.1, 0.02]])
    stored = uniform(weight, 2)  # levels -1, 0, 1 times 1.0
    assert stored.weight.tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert stored.bits == 2 * 4 + 32
    grouped = uniform(weight, 2, group=1)
    assert torch.allclose(grouped.weight, torch.tensor([[1.0, 0.0], [0.1, 0.0]]))
    assert grouped.bits == 2 * 4 + 64
    with pytest.raises(BadRequest, match="17 bits"):
        uniform(weight, 17)


def test_more_bits_are_nearer_and_eight_are_near() -> None:
    weight = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    errors = [float((uniform(weight, b).weight - weight).abs().mean()) for b in (2, 4, 8)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 0.01


def test_gobo_keeps_outliers_and_few_values_and_beats_rounding_at_its_bits() -> None:
    rng = torch.Generator().manual_seed(0)
    weight = 0.04 * torch.randn(100, 100, generator=rng)
    weight[0, 0] = 3.0
    stored = gobo(weight, 3)
    assert stored.weight[0, 0] == 3.0
    inner = stored.weight.flatten()[1:]
    same = (inner[:, None] == weight.flatten()[1:][:, None]).flatten()
    assert len(torch.unique(inner[~same])) <= 8
    assert (stored.weight - weight).abs().mean() < 0.5 * (uniform(weight, 3).weight - weight).abs().mean()
    assert 3 < stored.bits / weight.numel() < 4.2


def test_tuning_with_rounded_weights_ends_with_weights_that_are_rounded() -> None:
    tuned = finetune(tiny("bert"), some(), replace(FAST, techniques=(QuantisationAware(4),)), seeds=1).best.model
    weight = tuned.base_model.encoder.layer[0].output.dense.weight  # type: ignore[union-attr,index]
    assert len(torch.unique(weight)) <= 15
    assert torch.allclose(uniform(weight, 4).weight, weight, atol=1e-6)


def test_a_rounded_model_is_transformers_own(tmp_path: Path) -> None:
    task, encoder = some(), tiny("bert")
    model: Any = finetune(encoder, task, replace(FAST, techniques=(QuantisationAware(8),)), seeds=1).best.model
    model.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())


def test_curvature_is_the_top_eigenvalue_of_a_matrix_alone() -> None:
    task, encoder = some("regression"), tiny("bert")
    model: Any = classifier(encoder, task, 0).double().eval()
    (batch,) = list(batches(encoded(encoder, task, task.dev), task, 64, 0, encoder.device))
    batch = replace(batch, labels=batch.labels.double())
    weight = model.classifier.weight
    found = curvature(model, task, [batch], {"head": weight}, draws=30)["head"]
    flat = weight.detach().clone().requires_grad_()

    def loss(w: torch.Tensor) -> torch.Tensor:
        given = dict(model.named_parameters()) | {"classifier.weight": w}
        return loss_of(torch.func.functional_call(model, given, (), batch.inputs).logits, batch.labels, task)

    hessian = torch.autograd.functional.hessian(loss, flat).reshape(weight.numel(), -1)
    assert found == pytest.approx(float(torch.linalg.eigvalsh(hessian)[-1]), rel=0.02)


def test_bits_go_where_the_loss_curves() -> None:
    bits = mixed_precision({"flat": 100, "steep": 100, "large": 800}, {"flat": 0.01, "steep": 10.0, "large": 0.01}, 3.0)
    assert bits["steep"] == 8
    assert bits["steep"] > bits["flat"] >= 2
    assert sum(b * n for b, n in zip(bits.values(), (100, 100, 800), strict=True)) <= 3.0 * 1000
    with pytest.raises(BadRequest, match="1 bits on average"):
        mixed_precision({"a": 1}, {"a": 1.0}, 1.0)


def test_a_short_model_takes_over_and_computes_alone_at_the_end() -> None:
    task, whole = some(), tiny("bert", num_hidden_layers=4)
    long = finetune(whole, task, FAST, seeds=1)
    short = successor(whole, 2)
    assert short.n_layers == 2
    tuned = finetune(short, task, replace(FAST, epochs=6, techniques=(Theseus(long.best.model),)), seeds=1)
    model: Any = tuned.best.model
    assert all("forward" not in vars(layer) for layer in model.bert.encoder.layer)
    assert len(model.bert.encoder.layer) == 2
    assert tuned.estimate.value > 0.8
    with pytest.raises(BadRequest, match="3 layers cannot take over from 4"):
        finetune(successor(whole, 3), task, replace(FAST, techniques=(Theseus(long.best.model),)), seeds=1)


def test_early_steps_run_through_the_long_model(monkeypatch: pytest.MonkeyPatch) -> None:
    task, whole = some(), tiny("bert", num_hidden_layers=4)
    long: Any = classifier(whole, task, 0)
    calls: list[int] = []
    for layer in long.bert.encoder.layer:
        layer.register_forward_hook(lambda *_: calls.append(1))
    finetune(
        successor(whole, 2), task, replace(FAST, epochs=4, techniques=(Theseus(long, base=0.0, until=0.5),)), seeds=1
    )
    steps = int(np.ceil(len(task.train) / 8)) * 4
    assert 0 < len(calls) < 4 * steps
    assert not any(p.requires_grad for p in long.parameters())
