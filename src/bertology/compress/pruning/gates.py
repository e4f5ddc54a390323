"""Gates on the heads and neurons of a model: what its loss says about each, and gates that learn to close.

A gate multiplies a head's output or a neuron's activation where the second matrix reads it (encoder/families.py), under any attention
backend; at 0 it is what encoder/cut.py takes out. Layers that share their weights share their gates.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bertology.encoder.cut import sizes as sizes_of
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site
from bertology.encoder.watch import layer_modules
from bertology.train.classifier import Labelled, loss_of
from bertology.train.task import Task


class Parts(NamedTuple):
    """A value for each head and each neuron: one array a layer module, (heads,) and (neurons,)."""

    heads: tuple[NDArray[np.float64], ...]
    neurons: tuple[NDArray[np.float64], ...]

    def sites(
        self, encoder: Encoder, heads: "list[NDArray[np.bool_]]", neurons: "list[NDArray[np.bool_]]"
    ) -> list[Site]:
        """The heads and neurons that are marked, as sites; in every layer of a module that layers share."""
        found = []
        shared = encoder.n_layers // len(self.heads)
        for k, (h, n) in enumerate(zip(heads, neurons, strict=True)):
            for layer in range(1, encoder.n_layers + 1) if shared > 1 else (k + 1,):
                found += [Site("head", layer, int(i)) for i in np.flatnonzero(h)]
                found += [Site("neuron", layer, int(i)) for i in np.flatnonzero(n)]
        return found


def sizes(encoder: Encoder, model: Any = None) -> list[tuple[int, int]]:
    """(heads, neurons) of each layer module."""
    return sizes_of(model or encoder.model, encoder.family)


@contextmanager
def gated(model: Any, encoder: Encoder, heads: list[Tensor | None], neurons: list[Tensor | None]) -> Iterator[None]:
    """Inside, each layer module's heads and neurons are multiplied by its gates, (heads,) or (example, heads); None leaves them."""
    handles = []

    def times(gate: Tensor, parts: int) -> Any:
        def hook(module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            shaped = gate if gate.ndim == 1 else gate[:, None]  # (example, token, part)
            split = args[0].unflatten(-1, (parts, -1))
            return ((split * shaped[..., None].to(split.dtype)).flatten(-2), *args[1:])

        return hook

    for layer, h, n in zip(layer_modules(model.base_model, encoder.family), heads, neurons, strict=True):
        for gate, path in ((h, encoder.family.head), (n, encoder.family.neuron)):
            if gate is not None and path and gate.shape[-1]:
                handles.append(layer.get_submodule(path).register_forward_pre_hook(times(gate, gate.shape[-1])))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def sensitivity(model: Any, encoder: Encoder, task: Task, batches: Iterable[Labelled]) -> Parts:
    """E over examples of |∂ loss / ∂ gate| at gate 1 (Michel et al. 2019, eq. 2; for neurons as for heads), not normalised."""
    model.eval()

    def losses() -> Iterator[tuple[int, Callable[[], Tensor]]]:
        for batch in batches:
            # the mean over a batch: each example's own gradient is that of its share, times the batch
            yield len(batch), lambda batch=batch: loss_of(model(**batch.inputs).logits, batch.labels, task) * len(batch)  # type: ignore[misc]

    return felt(model, encoder, losses())


def felt(model: Any, encoder: Encoder, losses: Iterable[tuple[int, Callable[[], Tensor]]]) -> Parts:
    """The same of any loss: `losses` yields the number of examples and what computes their summed loss."""
    counts = sizes(encoder, model)
    total = [(np.zeros(h), np.zeros(n)) for h, n in counts]
    seen = 0
    for size, loss in losses:
        ones = lambda n, size=size: torch.ones(size, n, device=encoder.device, requires_grad=True)
        heads: list[Any] = [ones(h) if h else None for h, _ in counts]
        neurons: list[Any] = [ones(n) if n else None for _, n in counts]
        with torch.enable_grad(), gated(model, encoder, heads, neurons):
            value = loss()
        wanted = [g for g in (*heads, *neurons) if g is not None]
        slopes = iter(torch.autograd.grad(value, wanted, allow_unused=True) if wanted else ())
        found = {id(g): s for g, s in zip(wanted, slopes, strict=True)}
        for (h, n), gate_h, gate_n in zip(total, heads, neurons, strict=True):
            for store, gate in ((h, gate_h), (n, gate_n)):
                if gate is not None and found[id(gate)] is not None:
                    store += found[id(gate)].abs().sum(0).double().cpu().numpy()
        seen += size
    return Parts(tuple(h / max(seen, 1) for h, _ in total), tuple(n / max(seen, 1) for _, n in total))


def normalised(parts: Parts) -> Parts:
    """Heads and neurons of a layer divided by their l2 norm in it, as Michel et al. and Molchanov et al. do across layers."""
    unit = lambda x: x / max(float(np.linalg.norm(x)), 1e-12)
    return Parts(tuple(unit(h) for h in parts.heads), tuple(unit(n) for n in parts.neurons))
