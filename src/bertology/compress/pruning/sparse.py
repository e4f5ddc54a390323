"""Unstructured pruning while tuning: single weights of the layers' matrices become zero and stay so.

Magnitude on a schedule (Zhu & Gupta 2017; Gordon et al. 2020), movement and soft movement (Sanh et al. 2020), reweighted proximal pruning
(Guo et al. 2019), and lottery tickets by iterative magnitude pruning with rewinding (Frankle & Carbin 2019; Chen et al. 2020). Each
ends with plain weights that hold zeros: transformers loads them; they are smaller compressed, and no faster without sparse kernels.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest
from bertology.train.classifier import Labelled
from bertology.train.finetune import FineTuning, Tuned, finetune
from bertology.train.task import Task
from bertology.train.techniques.technique import Technique, Tuning, merge, trunk_linears

Scope = Literal["global", "matrix"]


def cubic(progress: float, final: float, *, start: float = 0.1, end: float = 0.7) -> float:
    """The sparsity at a share of the steps: 0 up to `start`, then final · (1 - (1 - t)³), `final` from `end` on (Zhu & Gupta 2017)."""
    if progress <= start:
        return 0.0
    return final * (1 - (1 - min(1.0, (progress - start) / (end - start))) ** 3)


def masks_of(weights: Mapping[str, Tensor], sparsity: float, scope: Scope = "global") -> dict[str, Tensor]:
    """True where a value stays: all but the lowest `sparsity` of them, over all matrices or in each."""
    if not 0 <= sparsity < 1:
        raise BadRequest(f"a sparsity of {sparsity:g} keeps nothing, or is no share.", "Give 0 to below 1.")
    if scope == "global":
        flat = torch.cat([w.flatten() for w in weights.values()])
        count = round(sparsity * len(flat))
        low = torch.zeros(len(flat), dtype=torch.bool, device=flat.device)
        low[flat.argsort(stable=True)[:count]] = True
        parts = (~low).split([w.numel() for w in weights.values()])
        return {name: part.view_as(w) for (name, w), part in zip(weights.items(), parts, strict=True)}
    return {name: masks_of({name: w}, sparsity)[name] for name, w in weights.items()}


class Mask(nn.Module):
    """A parametrization: the weight times a mask of zeros and ones."""

    mask: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("mask", torch.ones_like(weight, dtype=torch.bool))

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.mask


@dataclass(frozen=True)
class _Masking(Technique):
    """What techniques with a mask on every matrix share."""

    def prepare(self, tuning: Tuning) -> None:
        found = {}
        for module in list(trunk_linears(tuning)):
            mask = self._mask(module.weight)
            parametrize.register_parametrization(module, "weight", mask)
            found[len(found)] = (module, mask)
        if not found:
            raise BadRequest(f"{tuning.encoder.name} has no matrices in its layers.", "Choose another encoder.")
        tuning.memory[type(self).__name__] = list(found.values())

    def finish(self, tuning: Tuning) -> None:
        merge(tuning.model)

    def _mask(self, weight: Tensor) -> nn.Module:
        return Mask(weight)

    def _pairs(self, tuning: Tuning) -> list[tuple[Any, Any]]:
        return tuning.memory[type(self).__name__]


@dataclass(frozen=True)
class MagnitudePruning(_Masking):
    """The smallest weights go, more and more of them until `sparsity` (Gordon et al. 2020 at tuning time)."""

    cites: ClassVar = ("gordon-2020",)
    sparsity: float = 0.5
    scope: Scope = "global"

    def after_step(self, tuning: Tuning, progress: float) -> None:
        pairs = self._pairs(tuning)
        weights = {
            str(k): module.parametrizations.weight.original.detach().abs() for k, (module, _) in enumerate(pairs)
        }
        for (_, mask), new in zip(
            pairs, masks_of(weights, cubic(progress, self.sparsity), self.scope).values(), strict=True
        ):
            mask.mask.copy_(new)


class _Top(torch.autograd.Function):
    """1 where the score is kept, with the gradient of the identity."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, kept: Tensor) -> Tensor:
        return kept.to(scores.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return gradient, None


class _Moved(nn.Module):
    """Keeps weights by a learnt score: those above `threshold` (of the score, or of its sigmoid)."""

    def __init__(self, weight: Tensor, scale: float, soft: bool) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.zeros_like(weight))
        self.scale, self.soft, self.threshold = scale, soft, 0.0 if soft else -float("inf")

    def kept(self) -> Tensor:
        scores = self.scale * self.scores.detach()
        return (scores.sigmoid() if self.soft else scores) > self.threshold

    def forward(self, weight: Tensor) -> Tensor:
        return weight * _Top.apply(self.scale * self.scores, self.kept())


