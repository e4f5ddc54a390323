"""Vectors of all layers as probes read them: (layer, row, width), float16 or float32, perhaps on disk; in blocks."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from bertology.record.errors import BadRequest, NotFinite

Vectors = NDArray[np.floating[Any]]
"""(layer, row, width). Only blocks of rows are ever converted to float32."""

BLOCK = 4096
SAMPLED = 8192


def check(vectors: Vectors, labels: NDArray[Any] | None = None, rows: NDArray[np.integer[Any]] | None = None) -> int:
    """The number of rows to use; BadRequest if shapes do not fit together or nothing is there to learn from."""
    if getattr(vectors, "ndim", 0) != 3:
        raise BadRequest(f"vectors have shape {np.shape(vectors)}.", "Give an array of shape (layer, row, width).")
    n = vectors.shape[1] if rows is None else len(rows)
    if n == 0 or vectors.shape[0] == 0:
        raise BadRequest(
            f"vectors of shape {vectors.shape} hold no row to use.", "Give at least one row and one layer."
        )
    if labels is not None and len(labels) != vectors.shape[1]:
        raise BadRequest(
            f"{len(labels)} labels for {vectors.shape[1]} rows of vectors.",
            "Give one label per row, in the rows' order.",
        )
    return n


def take(vectors: Vectors, rows: NDArray[np.integer[Any]] | slice) -> Float[Tensor, "layer row width"]:
    """Some rows of every layer, as float32."""
    block = vectors[:, rows] if isinstance(rows, slice) else np.take(vectors, rows, axis=1)
    return torch.tensor(block, dtype=torch.float32) if isinstance(rows, slice) else torch.from_numpy(block).float()


def blocks(
    vectors: Vectors, rows: NDArray[np.integer[Any]] | None = None, size: int = BLOCK
) -> Iterator[tuple[slice, Float[Tensor, "layer row width"]]]:
    """Consecutive blocks of rows with their place among the rows used."""
    n = vectors.shape[1] if rows is None else len(rows)
    for start in range(0, n, size):
        place = slice(start, min(start + size, n))
        yield place, take(vectors, place if rows is None else rows[place])


def minibatches(n: int, *, size: int, steps: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """`steps` batches of row numbers, each pass in a new order; all rows where one batch holds them."""
    rng = np.random.default_rng(seed)
    if n <= size:
        for _ in range(steps):
            yield np.arange(n)
        return
    per_pass = math.ceil(n / size)
    order = np.zeros(0, dtype=np.int64)
    for step in range(steps):
        at = step % per_pass
        if at == 0:
            order = rng.permutation(n)
        # Sorted inside a batch: the sum does not care, and memory is read forwards.
        yield np.sort(order[at * n // per_pass : (at + 1) * n // per_pass])


def location_and_scale(
    vectors: Vectors, rows: NDArray[np.integer[Any]] | None = None
) -> tuple[Float[Tensor, "layer width"], Float[Tensor, "layer width"], Float[Tensor, "layer row width"]]:
    """Mean and standard deviation of each feature, and the (at most 8,192, evenly spaced) rows they were taken from.

    A constant feature gets deviation 1. Raises NotFinite when a layer holds NaN or infinite values there.
    """
    n = vectors.shape[1] if rows is None else len(rows)
    picked = np.linspace(0, n - 1, min(n, SAMPLED)).astype(np.int64)
    sample = take(vectors, picked if rows is None else np.asarray(rows)[picked])
    mean = sample.mean(1)
    finite(mean, "vectors")
    std = sample.std(1, correction=0)
    return mean, torch.where(std > 1e-6 * (1 + mean.abs()), std, torch.ones(())), sample


def white_axes(
    standard: Float[Tensor, "layer row width"],
) -> tuple[Float[Tensor, "layer width axis"], Float[Tensor, "layer 1 axis"]]:
    """Principal axes of each layer and (λ + ε)^(-1/2) of their variances λ; ε = 0.003 keeps axes without variance quiet.

    At most as many axes as rows: on all others no row has anything.
    """
    correlation = torch.bmm(standard.transpose(1, 2), standard) / standard.shape[1]
    values, vectors = torch.linalg.eigh(correlation)
    few = min(standard.shape[1:])
    return vectors[:, :, -few:].contiguous(), (values[:, None, -few:].clamp(min=0) + 3e-3).rsqrt()


def whitening(standard: Float[Tensor, "layer row width"]) -> Float[Tensor, "layer width width"]:
    """(R + εI)^(-1/2) of each layer's correlation matrix R on its `white_axes`, nothing elsewhere."""
    axes, scale = white_axes(standard)
    return torch.bmm(axes * scale, axes.transpose(1, 2))


def schedule(done: float) -> float:
    """Learning rate at a share `done` of the steps: warm-up over the first twentieth, then a half cosine down to 0."""
    return min(1.0, done * 20) * 0.5 * (1 + math.cos(math.pi * done))


def finite(tensor: Float[Tensor, "layer ..."], what: str) -> None:
    """Raises NotFinite, naming the first layer with NaN or infinite values."""
    bad = ~torch.isfinite(tensor.reshape(len(tensor), -1)).all(1)
    if bool(bad.any()):
        raise NotFinite(
            f"{what} of layer {int(bad.nonzero()[0, 0])} hold NaN or infinite values.",
            "Check the encoder's activations; float16 overflows beyond 65,504, so scale or store them as float32.",
        )


def encode_labels(labels: NDArray[Any], classes: NDArray[Any]) -> Int[Tensor, "row"]:
    """The place of each label among sorted `classes`; -1 where it is not one of them."""
    labels = np.asarray(labels)
    place = np.searchsorted(classes, labels).clip(0, len(classes) - 1)
    return torch.from_numpy(np.where(classes[place] == labels, place, -1).astype(np.int64))


def class_list(labels: NDArray[Any], classes: NDArray[Any] | None) -> NDArray[Any]:
    """The sorted labels to tell apart: those given, or those that occur. BadRequest if fewer than two."""
    found = np.unique(np.asarray(labels) if classes is None else np.asarray(classes))
    if len(found) < 2:
        raise BadRequest(f"the labels have {len(found)} class.", "A classifier needs at least two.")
    return found
