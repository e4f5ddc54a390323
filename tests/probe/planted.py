"""Vectors with a truth planted in them: linear classes in some layers, trees in others, noise elsewhere."""

import numpy as np
from numpy.typing import NDArray


def classes(
    *, strengths: tuple[float, ...] = (0.0, 2.0, 5.0), rows: int = 1200, width: int = 24, n: int = 4, seed: int = 0
) -> tuple[NDArray[np.float16], NDArray[np.str_]]:
    """Vectors (layer, row, width) in which layer i tells `n` classes apart by `strengths[i]` deviations, and labels."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(np.random.default_rng(99).normal(size=(width, width)))[0][:n]
    label = rng.integers(n, size=rows)
    scale = np.linspace(0.2, 3, width)
    vectors = [(rng.normal(size=(rows, width)) + strength * directions[label]) * scale + 1 for strength in strengths]
    return np.stack(vectors).astype(np.float16), np.array(list("abcdefgh"))[label]


def tree(n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Heads of a random tree, 0-based, -1 the root."""
    order, heads = rng.permutation(n), np.full(n, -1)
    for k in range(1, n):
        heads[order[k]] = order[rng.integers(k)]
    return heads


def treebank(
    *, sentences: int = 300, longest: int = 12, width: int = 48, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Two layers: noise, and a rotated exact embedding of every tree; with sentence offsets and heads.

    Each arc of a sentence owns one of `longest` axes, and a word is the sum of the arcs above it: squared distances
    and squared norms are then those of the tree.
    """
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(np.random.default_rng(99).normal(size=(width, width)))[0]
    layers, heads = [], []
    for _ in range(sentences):
        own = tree(int(rng.integers(2, longest + 1)), rng)
        vectors = np.zeros((len(own), width))
        axes = rng.permutation(longest)
        for word in range(len(own)):
            at = word
            while own[at] >= 0:
                vectors[word, axes[at]] += 1
                at = own[at]
        vectors[:, longest:] = 0.5 * rng.normal(size=(len(own), width - longest))
        layers.append(np.stack([rng.normal(size=vectors.shape), vectors @ rotation]))
        heads.append(own)
    offsets = np.concatenate([[0], np.cumsum([len(h) for h in heads])])
    return np.concatenate(layers, axis=1).astype(np.float32), offsets, np.concatenate(heads)
