"""Which code computes attention: transformers' backends by name, switched on a loaded model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def set_attention(model: Any, backend: str) -> None:
    """Switches a model to "eager", "sdpa", ...; models of older transformers that refuse to switch are told by their configs."""
    if model.config._attn_implementation == backend:
        return
    if getattr(model, "_can_set_attn_implementation", lambda: True)():
        model.set_attn_implementation(backend)
    for module in model.modules():
        config = getattr(module, "config", None)
        if config is not None and hasattr(config, "_attn_implementation") and config._attn_implementation != backend:
            config._attn_implementation = backend


@contextmanager
def attention(model: Any, backend: str | None) -> Iterator[None]:
    """Inside, a model has another backend, where one is named and the model has a choice."""
    loaded = model.config._attn_implementation
    if backend is None or loaded in (None, backend):
        yield
        return
    set_attention(model, backend)
    try:
        yield
    finally:
        set_attention(model, loaded)
