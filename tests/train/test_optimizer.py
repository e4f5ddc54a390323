"""Optimizers step by hand, which parameters they take, and schedules point by point."""

import math
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bertology.record.errors import BadRequest
from bertology.train.architecture import Architecture
from bertology.train.objectives.missing_text import Deletion
from bertology.train.objectives.objective import Objective
from bertology.train.objectives.replaced_tokens import ReplacedTokens
from bertology.train.objectives.sentences import NSP
from bertology.train.objectives.span_boundary import SpanBoundary
from bertology.train.optimizer import AdamW, Lamb, Muon, Optimizer, Schedule, named_parameters, set_rate
from tests.encoder.tiny import tokenizer

OBJECTIVES = (NSP(), SpanBoundary(), ReplacedTokens(), Deletion())
FAMILIES = ("bert", "roberta", "albert", "electra", "modernbert", "distilbert", "mpnet", "deberta-v2")


def built(family: str) -> tuple[Any, nn.ModuleDict]:
    """A tiny model of a family with the heads of all kinds of objectives."""
    options: dict[str, Any] = {
        "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
        "albert": {"embedding_size": 16},
    }
    shape = Architecture(
        family,
        layers=2,
        heads=2,
        width=32,
        feed_forward=64,
        positions=32,
        options=tuple(options.get(family, {}).items()),
    )
    model = shape.build(tokenizer(), 0)
    objectives: Iterable[Objective] = OBJECTIVES if family in ("bert", "electra") else OBJECTIVES[:2]
    heads = {str(k): o.head(model) for k, o in enumerate(objectives)}
    return model, nn.ModuleDict({k: h for k, h in heads.items() if h is not None})


def one(
    values: list[float], gradient: list[float], optimizer: Optimizer, name: str = "layer.weight"
) -> tuple[nn.Parameter, Any]:
    """A matrix of one row with its gradient, and the optimizer of it."""
    p = nn.Parameter(torch.tensor([values]))
    p.grad = torch.tensor([gradient])
    (made,) = optimizer.build([(name, p)])
    return p, made


def test_lamb_steps_as_by_hand() -> None:
    p, lamb = one([3.0, 4.0], [1.0, -2.0], Lamb(rate=0.1, decay=0.1, betas=(0.9, 0.99), epsilon=0.0))
    lamb.step()
    # first moments and their roots agree but for signs: (1, -1) + 0.1 (3, 4) = (1.3, -0.6); |w| = 5
    change = (1.3, -0.6)
    trust = 5 / math.hypot(*change)
    first = (3 - 0.1 * trust * change[0], 4 - 0.1 * trust * change[1])
    assert p[0].tolist() == pytest.approx(first, rel=1e-6)
    p.grad = torch.tensor([[3.0, 1.0]])
    lamb.step()
    mean = ((0.9 * 0.1 * 1 + 0.1 * 3) / 0.19, (0.9 * 0.1 * -2 + 0.1 * 1) / 0.19)
    square = ((0.99 * 0.01 * 1 + 0.01 * 9) / 0.0199, (0.99 * 0.01 * 4 + 0.01 * 1) / 0.0199)
    change = tuple(m / math.sqrt(s) + 0.1 * w for m, s, w in zip(mean, square, first, strict=True))
    trust = math.hypot(*first) / math.hypot(*change)
    assert p[0].tolist() == pytest.approx([w - 0.1 * trust * c for w, c in zip(first, change, strict=True)], rel=1e-6)


def test_lamb_trusts_a_tensor_of_zeros_as_it_is() -> None:
    p, lamb = one([0.0, 0.0], [1.0, -2.0], Lamb(rate=0.1, epsilon=0.0))
    lamb.step()
    assert p[0].tolist() == pytest.approx([-0.1, 0.1])
    p, lamb = one([3.0, 4.0], [0.0, 0.0], Lamb(rate=0.1, decay=0.0))
    lamb.step()
    assert p[0].tolist() == [3.0, 4.0]


def test_lamb_rescales_each_tensor_by_itself() -> None:
    big, small = nn.Parameter(torch.full((2, 2), 100.0)), nn.Parameter(torch.full((2, 2), 0.01))
    (lamb,) = Lamb(rate=0.1, decay=0.0).build([("big", big), ("small", small)])
    for p in (big, small):
        p.grad = torch.ones_like(p)
    lamb.step()
    assert big.mean().item() == pytest.approx(90)
    assert small.mean().item() == pytest.approx(0.009)


def test_adamw_decays_apart_from_the_gradient() -> None:
    p, adam = one([1.0, -1.0], [2.0, 0.5], AdamW(rate=0.1, decay=0.2, epsilon=0.0))
    adam.step()
    assert p[0].tolist() == pytest.approx([1 - 0.1 * 0.2 - 0.1, -1 + 0.1 * 0.2 - 0.1])


