"""Addresses inside an encoder, in the field's words."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """A place to read or edit. `layer` None means every layer; `index` (a head or neuron) None means all of them.

    Shapes at a site, for one batch: "hidden" (batch, token, width), layer 0 being the embeddings and the last one the
    encoder's output after its final norm, if it has one; "attention" (batch, head, query, key), layers 1 to L;
    "head" and "value" (batch, token, head, head_width); "neuron" (batch, token, neuron).
    """

    kind: str
    layer: int | None = None
    index: int | None = None

    def __str__(self) -> str:
        layer = "all layers" if self.layer is None else f"layer {self.layer}"
        part = self.kind if self.index is None else f"{self.kind} {self.index}"
        return f"{layer} · {part}"


def hidden(layer: int | None = None) -> Site:
    """Hidden states; layers 0 (embeddings) to L."""
    return Site("hidden", layer)


def attention(layer: int | None = None, head: int | None = None) -> Site:
    """Attention weights, layers 1 to L, heads from 0."""
    return Site("attention", layer, head)


def head(layer: int | None = None, head: int | None = None) -> Site:
    """A head's output before the output projection, layers 1 to L, heads from 0."""
    return Site("head", layer, head)


def value(layer: int | None = None) -> Site:
    """Value vectors, layers 1 to L."""
    return Site("value", layer)


def neuron(layer: int | None = None, index: int | None = None) -> Site:
    """Feed-forward activations before the second matrix, layers 1 to L."""
    return Site("neuron", layer, index)
