"""Seconds of an encoder on this machine: of the whole, and of each part that could go (ZipLM: Kurtic et al. 2023).

A table is measured once, by taking the same number of heads or neurons out of every layer; a shape's latency is then the sum over
its layers, and any cut can be priced before it is made.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bertology.compress.pruning.gates import sizes
from bertology.encoder.cut import cut
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import head, neuron
from bertology.encoder.watch import layer_modules
from bertology.train.classifier import Labelled


def seconds(run: Callable[[], Any], *, repeats: int = 7, least: float = 0.05) -> float:
    """Median wall-clock time of a call, after a warm-up; short calls are repeated within a measurement to last `least` seconds."""
    run()
    started = time.perf_counter()
    run()
    once = time.perf_counter() - started
    inner = max(1, round(least / max(once, 1e-6)))
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        for _ in range(inner):
            run()
        taken.append((time.perf_counter() - started) / inner)
    return statistics.median(taken)


def forward(encoder: Encoder, *, batch: int = 1, length: int = 64) -> Callable[[], Any]:
    """A forward pass of the trunk over `batch` rows of `length` subwords without padding."""
    rng = torch.Generator().manual_seed(0)
    most = int(encoder.config.vocab_size)
    ids = torch.randint(0, most, (batch, min(length, encoder.max_length)), generator=rng).to(encoder.device)
    base, mask = encoder.base, torch.ones_like(ids)

    def run() -> Any:
        with torch.inference_mode():
            return base(input_ids=ids, attention_mask=mask)

    return run


def over(run: Callable[[dict[str, Any]], Any], given: Sequence[Labelled]) -> Callable[[], None]:
    """A call that runs all batches of labelled examples."""

    def every() -> None:
        with torch.inference_mode():
            for batch in given:
                run(batch.inputs)

    return every


def latency(encoder: Encoder, *, batch: int = 1, length: int = 64, repeats: int = 7) -> float:
    """Seconds of a forward pass of the trunk, median of `repeats`."""
    return seconds(forward(encoder, batch=batch, length=length), repeats=repeats)


def layer_parameters(encoder: Encoder) -> int:
    """Parameters of all layers; shared ones count once."""
    return sum(p.numel() for module in layer_modules(encoder.base, encoder.family) for p in module.parameters())


@dataclass(frozen=True)
class LatencyTable:
    """`fixed` seconds whatever is cut; `heads[k]` and `neurons[k]` seconds of one layer at the k-th number of `head_counts`, `neuron_counts`."""

    fixed: float
    head_counts: NDArray[np.int64]
    heads: NDArray[np.float64]
    neuron_counts: NDArray[np.int64]
    neurons: NDArray[np.float64]
    layers: int

    def of(self, shape: Sequence[tuple[int, int]]) -> float:
        """Seconds of an encoder with these (heads, neurons) a layer; between measured numbers by straight lines."""
        h, n = np.array(shape).reshape(-1, 2).T
        each = np.interp(h, self.head_counts, self.heads) + np.interp(n, self.neuron_counts, self.neurons)
        return self.fixed + float(each.sum())

    @classmethod
    def of_parameters(cls, encoder: Encoder) -> "LatencyTable":
        """The same with parameters of the layers for seconds: what a cut saves in size."""
        (n_heads, n_neurons), *_ = sizes(encoder)
        counted = lambda *sites: float(layer_parameters(cut(encoder, *sites) if sites else encoder))
        full, no_heads, no_neurons = counted(), counted(head(None, None)), counted(neuron(None, None))
        heads, neurons = np.array([0.0, full - no_heads]), np.array([0.0, full - no_neurons])
        return cls(
            full - float(heads[-1] + neurons[-1]), np.array([0, n_heads]), heads / encoder.n_layers,
            np.array([0, n_neurons]), neurons / encoder.n_layers, encoder.n_layers,
        )  # fmt: skip

    @classmethod
    def measure(
        cls, encoder: Encoder, *, batch: int = 1, length: int = 64, steps: int = 8, repeats: int = 5
    ) -> "LatencyTable":
        """Times the encoder with 0, 1/steps, ... of its heads, and of its neurons, in all layers.

        Times are made monotone (a smaller part is never dearer), and scaled so that a trunk without any head or neuron costs what one
        was measured at. The encoder must be whole, or the same in all layers.
        """
        (n_heads, n_neurons), *_ = sizes(encoder)
        layers = encoder.n_layers
        counts_h = np.unique(np.linspace(0, n_heads, min(steps, n_heads) + 1).round().astype(np.int64))
        counts_n = np.unique(np.linspace(0, n_neurons, steps + 1).round().astype(np.int64))
        timed = lambda one: latency(one, batch=batch, length=length, repeats=repeats)
        without = lambda site, keep, of: cut(encoder, *(site(None, i) for i in range(keep, of)))
        by_heads = np.array([timed(without(head, int(k), n_heads)) for k in counts_h])
        by_neurons = np.array([timed(without(neuron, int(k), n_neurons)) for k in counts_n])
        by_heads, by_neurons = np.maximum.accumulate(by_heads), np.maximum.accumulate(by_neurons)
        full = (by_heads[-1] + by_neurons[-1]) / 2
        bare = min(timed(cut(encoder, head(None, None), neuron(None, None))), full)
        heads, neurons = (by_heads - by_heads[0]) / layers, (by_neurons - by_neurons[0]) / layers
        scale = (full - bare) / max(layers * float(heads[-1] + neurons[-1]), 1e-12)
        return cls(bare, counts_h, scale * heads, counts_n, scale * neurons, layers)
