"""Fewer bits a weight: simulated while tuning (Q8BERT), by groups with a budget (Q-BERT), by a dictionary with outliers (GOBO).

These weigh what fewer bits cost in quality; the weights stay floats that take few values. Speed needs int8 kernels, which the export to
ONNX and OpenVINO brings. Bytes are those that storing the codes, scales and dictionaries would take.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from scipy.stats import norm
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import parametrize

from bertology.record.errors import BadRequest
from bertology.train.classifier import Labelled, loss_of
from bertology.train.task import Task
from bertology.train.techniques.technique import Technique, Tuning, merge


class Stored(NamedTuple):
    """A matrix as it comes back from storage, and the bits that its storage takes."""

    weight: Tensor
    bits: float


def uniform(weight: Tensor, bits: int, *, group: int | None = None) -> Stored:
    """Symmetric linear quantisation: round(w / s) s with s = max |w| / (2^(bits-1) - 1), one s a group of `group` rows (all, if None).

    Scales are stored in 32 bits (Jacob et al. 2018; Shen et al. 2020 for groups).
    """
    _check(bits)
    rows = len(weight) if group is None else group
    parts, levels, n_scales = [], 2 ** (bits - 1) - 1 if bits > 1 else 1, 0
    for part in weight.split(rows):
        scale = part.abs().max().clamp(min=1e-12) / levels
        parts.append((part / scale).round().clamp(-levels, levels) * scale)
        n_scales += 1
    return Stored(torch.cat(parts), bits * weight.numel() + 32 * n_scales)


def gobo(weight: Tensor, bits: int = 3, *, cut: float = -4.0, rounds: int = 50) -> Stored:
    """GOBO (Zadeh & Moshovos 2020): weights whose log density under a fitted normal is below `cut` stay as they are; the others
    take one of 2^bits values.

    The values start as means of equally full bins of the sorted weights and move, as in k-means, as long as the sum of absolute
    differences falls.
    """
    _check(bits)
    flat = weight.detach().flatten().double().cpu().numpy()
    mean, deviation = flat.mean(), max(flat.std(), 1e-12)
    outlier = norm.logpdf(flat, mean, deviation) < cut
    inner = flat[~outlier]
    values = np.array([part.mean() for part in np.array_split(np.sort(inner), 2**bits) if len(part)])
    best, error = values, np.inf
    for _ in range(rounds):
        edges = (values[1:] + values[:-1]) / 2
        code = np.searchsorted(edges, inner)
        now = float(np.abs(inner - values[code]).sum())
        if now >= error:
            break
        best, error = values, now
        sums, counts = np.bincount(code, inner, len(values)), np.bincount(code, minlength=len(values))
        values = np.sort(np.where(counts > 0, sums / np.maximum(counts, 1), values))
    stored = flat.copy()
    stored[~outlier] = best[np.searchsorted((best[1:] + best[:-1]) / 2, inner)]
    place = math.ceil(math.log2(max(len(flat), 2)))
    bits_taken = bits * len(inner) + (32 + place) * int(outlier.sum()) + 32 * 2**bits
    return Stored(torch.from_numpy(stored).to(weight).view_as(weight), float(bits_taken))


@dataclass(frozen=True)
class QuantisationAware(Technique):
    """Tunes with weights (and, with `activations`, the inputs of linear maps) rounded to `bits` (Q8BERT: Zafrir et al. 2019).

    Gradients pass the rounding straight through (Bengio et al. 2013). Activations are scaled by a moving average of their largest
    value, of momentum .9. Embeddings are rounded too. After training the weights take their rounded values; activations are not
    rounded any more. `bits_of` gives matrices of some module names other bits, `group` scales to groups of rows (Q-BERT: Shen et al. 2020).
    """

    cites: ClassVar = ("zafrir-2019",)
    bits: int = 8
    activations: bool = True
    bits_of: tuple[tuple[str, int], ...] = ()
    group: int | None = None

    def __post_init__(self) -> None:
        for bits in (self.bits, *dict(self.bits_of).values()):
            _check(bits)

    def prepare(self, tuning: Tuning) -> None:
        hooks, other = [], dict(self.bits_of)
        for name, module in list(tuning.model.named_modules()):
            if isinstance(module, nn.Linear | nn.Embedding) and not parametrize.is_parametrized(module):
                group = self.group if isinstance(module, nn.Linear) else None
                parametrize.register_parametrization(module, "weight", _Rounded(other.get(name, self.bits), group))
                if self.activations and isinstance(module, nn.Linear):
                    hooks.append(module.register_forward_pre_hook(_Input(self.bits)))
        tuning.memory["rounding"] = hooks

    def finish(self, tuning: Tuning) -> None:
        for hook in tuning.memory["rounding"]:
            hook.remove()
        merge(tuning.model)


class _Rounded(nn.Module):
    def __init__(self, bits: int, group: int | None = None) -> None:
        super().__init__()
        self.bits, self.group = bits, group

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (uniform(weight.detach(), self.bits, group=self.group).weight - weight.detach())


class _Input:
    """A pre-hook that rounds what a linear map reads."""

    def __init__(self, bits: int) -> None:
        self.levels, self.largest = 2 ** (bits - 1) - 1, 0.0

    def __call__(self, module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        x = args[0]
        now = float(x.detach().abs().max())
        if module.training or self.largest == 0:
            self.largest = now if self.largest == 0 else 0.9 * self.largest + 0.1 * now
        scale = max(self.largest, 1e-12) / self.levels
        rounded = (x.detach() / scale).round().clamp(-self.levels, self.levels) * scale
        return (x + (rounded - x.detach()), *args[1:])


def curvature(
    model: Any,
    task: Task,
    batches: Sequence[Labelled],
    matrices: Mapping[str, Tensor],
    *,
    draws: int = 4,
    seed: int = 0,
) -> dict[str, float]:
    """The top eigenvalue of the loss's Hessian for each matrix alone, by power iteration (HAWQ, Q-BERT: Shen et al. 2020).

    |mean + standard deviation| over batches, as Q-BERT ranks by.
    """
    rng = torch.Generator().manual_seed(seed)
    found: dict[str, list[float]] = {name: [] for name in matrices}
    model.eval()
    for batch in batches:
        with sdpa_kernel(SDPBackend.MATH):  # the only kernel with second derivatives
            loss = loss_of(model(**batch.inputs).logits, batch.labels, task)
        slopes = dict(zip(matrices, torch.autograd.grad(loss, list(matrices.values()), create_graph=True), strict=True))
        for name, weight in matrices.items():
            v = torch.randn(weight.shape, generator=rng).to(weight)
            v, value = v / v.norm(), 0.0
            for _ in range(draws):
                (product,) = torch.autograd.grad((slopes[name] * v).sum(), weight, retain_graph=True)
                value = float((product * v).sum())
                v = product / product.norm().clamp(min=1e-12)
            found[name].append(value)
    return {name: abs(float(np.mean(v) + np.std(v))) for name, v in found.items()}


def mixed_precision(
    sizes: Mapping[str, int], sensitivity: Mapping[str, float], mean_bits: float, choices: Sequence[int] = (2, 3, 4, 8)
) -> dict[str, int]:
    """Bits for each matrix so that the mean over weights is at most `mean_bits`: more where the loss curves more (Q-BERT-MP).

    All start with the fewest; again and again the matrix with the most sensitivity for each bit it would cost gets the next choice.
    """
    order = sorted(choices)
    if not order or mean_bits < order[0]:
        raise BadRequest(
            f"{mean_bits:g} bits on average of choices {tuple(choices)}.", f"Give at least {min(choices)}."
        )
    bits = dict.fromkeys(sizes, order[0])
    budget = mean_bits * sum(sizes.values()) - order[0] * sum(sizes.values())
    while True:
        best, gain = None, -1.0
        for name, n in sizes.items():
            if bits[name] == order[-1]:
                continue
            following = order[order.index(bits[name]) + 1]
            cost = (following - bits[name]) * n
            # the error of rounding falls with 4^-bits; what it costs is that error times the curvature
            worth = sensitivity[name] * (4.0 ** -bits[name] - 4.0**-following) / cost
            if cost <= budget and worth > gain:
                best, gain = (name, following, cost), worth
        if best is None:
            return bits
        bits[best[0]] = best[1]
        budget -= best[2]


def _check(bits: int) -> None:
    if not 1 <= bits <= 16:
        raise BadRequest(f"{bits} bits a weight.", "Give 1 to 16.")
