"""Optimizers and learning-rate schedules as frozen parts of a recipe."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from bertology.record.errors import BadRequest


class Optimizer(Protocol):
    """Makes the torch optimizers of a model; `rate` is the peak learning rate of each by its group's own `peak`.

    Parameters are told apart by dimensions and name: see `named_parameters`.
    """

    def build(self, named: "Iterable[tuple[str, nn.Parameter]]") -> list[torch.optim.Optimizer]: ...


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019); biases, norms and embeddings are not decayed."""

    rate: float = 1e-4
    decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-6

    def build(self, named: Iterable[tuple[str, nn.Parameter]]) -> list[torch.optim.Optimizer]:
        groups = _groups(named, self.rate, self.decay)
        return [torch.optim.AdamW(groups, lr=self.rate, betas=self.betas, eps=self.epsilon, fused=True)]


@dataclass(frozen=True)
class Lamb:
    """Adam's direction, rescaled per tensor by ||w|| / ||update|| (You et al. 2020), for large batches."""

    rate: float = 2e-3
    decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-6

    def build(self, named: Iterable[tuple[str, nn.Parameter]]) -> list[torch.optim.Optimizer]:
        return [_Lamb(_groups(named, self.rate, self.decay), lr=self.rate, betas=self.betas, eps=self.epsilon)]


@dataclass(frozen=True)
class Muon:
    """Momentum orthogonalised by Newton-Schulz for the layers' matrices (Jordan et al. 2024), AdamW for all the rest.

    `rate` is AdamW's; the matrices' step is scaled to the root mean square of AdamW's (Liu et al. 2025), so one rate
    serves both. Needs torch 2.9.
    """

    rate: float = 2e-3
    decay: float = 0.01
    momentum: float = 0.95
    betas: tuple[float, float] = (0.9, 0.98)
    epsilon: float = 1e-8

    def build(self, named: Iterable[tuple[str, nn.Parameter]]) -> list[torch.optim.Optimizer]:
        if not hasattr(torch.optim, "Muon"):
            raise BadRequest(f"Muon needs torch 2.9, this is {torch.__version__}.", "Upgrade torch or choose AdamW.")
        items = list(named)
        matrix = lambda name, p: p.ndim == 2 and "embed" not in name and "decoder" not in name and "head" not in name
        matrices = [(n, p) for n, p in items if matrix(n, p)]
        rest = [(n, p) for n, p in items if not matrix(n, p)]
        muon = torch.optim.Muon(
            [{"params": [p for _, p in matrices], "peak": self.rate}], lr=self.rate, weight_decay=self.decay,
            momentum=self.momentum, adjust_lr_fn="match_rms_adamw",
        )  # fmt: skip
        adam = torch.optim.AdamW(
            _groups(rest, self.rate, self.decay), lr=self.rate, betas=self.betas, eps=self.epsilon, fused=True
        )
        return [muon, adam]


@dataclass(frozen=True)
class Schedule:
    """The learning rate over training: linear warm-up over `warmup` of it, then a shape down to 0 at the very end.

    "linear" and "cosine" fall from the peak at once; "trapezoid" stays there and falls linearly over the last `fall`;
    "constant" never falls.
    """

    warmup: float = 0.06
    shape: Literal["linear", "cosine", "trapezoid", "constant"] = "linear"
    fall: float = 0.3

    def factor(self, progress: float) -> float:
        """Share of the peak rate at a progress from 0 to 1."""
        if progress < self.warmup:
            return progress / self.warmup
        rest = min(1.0, (progress - self.warmup) / max(1 - self.warmup, 1e-9))
        return _SHAPES[self.shape](rest, progress, self.fall)


_SHAPES: dict[str, Callable[[float, float, float], float]] = {
    "linear": lambda rest, progress, fall: 1 - rest,
    "cosine": lambda rest, progress, fall: 0.5 * (1 + math.cos(math.pi * rest)),
    "trapezoid": lambda rest, progress, fall: min(1.0, (1 - progress) / fall),
    "constant": lambda rest, progress, fall: 1.0,
}


def named_parameters(model: Any, heads: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Trained parameters under names that optimizers sort them by: "embed" is in those of embeddings, "head" in those
    of all that is not the trunk's."""
    embeddings = {id(m.weight) for part in (model, heads) for m in part.modules() if isinstance(m, nn.Embedding)}
    trunk = f"{model.base_model_prefix}."
    named = [(n if n.startswith(trunk) else f"head.{n}", p) for n, p in model.named_parameters()]
    named += [(f"head.{n}", p) for n, p in heads.named_parameters()]
    return [(f"embedding.{n}" if id(p) in embeddings else n, p) for n, p in named if p.requires_grad]


def set_rate(optimizers: Iterable[torch.optim.Optimizer], factor: float) -> float:
    """Sets each group's rate to its peak x factor; returns the first."""
    rates = []
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor
            rates.append(group["lr"])
    return rates[0]


def _groups(named: Iterable[tuple[str, nn.Parameter]], rate: float, decay: float) -> list[dict[str, Any]]:
    items = list(named)
    decayed = [p for n, p in items if p.ndim >= 2 and "embed" not in n]
    rest = [p for n, p in items if not (p.ndim >= 2 and "embed" not in n)]
    groups = ({"params": decayed, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0})
    return [{**group, "peak": rate} for group in groups if group["params"]]


class _Lamb(torch.optim.Optimizer):
    def __init__(self, params: Any, *, lr: float, betas: tuple[float, float], eps: float) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, group)

    def _update(self, p: Tensor, group: dict[str, Any]) -> None:
        state = self.state[p]
        if not state:
            state.update(step=0, mean=torch.zeros_like(p), square=torch.zeros_like(p))
        state["step"] += 1
        b1, b2 = group["betas"]
        assert p.grad is not None
        mean = state["mean"].lerp_(p.grad, 1 - b1)
        square = state["square"].mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
        unbiased = mean / (1 - b1 ** state["step"])
        update = unbiased / ((square / (1 - b2 ** state["step"])).sqrt() + group["eps"]) + group["weight_decay"] * p
        weight, change = p.norm(), update.norm()
        trust = torch.where((weight > 0) & (change > 0), weight / change, torch.ones_like(weight))
        p.sub_(update * trust * group["lr"])
