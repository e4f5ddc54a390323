"""Layers called otherwise, for a while: skipped, projected onto some dimensions, or listened to. Nothing of the encoder changes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from bertology.encoder.encoder import Encoder
from bertology.encoder.watch import layer_modules


@contextmanager
def skipped(encoder: Encoder, layers: Sequence[int]) -> Iterator[None]:
    """Inside, some layers (from 1) hand on what they are given: what `cut` takes out for good (encoder/cut.py)."""
    with _wrapped(encoder, lambda layer, own, args, kwargs: _first_in(args, kwargs) if layer in layers else None):
        yield


@contextmanager
def projected(encoder: Encoder, onto: Sequence[tuple[Tensor, Tensor]]) -> Iterator[None]:
    """Inside, each layer's output h is m + (h - m) B Bᵀ, of its mean m and basis B (width, kept)."""

    def change(layer: int, own: Callable[..., Any], args: Any, kwargs: Any) -> Tensor:
        output = own(*args, **kwargs)
        states = output[0] if isinstance(output, tuple) else output
        mean, basis = onto[layer - 1]
        return mean + ((states - mean) @ basis) @ basis.T

    with _wrapped(encoder, change):
        yield


@contextmanager
def states(encoder: Encoder) -> Iterator[list[Tensor]]:
    """Inside, each forward pass appends the embeddings' and every layer's output."""
    seen: list[Tensor] = []

    def note(layer: int, own: Callable[..., Any], args: Any, kwargs: Any) -> Tensor:
        if layer == 1:
            seen.append(_first_in(args, kwargs))
        output = own(*args, **kwargs)
        seen.append(output[0] if isinstance(output, tuple) else output)
        return seen[-1]

    with _wrapped(encoder, note):
        yield seen


@contextmanager
def _wrapped(encoder: Encoder, change: Callable[..., Tensor | None]) -> Iterator[None]:
    """Layers are called through `change` (layer, own forward, args, kwargs); None from it calls the layer itself."""
    base, count = encoder.base, [0]
    width = encoder._layer_outputs
    modules = list(dict.fromkeys(layer_modules(base, encoder.family)))
    own = {module: module.forward for module in modules}
    before = {module: module.__dict__.get("forward") for module in modules}

    def forward(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        layer = count[0] % encoder.n_layers + 1
        count[0] += 1
        found = change(layer, own[module], args, kwargs)
        if found is None:
            return own[module](*args, **kwargs)
        return (found, *[None] * (width - 1)) if width else found

    for module in modules:
        module.forward = lambda *args, _m=module, **kwargs: forward(_m, *args, **kwargs)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for module in modules:
            del module.forward
            if before[module] is not None:
                module.forward = before[module]  # type: ignore[method-assign]


def _first_in(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    return args[0] if args else kwargs["hidden_states"]
