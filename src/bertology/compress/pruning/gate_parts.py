"""Learnt gates as numbers: how many are open, what that is worth, which parts go, and what that does to the weights.

A wish is a size that shall stay: a share of heads, neurons or parameters, or of the seconds by a measured table (compress/inference/latency.py). It is
a function of how many heads and neurons each layer has, and differentiable, so that a constraint on it teaches gates (Xia et al. 2022).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bertology.compress.inference.latency import LatencyTable
from bertology.compress.pruning.gates import Parts, sizes
from bertology.compress.pruning.hard_concrete import HardConcrete
from bertology.compress.pruning.width import narrowed
from bertology.encoder.encoder import Encoder
from bertology.encoder.families import FAMILIES, kind
from bertology.encoder.sites import Site
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadRequest

On = Literal["head", "neuron", "attention", "ffn", "hidden"]
Of = Literal["heads", "neurons", "parameters"]


@dataclass(frozen=True)
class Share:
    """A wish: this share of all heads, of all neurons, or of the parameters that stand and fall with both, stays."""

    share: float
    of: Of = "parameters"

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or self.of not in ("heads", "neurons", "parameters"):
            raise BadRequest(
                f"a share of {self.share:g} of {self.of} is to stay.",
                "Give a share between 0 and 1 of heads, neurons or parameters.",
            )

    @property
    def target(self) -> float:
        return self.share

    def size(self, gates: "Gates", heads: Sequence[Any], neurons: Sequence[Any], width: Any = 1.0) -> Any:
        """The share that stays of the whole with so many heads and neurons in each layer module, and a share of the width; numbers or tensors."""
        weigh = {"heads": (1.0, 0.0), "neurons": (0.0, 1.0)}.get(self.of)
        costs = gates.costs if weigh is None else [weigh] * len(gates.costs)
        total = sum(h * a + n * b for (h, n), (a, b) in zip(gates.shape, costs, strict=True))
        kept = sum(h * a + n * b for h, n, (a, b) in zip(heads, neurons, costs, strict=True)) / max(total, 1)
        return kept * width if weigh is None else kept


@dataclass(frozen=True)
class Speed:
    """A wish: `times` as fast as the whole by a table (compress/inference/latency.py); between its numbers by straight lines, so it has slopes."""

    times: float
    table: LatencyTable = field(compare=False)

    def __post_init__(self) -> None:
        if self.times <= 1:
            raise BadRequest(f"a speed-up of {self.times:g} takes nothing out.", "Give more than 1.")

    @property
    def target(self) -> float:
        return 1 / self.times

    def size(self, gates: "Gates", heads: Sequence[Any], neurons: Sequence[Any], width: Any = 1.0) -> Any:
        """Seconds as a share of those of the whole; the table knows the whole's width alone."""
        repeat, table = self.table.layers / len(gates.shape), self.table
        whole = table.of([s for s in gates.shape for _ in range(round(repeat))])
        each = [
            interpolated(h, table.head_counts, table.heads) + interpolated(n, table.neuron_counts, table.neurons)
            for h, n in zip(heads, neurons, strict=True)
        ]
        return (table.fixed + repeat * sum(each)) / whole


Wish = Share | Speed


def interpolated(x: Any, at: NDArray[np.int64], values: NDArray[np.float64]) -> Any:
    """numpy's `interp` at one number, or at a tensor of one, with the slope of the line that it lies on."""
    if not isinstance(x, Tensor):
        return float(np.interp(x, at, values))
    if len(at) < 2:
        return x * 0 + float(values[0])
    k = int(np.clip(np.searchsorted(at, float(x.detach()), side="right") - 1, 0, len(at) - 2))
    slope = float(values[k + 1] - values[k]) / float(at[k + 1] - at[k])
    return float(values[k]) + slope * (x.clamp(float(at[0]), float(at[-1])) - float(at[k]))


class Marks(NamedTuple):
    """True where a head or neuron goes, one array a layer module, and where a hidden dimension does."""

    heads: list[NDArray[np.bool_]]
    neurons: list[NDArray[np.bool_]]
    hidden: NDArray[np.bool_] = np.zeros(0, dtype=bool)