@dataclass(frozen=True)
class MovementPruning(_Masking):
    """Weights that move away from zero stay: a score learns by the gradient of the weight's mask, straight through (Sanh et al. 2020).

    Hard (`soft` false): the top 1 - `sparsity` of all scores, on the cubic schedule. Soft: scores whose sigmoid is above `threshold`,
    pushed down by `penalty` x their mean sigmoid; the sparsity is what comes out. `scale` is how much faster scores learn than weights.
    """

    cites: ClassVar = ("sanh-2020",)
    sparsity: float = 0.85
    soft: bool = False
    threshold: float = 0.5
    penalty: float = 1.0
    scale: float = 100.0

    def _mask(self, weight: Tensor) -> nn.Module:
        return _Moved(weight, self.scale, self.soft)

    def loss(self, tuning: Tuning, batch: Labelled, logits: Tensor, loss: Tensor) -> Tensor:
        if not self.soft:
            return loss
        pairs = self._pairs(tuning)
        share = sum((mask.scale * mask.scores).sigmoid().sum() for _, mask in pairs) / sum(
            m.scores.numel() for _, m in pairs
        )
        return loss + tuning.memory.get("penalty", 0.0) * share

    def after_step(self, tuning: Tuning, progress: float) -> None:
        pairs = self._pairs(tuning)
        if self.soft:
            tuning.memory["penalty"] = cubic(progress, self.penalty)
            for _, mask in pairs:
                mask.threshold = cubic(progress, self.threshold)
            return
        sparsity = cubic(progress, self.sparsity)
        if sparsity == 0:
            return
        scores = torch.cat([mask.scores.detach().flatten() for _, mask in pairs]) * self.scale
        threshold = float(scores.kthvalue(max(1, round(sparsity * len(scores)))).values)
        for _, mask in pairs:
            mask.threshold = threshold


@dataclass(frozen=True)
class ProximalPruning(Technique):
    """Reweighted proximal pruning: after each step w <- sign(w) max(|w| - strength / (|w before| + epsilon), 0) (Guo et al. 2019).

    `strength` is per step; the weights 1 / (|w| + epsilon) are renewed every epoch. The sparsity is what comes out.
    """

    cites: ClassVar = ("guo-2019",)
    strength: float = 1e-6
    epsilon: float = 1e-3

    def prepare(self, tuning: Tuning) -> None:
        tuning.memory["matrices"] = [module.weight for module in trunk_linears(tuning)]

    def epoch(self, tuning: Tuning, number: int, of: int) -> None:
        tuning.memory["reweighted"] = [1 / (w.detach().abs() + self.epsilon) for w in tuning.memory["matrices"]]

    @torch.no_grad()
    def after_step(self, tuning: Tuning, progress: float) -> None:
        for weight, by in zip(tuning.memory["matrices"], tuning.memory["reweighted"], strict=True):
            weight.copy_(weight.sign() * (weight.abs() - self.strength * by).clamp(min=0))


@dataclass(frozen=True)
class KeptOnly(_Masking):
    """Tunes only the weights that given masks keep, by the matrices' order; the others are zero from the start (a ticket)."""

    cites: ClassVar = ("chen-2020",)
    masks: tuple[Tensor, ...] = field(default=(), compare=False)

    def prepare(self, tuning: Tuning) -> None:
        super().prepare(tuning)
        pairs = self._pairs(tuning)
        if len(pairs) != len(self.masks):
            raise BadRequest(f"{len(self.masks)} masks for {len(pairs)} matrices.", "Give a mask for each.")
        for (_, mask), given in zip(pairs, self.masks, strict=True):
            mask.mask.copy_(given)


def ticket(
    encoder: Encoder, task: Task, recipe: FineTuning, sparsity: float, *, rounds: int = 4, seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> tuple[tuple[Tensor, ...], Tuned]:  # fmt: skip
    """Iterative magnitude pruning with rewinding: (masks, the ticket tuned from the pre-trained weights).

    Each round tunes what is left from the pre-trained weights and drops its smallest, so that after `rounds` a share `sparsity` is gone; the
    weights then return to the pre-trained ones (Chen et al. 2020).
    """
    masks: tuple[Tensor, ...] = ()
    for k in range(1, rounds + 1):
        progress("ticket", k - 1, rounds)
        given = replace(recipe, techniques=(*recipe.techniques, KeptOnly(masks))) if masks else recipe
        tuned = finetune(encoder, task, given, seeds=(seed,)).best.model
        matrices = list(_matrices(tuned, encoder, task, seed))
        if not masks:
            masks = tuple(torch.ones_like(w, dtype=torch.bool) for w in matrices)
        left = {
            str(i): torch.where(m, w.abs(), -torch.ones_like(w))
            for i, (w, m) in enumerate(zip(matrices, masks, strict=True))
        }
        masks = tuple(masks_of(left, 1 - (1 - sparsity) ** (k / rounds)).values())
    progress("ticket", rounds, rounds)
    last = replace(recipe, name="ticket", techniques=(*recipe.techniques, KeptOnly(masks)))
    return masks, finetune(encoder, task, last, seeds=(seed,))


def sparsity_of(model: Any, encoder: Encoder, task: Task) -> float:
    """Share of zeros in the layers' matrices of a tuned model."""
    found = list(_matrices(model, encoder, task, 0))
    return float(sum(int((w == 0).sum()) for w in found) / max(1, sum(w.numel() for w in found)))


def _matrices(model: Any, encoder: Encoder, task: Task, seed: int) -> Any:
    tuning = Tuning(model, encoder, task, seed, {})
    return (module.weight.detach() for module in trunk_linears(tuning))
