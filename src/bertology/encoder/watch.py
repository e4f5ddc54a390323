"""Reading and editing an encoder while it runs: hooks at the addresses of its family row.

Attention weights are read and edited at the softmax itself, which every eager implementation calls once per layer on
(batch, head, query, key) scores; so no family needs code of its own.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bertology.encoder.families import Family
from bertology.encoder.sites import Site
from bertology.record.errors import NotObserved

Edit = Callable[[Tensor, Tensor | None], Tensor]
"""(value at the site, the layer's input for "hidden" sites else None) -> the new value, same shape."""


@dataclass
class Observation:
    """What one batch showed, by (kind, layer). Lives until the next batch."""

    seen: dict[tuple[str, int], Tensor] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    memo: dict[Any, Any] = field(default_factory=dict)
    """What statistics of the same pass share, such as word vectors (observe/words.py)."""

    def hidden(self, layer: int) -> Tensor:
        return self._get("hidden", layer)

    def attention(self, layer: int) -> Tensor:
        return self._get("attention", layer)

    def head(self, layer: int) -> Tensor:
        return self._get("head", layer)

    def value(self, layer: int) -> Tensor:
        return self._get("value", layer)

    def neuron(self, layer: int) -> Tensor:
        return self._get("neuron", layer)

    def _get(self, kind: str, layer: int) -> Tensor:
        try:
            return self.seen[kind, layer]
        except KeyError:
            raise NotObserved(
                f"this pass did not read {kind}(layer={layer}).", f"Add {kind}() to the statistic's `sites`."
            ) from None


@dataclass
class Watcher:
    """Installs the hooks for one forward pass and counts the calls of each layer in order."""

    base: nn.Module
    family: Family
    n_heads: int
    n_layers: int
    read: frozenset[tuple[str, int]]
    edits: Mapping[tuple[str, int], Edit]
    keep_graph: bool = False
    order: list[nn.Module] = field(default_factory=list)
    """The layer modules in the order of their calls, filled by the pass."""

    @contextmanager
    def watching(self) -> Iterator[Observation]:
        """Inside, one forward pass of the base model fills the Observation."""
        observation = Observation()
        state = _State(self, observation)
        modules = layer_modules(self.base, self.family)
        handles = []
        kinds = {kind for kind, _ in (*self.read, *self.edits)}
        try:
            for module in modules:
                handles.append(module.register_forward_pre_hook(state.enter, with_kwargs=True))
                handles.append(module.register_forward_hook(state.leave, with_kwargs=True))
                if "head" in kinds and self.family.head:
                    handles.append(module.get_submodule(self.family.head).register_forward_pre_hook(state.at_head))
                if "neuron" in kinds:
                    handles.append(module.get_submodule(self.family.neuron).register_forward_pre_hook(state.at_neuron))
                if "value" in kinds and self.family.value:
                    handles.append(module.get_submodule(self.family.value).register_forward_hook(state.at_value))
            handles.append(self.base.register_forward_hook(state.at_output))
            if "attention" in kinds:
                with _SoftmaxTap(state.at_softmax):
                    yield observation
            else:
                yield observation
        finally:
            for handle in handles:
                handle.remove()


def layer_modules(base: nn.Module, family: Family) -> list[Any]:
    """The distinct layer modules, in the order of their names."""
    found = [base]
    for step in family.layers.split("."):
        if step == "*":
            found = [child for module in found for child in module.children()]
        else:
            found = [getattr(module, step) for module in found]
    return found


class _State:
    """Which layer is running; layers are numbered by the order of calls, from 1."""

    def __init__(self, watcher: Watcher, observation: Observation) -> None:
        self.w, self.seen, self.calls = watcher, observation.seen, observation.calls
        self.layer = 0
        self.input: Tensor | None = None
        self.softmax_open = False

    def enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.layer += 1
        self.calls["layer"] = self.layer
        self.w.order.append(module)
        self.softmax_open = True
        states = args[0] if args else kwargs["hidden_states"]
        if self.layer == 1:
            edited = self._pass("hidden", 0, states, states)
            if edited is not states:
                states = edited
                args, kwargs = ((states, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": states})
        self.input = states
        return args, kwargs

    def leave(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        self.softmax_open = False
        states = output[0] if isinstance(output, tuple) else output
        edited = self._edit("hidden", self.layer, states, self.input)
        if self.layer < self.w.n_layers:
            self._read("hidden", self.layer, edited)
        if edited is states:
            return None
        return (edited, *output[1:]) if isinstance(output, tuple) else edited

    def at_output(self, module: nn.Module, args: Any, output: Any) -> None:
        self._read("hidden", self.w.n_layers, output[0])

    def at_head(self, module: nn.Module, args: tuple[Any, ...]) -> Any:
        flat = args[0]
        split = flat.unflatten(-1, (self.w.n_heads, -1))
        edited = self._pass("head", self.layer, split, None)
        in_graph = (
            self.w.keep_graph and ("head", self.layer) in self.w.read
        )  # the view must lie on the path of gradients
        return None if edited is split and not in_graph else (edited.flatten(-2), *args[1:])

    def at_neuron(self, module: nn.Module, args: tuple[Any, ...]) -> Any:
        edited = self._pass("neuron", self.layer, args[0], None)
        return None if edited is args[0] else (edited, *args[1:])

    def at_value(self, module: nn.Module, args: Any, output: Tensor) -> Any:
        layout, heads = self.w.family.value_layout, self.w.n_heads
        if layout == "heads":
            split = output.unflatten(-1, (heads, -1))
        elif layout == "last third":
            split = output.unflatten(-1, (3, heads, -1))[..., 2, :, :]
        else:
            split = output.unflatten(-1, (heads, 3, -1))[..., 2, :]
        self._read("value", self.layer, split)

    def at_softmax(self, weights: Tensor) -> Tensor:
        """Only the first token × token softmax of a layer is its attention."""
        if not self.softmax_open or weights.ndim != 4 or weights.shape[1] != self.w.n_heads:
            return weights
        if weights.shape[2] != weights.shape[3] or self.input is None or weights.shape[2] != self.input.shape[-2]:
            return weights
        self.softmax_open = False
        return self._pass("attention", self.layer, weights, None)

    def _pass(self, kind: str, layer: int, value: Tensor, context: Tensor | None) -> Tensor:
        value = self._edit(kind, layer, value, context)
        self._read(kind, layer, value)
        return value

    def _edit(self, kind: str, layer: int, value: Tensor, context: Tensor | None) -> Tensor:
        edit = self.w.edits.get((kind, layer))
        if edit is None:
            return value
        self.calls[f"{kind} {layer}"] = self.calls.get(f"{kind} {layer}", 0) + 1
        return edit(value, context)

    def _read(self, kind: str, layer: int, value: Tensor) -> None:
        if (kind, layer) in self.w.read:
            if self.w.keep_graph and value.requires_grad:
                value.retain_grad()
            self.seen[kind, layer] = value


class _SoftmaxTap(TorchFunctionMode):
    """Sees every softmax that PyTorch runs and may replace its result."""

    _functions = (torch.softmax, torch.nn.functional.softmax, Tensor.softmax)

    def __init__(self, tap: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.tap = tap

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        return self.tap(result) if func in self._functions else result


def expand(sites: frozenset[Site], n_layers: int) -> frozenset[tuple[str, int]]:
    """Sites as (kind, layer) pairs; `layer=None` becomes every layer."""
    first = {"hidden": 0}
    return frozenset(
        (site.kind, layer)
        for site in sites
        for layer in (range(first.get(site.kind, 1), n_layers + 1) if site.layer is None else [site.layer])
    )