class Gates(nn.Module):
    """The gates of a model: a log_alpha for each part that `on` names, one tensor a layer module, and the two multipliers of a wish."""

    def __init__(self, model: Any, encoder: Encoder, on: tuple[On, ...], law: HardConcrete, start: float) -> None:
        super().__init__()
        self.on, self.law = on, law
        self.shape = sizes(encoder, model)
        self.costs = _costs(model, encoder, self.shape)
        begin = law.log_alpha(start)
        make = lambda n: nn.Parameter(torch.full((n,), begin, device=encoder.device))
        self.parts = nn.ParameterDict(
            {
                f"{what}_{k}": make({"head": h, "neuron": n}.get(what, 1))
                for k, (h, n) in enumerate(self.shape)
                for what in on
                if what != "hidden"
            }
        )
        if "hidden" in on:
            self.parts["hidden"] = make(encoder.width)
        self.multipliers = nn.Parameter(torch.tensor([0.0, 30.0], device=encoder.device))

    def each(self, how: Any) -> tuple[list[Tensor | None], list[Tensor | None]]:
        """`how` of the gates on heads and on neurons, (heads,) and (neurons,) a layer module, times that of their sublayer; None without gates."""
        found: tuple[list[Tensor | None], list[Tensor | None]] = ([], [])
        for k, counts in enumerate(self.shape):
            for side, n, own, above in zip(found, counts, ("head", "neuron"), ("attention", "ffn"), strict=True):
                gates = [how(self.parts[f"{what}_{k}"]) for what in (own, above) if f"{what}_{k}" in self.parts]
                side.append(torch.stack([g.expand(n) for g in gates]).prod(0) if gates else None)
        return found

    def expected(self) -> tuple[list[Any], list[Any], Any]:
        """How many heads and neurons are open in each layer module, and the share of the width that is, in expectation."""
        count = lambda side, i: [s[i] if p is None else p.sum() for p, s in zip(side, self.shape, strict=True)]
        heads, neurons = self.each(self.law.p_open)
        width = self.law.p_open(self.parts["hidden"]).mean() if "hidden" in self.parts else 1.0
        return count(heads, 0), count(neurons, 1), width

    def undecided(self) -> float:
        """The share of gates that are open with a probability between 0.1 and 0.9."""
        p = torch.cat([self.law.p_open(a.detach()).flatten() for a in self.parts.values()])
        return float(((p > 0.1) & (p < 0.9)).float().mean())

    def closed(self) -> Marks:
        """The parts whose gates are 0 at test."""
        mark = lambda g, n: np.zeros(n, dtype=bool) if g is None else (g.detach() == 0).cpu().numpy()
        sides = zip(self.each(self.law.value), zip(*self.shape, strict=True), strict=True)
        heads, neurons = ([mark(g, n) for g, n in zip(side, counts, strict=True)] for side, counts in sides)
        return Marks(heads, neurons, mark(self.width(self.law.value), 0))

    def width(self, how: Any) -> Tensor | None:
        """`how` of the gates on hidden dimensions, (width,)."""
        return how(self.parts["hidden"]) if "hidden" in self.parts else None

    def read(self, wish: Wish, target: float | None = None) -> Marks:
        """The parts that go so that the wish holds: the least open first, over all layers, until the size is nearest to its target.

        After training has reached the wish this is the gap between open and closed gates; before that it decides.
        """
        target = wish.target if target is None else target
        open_h, open_n = self.each(lambda a: self.law.p_open(a.detach()))
        order: list[tuple[float, int, int, int]] = []
        for side, gates in enumerate((open_h, open_n)):
            for k, p in enumerate(gates):
                order += [] if p is None else [(float(x), k, side, i) for i, x in enumerate(p)]
        wide = self.width(lambda a: self.law.p_open(a.detach()))
        of = 0 if wide is None else len(wide)
        if wide is not None:  # one dimension at least stays: the most open
            order += [(float(x), -1, 2, i) for i, x in enumerate(wide) if i != int(wide.argmax())]
        order.sort(key=lambda item: item[0])

        def size(gone: int) -> float:
            counts, narrower = [list(s) for s in self.shape], 0
            for _, k, side, _ in order[:gone]:
                if side == 2:
                    narrower += 1
                else:
                    counts[k][side] -= 1
            return float(wish.size(self, [c[0] for c in counts], [c[1] for c in counts], 1 - narrower / max(of, 1)))

        low, high = 0, len(order)  # the first number gone at which the size is no larger than the target
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if size(middle) <= target else (middle + 1, high)
        best = min({max(low - 1, 0), low}, key=lambda g: abs(size(g) - target))
        zeros = lambda n: np.zeros(n, dtype=bool)
        marks = Marks([zeros(h) for h, _ in self.shape], [zeros(n) for _, n in self.shape], zeros(of))
        for _, k, side, i in order[:best]:
            (marks.hidden if side == 2 else marks[side][k])[i] = True
        return marks

    def least(self, wish: Wish) -> float:
        """The size with every gate closed."""
        heads = [0 if {"head", "attention"} & {*self.on} else h for h, _ in self.shape]
        neurons = [0 if {"neuron", "ffn"} & {*self.on} else n for _, n in self.shape]
        return float(wish.size(self, heads, neurons, 0.0 if "hidden" in self.on else 1.0))


