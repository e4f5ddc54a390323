"""Which heads and neurons stay for a speed: the most importance that the time allows, by a measured table of this machine."""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.compress.inference.latency import LatencyTable
from bertology.compress.pruning.gates import Parts


class Choice(NamedTuple):
    """Marks of what goes, one array a layer module; `shape` the (heads, neurons) that stay in each layer; `seconds` by the table."""

    heads: list[NDArray[np.bool_]]
    neurons: list[NDArray[np.bool_]]
    shape: list[tuple[int, int]]
    seconds: float


def within(importance: Parts, table: LatencyTable, seconds: float, *, group: int = 32, least_heads: int = 0) -> Choice:
    """Takes out the part with the least importance for the time it saves, one after another, until the table says `seconds`.

    A part is a head, or `group` neurons of a layer (matrix products are fastest at such multiples). `importance` is per layer
    module; layers that share a module count together. At least `least_heads` heads stay a layer.
    """
    repeat = table.layers // len(importance.heads)
    heads = [np.zeros(len(h), dtype=bool) for h in importance.heads]
    neurons = [np.zeros(len(n), dtype=bool) for n in importance.neurons]
    order_h = [np.argsort(h, kind="stable") for h in importance.heads]
    order_n = [np.argsort(n, kind="stable") for n in importance.neurons]
    shape = [(len(h), len(n)) for h, n in zip(heads, neurons, strict=True)]
    now = table.of([s for s in shape for _ in range(repeat)])
    queue: list[tuple[float, int, str, int]] = []

    def offer(k: int, what: str) -> None:
        """The next part of a layer with its importance for each second saved."""
        h, n = shape[k]
        if what == "head":
            if h <= least_heads:
                return
            loss, smaller = float(importance.heads[k][order_h[k][len(heads[k]) - h]]), (h - 1, n)
        else:
            if n == 0:
                return
            step = min(group, n)
            gone = len(neurons[k]) - n
            loss, smaller = float(importance.neurons[k][order_n[k][gone : gone + step]].sum()), (h, n - step)
        saved = repeat * (table.of([(h, n)]) - table.of([smaller]))
        heapq.heappush(queue, (loss / max(saved, 1e-9), k, what, h if what == "head" else n))

    for k in range(len(shape)):
        offer(k, "head")
        offer(k, "neuron")
    while now > seconds and queue:
        _, k, what, size = heapq.heappop(queue)
        h, n = shape[k]
        if size != (h if what == "head" else n):
            continue
        if what == "head":
            heads[k][order_h[k][len(heads[k]) - h]] = True
            shape[k] = (h - 1, n)
        else:
            step, gone = min(group, n), len(neurons[k]) - n
            neurons[k][order_n[k][gone : gone + step]] = True
            shape[k] = (h, n - step)
        now = table.of([s for s in shape for _ in range(repeat)])
        offer(k, what)
    return Choice(heads, neurons, shape, now)


def of_random(importance: Parts, seed: int) -> Parts:
    """The same shape with random importance: the baseline of every criterion."""
    rng = np.random.default_rng(seed)
    draw = lambda parts: tuple(rng.random(len(p)) * float(np.mean(p)) for p in parts)
    return Parts(draw(importance.heads), draw(importance.neurons))


def shares(shape: Sequence[tuple[int, int]], of: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Shares of heads and of neurons that stay."""
    h, n = np.array(shape).sum(0) / np.maximum(np.array(of).sum(0), 1)
    return float(h), float(n)
