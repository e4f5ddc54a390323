"""Layers called otherwise, for a while: skipped, projected onto some dimensions, or listened to. Nothing of the encoder changes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from bertology.compress.inference.layerwise import layer_by_layer, states_of
from bertology.encoder.encoder import Encoder


@contextmanager
def skipped(encoder: Encoder, layers: Sequence[int]) -> Iterator[None]:
    """Inside, some layers (from 1) hand on what they are given: what `cut` takes out for good (encoder/cut.py)."""
    with _wrapped(encoder, lambda layer, own, args, kwargs: states_of(args, kwargs) if layer in layers else None):
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
            seen.append(states_of(args, kwargs))
        output = own(*args, **kwargs)
        seen.append(output[0] if isinstance(output, tuple) else output)
        return seen[-1]

    with _wrapped(encoder, note):
        yield seen


@contextmanager
def _wrapped(encoder: Encoder, change: Callable[..., Tensor | None]) -> Iterator[None]:
    """Layers are called through `change` (layer, own forward, args, kwargs); None from it calls the layer itself."""
    width = encoder._layer_outputs

    def run(
        number: int, module: nn.Module, own: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        found = change((number - 1) % encoder.n_layers + 1, own, args, kwargs)
        if found is None:
            return own(*args, **kwargs)
        return (found, *[None] * (width - 1)) if width else found

    with layer_by_layer(encoder.base, run):
        yield