@contextmanager
def width_gated(model: Any, width: int, gate: Tensor) -> Iterator[None]:
    """Inside, each norm of the width is taken over the dimensions whose gate is not 0, and gives them out times their gates, (width,).

    What heads, poolers and the like make in that width is 0 in the other dimensions. So compress/pruning/width.py takes them out.
    """
    alive = (gate > 0).to(gate.dtype)
    norms, handles = _norms(model, width), []
    for norm in norms:
        norm.forward = partial(_normed, norm, gate, alive)  # type: ignore[method-assign]
    layers = {id(m) for layer in layer_modules(model.base_model, FAMILIES[kind(model.config)]) for m in layer.modules()}
    shut: Any = lambda m, args, out: out * alive.to(out.dtype)
    for module in model.modules():
        if isinstance(module, nn.Linear) and id(module) not in layers and module.out_features == width:
            handles.append(module.register_forward_hook(shut))
    try:
        yield
    finally:
        for norm in norms:
            del norm.forward
        for handle in handles:
            handle.remove()


def _norms(model: Any, width: int) -> list[nn.LayerNorm]:
    return [m for m in model.modules() if isinstance(m, nn.LayerNorm) and tuple(m.normalized_shape) == (width,)]


def _normed(norm: nn.LayerNorm, gate: Tensor, alive: Tensor, states: Tensor) -> Tensor:
    gate, alive = gate.to(states.dtype), alive.to(states.dtype)
    count = alive.sum()
    centred = (states - (states * alive).sum(-1, keepdim=True) / count) * alive
    made = centred * torch.rsqrt(centred.square().sum(-1, keepdim=True) / count + norm.eps) * norm.weight
    return (made if norm.bias is None else made + norm.bias) * gate


@torch.no_grad()
def fold(
    model: Any, encoder: Encoder, marks: Marks, heads: Sequence[Tensor | None], neurons: Sequence[Tensor | None],
    hidden: Tensor | None = None,
) -> None:  # fmt: skip
    """Multiplies gates into the columns of the matrices that read them, and those on hidden dimensions into the norms, 0 where marked; a
    gate that stays is at least 0.01."""
    if hidden is not None:
        by = hidden.clamp(min=0.01) * torch.from_numpy(~marks.hidden).to(hidden.device)
        for norm in _norms(model, encoder.width):
            norm.weight.mul_(by)
            if norm.bias is not None:
                norm.bias.mul_(by)
    family = encoder.family
    for layer, gone_h, gone_n, h, n in zip(
        layer_modules(model.base_model, family), marks.heads, marks.neurons, heads, neurons, strict=True
    ):
        for path, gone, gate in ((family.head, gone_h, h), (family.neuron, gone_n, n)):
            if gate is None or not path or not len(gone):
                continue
            weight = layer.get_submodule(path).weight
            stays = torch.from_numpy(~gone).to(weight.device)
            by = gate.clamp(min=0.01) * stays
            weight.mul_(by.repeat_interleave(weight.shape[1] // len(by)))


def closed_parts(encoder: Encoder) -> Marks:
    """The heads and neurons that nothing reads: their columns of the matrix behind them are all 0."""
    heads, neurons = [], []
    family = encoder.family
    for layer, (h, n) in zip(layer_modules(encoder.base, family), sizes(encoder), strict=True):
        zero = lambda path, parts, layer=layer: (
            (layer.get_submodule(path).weight == 0).all(0).view(parts, -1).all(1).cpu().numpy()
            if parts
            else np.zeros(0, dtype=bool)
        )
        heads.append(zero(family.head, h))
        neurons.append(zero(family.neuron, n))
    return Marks(heads, neurons)


def sites_of(encoder: Encoder, marks: Marks) -> list[Site]:
    """The marked parts as sites of an encoder."""
    return Parts((np.zeros(0),) * len(marks.heads), ()).sites(encoder, marks.heads, marks.neurons)


@torch.no_grad()
def narrows_exactly(encoder: Encoder) -> bool:
    """Whether an encoder with half of its hidden dimensions shut by `width_gated` computes what it does without them."""
    keep = list(range(0, encoder.width, 2))
    gate = torch.zeros(encoder.width, device=encoder.device)
    gate[keep] = 1.0
    ids = torch.tensor([encoder.tokenizer("a b c d")["input_ids"]], device=encoder.device)
    less, model = narrowed(encoder, keep), encoder.model
    with width_gated(model, encoder.width, gate):
        shut = model(input_ids=ids)[0]
    return torch.allclose(less.model(input_ids=ids)[0], shut, rtol=1e-3, atol=1e-4)


def _costs(model: Any, encoder: Encoder, shape: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    """Parameters that go with one head and with one neuron of each layer module."""
    family, found = encoder.family, []
    for layer, (h, n) in zip(layer_modules(model.base_model, family), shape, strict=True):
        size = lambda paths, layer=layer: sum(
            p.numel() for path in paths for p in layer.get_submodule(path).parameters()
        )
        head = size(family.into_heads) + layer.get_submodule(family.head).weight.numel() if h and family.head else 0
        neuron = size(family.into_neurons) + layer.get_submodule(family.neuron).weight.numel() if n else 0
        found.append((head / max(h, 1), neuron / max(n, 1)))
    return found
