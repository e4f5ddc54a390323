"""What a student copies, by hand."""

import math

import pytest
import torch

from bertology.compress.teaching import losses
from bertology.compress.teaching.layer_maps import layer_map
from bertology.record.errors import BadRequest

MASK = torch.tensor([[True, True, False]])


def test_soft_targets_are_the_divergence_at_a_temperature() -> None:
    student, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[2 * math.log(3.0), 0.0]])
    p = torch.tensor([0.75, 0.25])  # softmax of the teacher at T = 2
    expected = 4 * float((p * (p / 0.5).log()).sum())
    assert float(losses.soft_targets(student, teacher, temperature=2.0)) == pytest.approx(expected)
    assert float(losses.soft_targets(teacher, teacher, temperature=2.0)) == pytest.approx(0, abs=1e-6)


def test_hidden_states_differ_at_real_tokens_only() -> None:
    a, b = torch.zeros(1, 3, 2), torch.zeros(1, 3, 2)
    b[0, 1] = torch.tensor([1.0, 3.0])
    b[0, 2] = 100.0
    assert float(losses.hidden_distance(a, b, MASK)) == pytest.approx((1 + 9) / 4)


def test_direction_does_not_see_length() -> None:
    a = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]])
    b = torch.tensor([[[3.0, 0.0], [1.0, 0.0], [0.0, 0.0]]])
    assert float(losses.direction(a, b, MASK)) == pytest.approx(0.5)


def test_patience_is_the_squared_chord_between_unit_vectors() -> None:
    assert float(losses.patience(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 7.0]]))) == pytest.approx(2.0)


def test_attention_is_compared_between_real_tokens() -> None:
    student, teacher = torch.zeros(1, 1, 3, 3), torch.zeros(1, 1, 3, 3)
    student[0, 0, :2, :2] = torch.tensor([[0.5, 0.5], [0.5, 0.5]])
    teacher[0, 0, :2, :2] = torch.tensor([[0.75, 0.25], [0.5, 0.5]])
    teacher[0, 0, 2] = 9.0
    assert float(losses.attention_distance(student, teacher, MASK)) == pytest.approx(2 * 0.0625 / 4)
    row = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert float(losses.attention_divergence(student, teacher, MASK)) == pytest.approx(row / 2, rel=1e-4)


def test_value_relations_meet_across_widths_and_do_not_see_rotations() -> None:
    torch.manual_seed(0)
    values = torch.randn(1, 3, 4)
    rotation = torch.linalg.qr(torch.randn(4, 4))[0]
    assert float(losses.value_relations(values @ rotation, values, MASK, heads=1)) == pytest.approx(0, abs=1e-6)
    assert float(losses.value_relations(torch.randn(1, 3, 2), values, MASK, heads=1)) > 1e-3
    padded = values.clone()
    padded[0, 2] = 50.0
    assert float(losses.value_relations(padded, values, MASK, heads=2)) == pytest.approx(0, abs=1e-6)


def test_layer_maps_follow_from_the_depths() -> None:
    assert layer_map("uniform", 6, 12) == ((1, 2), (2, 4), (3, 6), (4, 8), (5, 10), (6, 12))
    assert layer_map("uniform", 3, 12) == ((1, 4), (2, 8), (3, 12))
    assert layer_map("last", 2, 6) == ((1, 5), (2, 6))
    assert layer_map("top", 4, 6) == ((4, 6),)
    assert layer_map("uniform", 4, 6)[-1] == (4, 6)
    with pytest.raises(BadRequest, match="student of 7 layers"):
        layer_map("uniform", 7, 6)
    with pytest.raises(BadRequest, match="no layer map"):
        layer_map("middle", 2, 6)
