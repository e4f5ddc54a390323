"""Hard-concrete gates against values by hand, and against draws."""

import math

import pytest
import torch

from bertology.compress.pruning.hard_concrete import HardConcrete
from bertology.record.errors import BadRequest

GATE = HardConcrete()
PLAIN = HardConcrete(temperature=0.5, low=-1.0, high=2.0)


def test_samples_by_hand() -> None:
    """At u = 1/2 the logits of u vanish: s = sigmoid(log_alpha / temperature)."""
    alphas = torch.tensor([0.0, math.log(2), -5.0, 5.0])
    found = PLAIN.sample(alphas, torch.full((4,), 0.5))
    # sigmoid(2 log 2) = 4/5, stretched to 3 · 4/5 - 1 = 1.4, clamped
    assert found.tolist() == pytest.approx([0.5, 1.0, 0.0, 1.0])
    # u = 1/5: logit -log 4, s = sigmoid(-2 log 4) = 1/17; default stretch of s = 1/(1+e^x)
    assert float(PLAIN.sample(torch.tensor(math.log(4)), torch.tensor(0.2))) == pytest.approx(0.5)
    middle = 1 / (1 + math.exp(-(math.log(0.6 / 0.4) + 0.3) / (2 / 3)))
    assert float(GATE.sample(torch.tensor(0.3), torch.tensor(0.6))) == pytest.approx(1.2 * middle - 0.1)


def test_the_probability_of_being_open_by_hand() -> None:
    # temperature · log(-low / high) = log(1/2) / 2, so p = sigmoid(log_alpha + log(2) / 2)
    assert float(PLAIN.p_open(torch.tensor(0.0))) == pytest.approx(math.sqrt(2) / (1 + math.sqrt(2)))
    assert float(PLAIN.p_open(torch.tensor(-0.5 * math.log(2)))) == pytest.approx(0.5)
    assert float(GATE.p_open(torch.tensor(0.0))) == pytest.approx(11 ** (2 / 3) / (1 + 11 ** (2 / 3)))


def test_values_at_test_by_hand() -> None:
    # 1.2 sigmoid(a) - 0.1 is 0 at sigmoid(a) = 1/12, and 1 at 11/12
    edges = torch.tensor([math.log(1 / 11), math.log(11), 0.0, math.log(1 / 3)])
    assert GATE.value(edges).tolist() == pytest.approx([0.0, 1.0, 0.5, 0.2], abs=1e-6)


@pytest.mark.parametrize("alpha", [-2.0, 0.0, 1.5])
def test_draws_are_zero_as_often_as_promised(alpha: float) -> None:
    torch.manual_seed(0)
    drawn = GATE.sample(torch.full((200_000,), alpha))
    assert float((drawn > 0).float().mean()) == pytest.approx(float(GATE.p_open(torch.tensor(alpha))), abs=0.005)
    assert (drawn == 1).any() and (drawn == 0).any() and drawn.min() >= 0 and drawn.max() <= 1


def test_a_probability_and_its_log_alpha_go_back_and_forth() -> None:
    for p in (0.01, 0.5, 0.99):
        assert float(GATE.p_open(torch.tensor(GATE.log_alpha(p)))) == pytest.approx(p, rel=1e-4)


def test_a_penalty_on_the_expected_number_closes_gates() -> None:
    alpha = torch.full((8,), 3.0, requires_grad=True)
    slope = torch.autograd.grad(GATE.p_open(alpha).sum(), alpha)[0]
    p = GATE.p_open(alpha.detach())
    assert torch.allclose(slope, p * (1 - p), atol=1e-6)
    optimizer = torch.optim.Adam([alpha], lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        GATE.p_open(alpha).sum().backward()
        optimizer.step()
    assert (GATE.value(alpha) == 0).all()


@pytest.mark.parametrize("wrong", [{"low": 0.0}, {"high": 1.0}, {"temperature": 1.0}, {"temperature": 0.0}])
def test_a_gate_that_never_closes_or_opens_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadRequest, match="stretched"):
        HardConcrete(**wrong)