def test_muon_makes_all_directions_of_a_matrix_equal() -> None:
    torch.manual_seed(0)
    p = nn.Parameter(torch.zeros(24, 8))
    spread = torch.diag(torch.logspace(0, -2, 8))
    p.grad = torch.linalg.qr(torch.randn(24, 8))[0] @ spread @ torch.linalg.qr(torch.randn(8, 8))[0]
    muon = Muon(rate=0.01, decay=0.0).build([("layer.weight", p), ("layer.bias", nn.Parameter(torch.zeros(8)))])[0]
    muon.step()
    stretch = torch.linalg.svdvals(p.detach()) / (0.01 * 0.2 * math.sqrt(24))
    assert stretch.min() > 0.5 and stretch.max() < 1.3  # the gradient's own differ by a factor of 100


def test_muon_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(BadRequest, match=r"Muon needs torch 2\.9"):
        Muon().build([])


@pytest.mark.parametrize("family", FAMILIES)
def test_muon_takes_the_layers_matrices_and_nothing_else(family: str) -> None:
    model, heads = built(family)
    muon, adam = Muon().build(named_parameters(model, heads))
    taken = {id(p) for group in muon.param_groups for p in group["params"]}
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    linear = [m for m in model.base_model.modules() if isinstance(m, nn.Linear)]
    layers = {id(m.weight) for m in linear}
    projections = {id(p) for n, p in model.base_model.named_parameters() if "embedding" in n}  # of embeddings
    assert taken == layers - projections
    assert len(taken) >= 4
    assert not taken & embeddings
    assert not taken & {id(p) for p in heads.parameters()}
    everything = {id(p) for p in (*model.parameters(), *heads.parameters())}
    rest = [id(p) for group in adam.param_groups for p in group["params"]]
    assert taken.isdisjoint(rest)
    assert taken | set(rest) == everything
    assert len(rest) == len(set(rest))


@pytest.mark.parametrize(
    "optimizer", [AdamW(decay=0.3), Lamb(decay=0.3), Muon(decay=0.3)], ids=lambda o: type(o).__name__
)
@pytest.mark.parametrize("family", FAMILIES)
def test_norms_biases_and_embeddings_are_not_decayed(family: str, optimizer: Optimizer) -> None:
    model, heads = built(family)
    made = optimizer.build(named_parameters(model, heads))
    decay = {id(p): group["weight_decay"] for o in made for group in o.param_groups for p in group["params"]}
    modules = [*model.modules(), *heads.modules()]
    embeddings = {id(m.weight) for m in modules if isinstance(m, nn.Embedding)}
    projections = {id(p) for n, p in (*model.named_parameters(), *heads.named_parameters()) if "embedding" in n}
    seen = set()
    for p in (p for m in modules for p in m.parameters(recurse=False)):
        spared = p.ndim < 2 or id(p) in embeddings | projections
        assert decay[id(p)] == (0.0 if spared else 0.3)
        seen.add(decay[id(p)])
    assert seen == {0.0, 0.3}


def test_every_group_has_its_peak() -> None:
    model, heads = built("bert")
    for optimizer in (AdamW(0.5), Lamb(0.5), Muon(0.5)):
        made = optimizer.build(named_parameters(model, heads))
        assert set_rate(made, 0.25) == 0.125
        assert {group["lr"] for o in made for group in o.param_groups} == {0.125}
        assert set_rate(made, 1.0) == 0.5


@pytest.mark.parametrize(
    ("shape", "points"),
    [
        ("linear", {0: 0, 0.1: 0.5, 0.2: 1, 0.4: 0.75, 0.6: 0.5, 1: 0}),
        ("cosine", {0: 0, 0.1: 0.5, 0.2: 1, 0.4: (1 + math.sqrt(0.5)) / 2, 0.6: 0.5, 1: 0}),
        ("trapezoid", {0: 0, 0.1: 0.5, 0.2: 1, 0.4: 1, 0.6: 1, 0.75: 1, 0.875: 0.5, 1: 0}),
        ("constant", {0: 0, 0.1: 0.5, 0.2: 1, 0.6: 1, 1: 1}),
    ],
)
def test_schedules_go_through_points_computed_by_hand(shape: Any, points: dict[float, float]) -> None:
    schedule = Schedule(warmup=0.2, shape=shape, fall=0.25)
    for progress, factor in points.items():
        assert schedule.factor(progress) == pytest.approx(factor, abs=1e-12), progress


def test_without_warm_up_training_starts_at_the_peak() -> None:
    assert Schedule(warmup=0.0).factor(0) == 1
    assert Schedule(warmup=1.0).factor(0.5) == 0.5


def test_decay_pulls_matrices_only() -> None:
    model, heads = built("bert")
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    for p in (*model.parameters(), *heads.parameters()):
        p.grad = torch.zeros_like(p)
    (adam,) = AdamW(rate=0.1, decay=0.5).build(named_parameters(model, heads))
    adam.step()
    pulled = {n: ratio(p.detach(), before[n]) for n, p in model.named_parameters() if float(before[n].abs().max()) > 0}
    assert pulled["bert.encoder.layer.0.attention.self.query.weight"] == pytest.approx(0.95)
    assert pulled["bert.embeddings.word_embeddings.weight"] == 1
    assert pulled["bert.encoder.layer.0.output.LayerNorm.weight"] == 1


def ratio(a: Tensor, b: Tensor) -> float:
    return float(a.norm() / b.norm())
