"""Unstructured pruning: which weights go, by hand; what a method must leave, on tiny encoders."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from bertology.compress.pruning.sparse import (
    KeptOnly,
    MagnitudePruning,
    MovementPruning,
    ProximalPruning,
    cubic,
    masks_of,
    sparsity_of,
    ticket,
)
from bertology.record.errors import BadRequest
from bertology.train.finetune import FineTuning, finetune
from bertology.train.optimizer import Schedule
from bertology.train.techniques.technique import Technique, Tuning, trunk_linears
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAST = FineTuning(epochs=4, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))


def tuned(technique: Technique, **changes: Any) -> Any:
    return finetune(tiny("bert"), some(), replace(FAST, techniques=(technique,), **changes), seeds=1).best.model


def matrices(model: Any) -> list[torch.Tensor]:
    return [m.weight for m in trunk_linears(Tuning(model, tiny("bert"), some(), 0, {}))]


def test_the_schedule_rises_to_its_end() -> None:
    assert [cubic(t, 0.8) for t in (0, 0.1, 0.7, 1)] == [0, 0, 0.8, 0.8]
    assert cubic(0.4, 0.8) == pytest.approx(0.8 * (1 - 0.5**3))


def test_the_lowest_values_go_over_all_or_in_each() -> None:
    values = {"a": torch.tensor([1.0, 2.0, 3.0, 4.0]), "b": torch.tensor([10.0, 20.0])}
    assert masks_of(values, 0.5)["a"].tolist() == [False, False, False, True]
    assert masks_of(values, 0.5)["b"].all()
    each = masks_of(values, 0.5, "matrix")
    assert each["a"].tolist() == [False, False, True, True] and each["b"].tolist() == [False, True]
    with pytest.raises(BadRequest, match="keeps nothing"):
        masks_of(values, 1.0)


def test_magnitude_pruning_leaves_the_share_it_says_and_the_largest_weights() -> None:
    model = tuned(MagnitudePruning(0.6), rate=1e-6)
    assert sparsity_of(model, tiny("bert"), some()) == pytest.approx(0.6, abs=0.002)
    start = torch.cat([w.flatten().abs() for w in matrices(tiny("bert").model)])
    kept = torch.cat([w.flatten() != 0 for w in matrices(model)])
    assert start[kept].min() >= start[~kept].max() - 1e-3


def test_movement_keeps_what_moves_away_from_zero() -> None:
    """One weight whose loss falls as it grows, one whose loss falls as it shrinks: same size, other fate."""

    class Pull(MovementPruning):
        def loss(self, tuning: Tuning, batch: Any, logits: Any, loss: Any) -> Any:
            module, _ = self._pairs(tuning)[0]
            weight = module.weight
            return (
                0.0 * loss
                - weight[0, 0] * weight[0, 0].detach().sign()
                + weight[0, 1] * weight[0, 1].detach().sign()
                + 1e-3 * (weight[1:] * weight[1:].detach().sign()).sum()
            )

    model = tuned(Pull(sparsity=0.9), rate=1e-4)
    first = matrices(model)[0]
    assert first[0, 0] != 0 and first[0, 1] == 0
    assert sparsity_of(model, tiny("bert"), some()) >= 0.9


def test_soft_movement_prunes_more_under_a_higher_penalty() -> None:
    shares = [sparsity_of(tuned(MovementPruning(soft=True, penalty=p)), tiny("bert"), some()) for p in (0.0, 300.0)]
    assert shares[0] < shares[1]


def test_a_proximal_step_by_hand() -> None:
    technique = ProximalPruning(strength=0.01, epsilon=0.1)
    tuning = Tuning(torch.nn.Linear(1, 1), tiny("bert"), some(), 0, {})
    weight = torch.tensor([0.4, -0.4, 0.05])
    tuning.memory["matrices"] = [weight]
    technique.epoch(tuning, 0, 1)
    technique.after_step(tuning, 1.0)
    assert weight.tolist() == pytest.approx([0.4 - 0.02, -0.4 + 0.02, 0.0])


def test_proximal_pruning_makes_real_zeros() -> None:
    model = tuned(ProximalPruning(strength=1e-3))
    assert 0.05 < sparsity_of(model, tiny("bert"), some()) < 1


def test_a_ticket_starts_from_the_pretrained_weights_and_keeps_its_zeros() -> None:
    encoder = tiny("bert")
    masks, found = ticket(encoder, some(), FAST, 0.5, rounds=2)
    assert sum(int((~m).sum()) for m in masks) / sum(m.numel() for m in masks) == pytest.approx(0.5, abs=0.002)
    assert sparsity_of(found.best.model, encoder, some()) == pytest.approx(0.5, abs=0.002)
    still = finetune(encoder, some(), replace(FAST, rate=1e-9, techniques=(KeptOnly(masks),)), seeds=1).best.model
    for now, before, mask in zip(matrices(still), matrices(encoder.model), masks, strict=True):
        assert torch.allclose(now, before * mask, atol=1e-6)


def test_masks_of_another_model_are_refused() -> None:
    with pytest.raises(BadRequest, match="1 masks for"):
        tuned(KeptOnly((torch.ones(2, 2, dtype=torch.bool),)))
