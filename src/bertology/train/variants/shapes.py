"""Shapes to compare: depth, heads and width on a grid, at equal parameters; where the norms stand; inverted bottlenecks."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any, Literal

import torch
from transformers import AutoModelForMaskedLM

from bertology.record.errors import BadRequest
from bertology.train.architecture import Architecture, n_parameters


def grid(
    base: Architecture, *, depth: Sequence[int] = (), heads: Sequence[int] = (), width: Sequence[int] = ()
) -> list[Architecture]:
    """Every combination of the sizes given, the last one varying fastest; what is not given stays (K et al. 2020).

    The feed-forward keeps its ratio to the width. Raises BadRequest for a width that is no multiple of the heads.
    """
    made = []
    for layers, n_heads, size in product(depth or (base.layers,), heads or (base.heads,), width or (base.width,)):
        if size % n_heads:
            raise BadRequest(f"width {size} is no multiple of {n_heads} heads.", "Leave one of them out.")
        made.append(_wider(replace(base, layers=layers, heads=n_heads), base, size))
    return made


def parameters(architecture: Architecture, tokenizer: Any) -> int:
    """Parameters of the masked language model, tied ones once; nothing is allocated."""
    with torch.device("meta"):
        return n_parameters(AutoModelForMaskedLM.from_config(architecture.config(tokenizer)))


def at_equal_parameters(
    architecture: Architecture, n: int, tokenizer: Any, *, by: Literal["width", "feed_forward"] = "width"
) -> Architecture:
    """The architecture of nearly `n` parameters with the same layers and heads.

    "width" takes the width, a multiple of twice the heads, that comes nearest with the feed-forward in proportion, and settles the
    rest by the feed-forward; "feed_forward" keeps the width. What remains is at most half of what one neuron in each layer
    costs. Raises BadRequest when no feed-forward of at least one neuron reaches `n`.
    """
    if by == "width":
        architecture = _nearest_width(architecture, n, tokenizer)
    least = parameters(replace(architecture, feed_forward=1), tokenizer)
    neuron = parameters(replace(architecture, feed_forward=2), tokenizer) - least
    if n < least:
        raise BadRequest(
            f"{n} parameters: {architecture.layers} layers of width {architecture.width} and the embeddings have {least} without "
            "any feed-forward.", "Give more, or a narrower or shallower model.",
        )  # fmt: skip
    return replace(architecture, feed_forward=1 + round((n - least) / neuron))


def pre_norm(base: Architecture) -> Architecture:
    """Layer norms in front of the sublayers, and one behind the last layer, as RoBERTa-PreLayerNorm (Xiong et al. 2020)."""
    return replace(base, family="roberta-prelayernorm", segments=1)


def post_norm(base: Architecture) -> Architecture:
    """Layer norms behind each sublayer's sum, as RoBERTa and BERT; the same as `pre_norm` in all else."""
    return replace(base, family="roberta", segments=1)


def inverted_bottleneck(
    *, layers: int = 6, heads: int = 4, width: int = 256, bottleneck: int = 64, feed_forwards: int = 4, embedding: int = 64,
    positions: int = 512, norm: Literal["no_norm", "layer_norm"] = "no_norm", dropout: float = 0.0,
) -> Architecture:  # fmt: skip
    """MobileBERT's block at small sizes (Sun et al. 2020): wide between layers, narrow within, several feed-forwards in turn.

    The paper has 24 layers, a width of 512, a bottleneck of 128, 4 feed-forwards and embeddings of 128. "no_norm" scales and
    shifts without a norm, which the paper trains by distillation only; without a teacher "layer_norm" is steadier. The embeddings mix
    neighbours, so a recipe needs `packed=False`.
    """
    if bottleneck % heads:
        raise BadRequest(f"a bottleneck of {bottleneck} is no multiple of {heads} heads.", "Change one of them.")
    return Architecture(
        "mobilebert", layers, heads, width, 4 * bottleneck, positions, dropout=dropout,
        options=(
            ("embedding_size", embedding), ("intra_bottleneck_size", bottleneck), ("num_feedforward_networks", feed_forwards),
            ("normalization_type", norm),
        ),
    )  # fmt: skip


def _wider(architecture: Architecture, base: Architecture, width: int) -> Architecture:
    return replace(architecture, width=width, feed_forward=max(1, round(base.feed_forward * width / base.width)))


def _nearest_width(architecture: Architecture, n: int, tokenizer: Any) -> Architecture:
    """By bisection over multiples of twice the heads (rotary positions need heads of an even size)."""
    step = 2 * architecture.heads
    count = lambda k: parameters(_wider(architecture, architecture, k * step), tokenizer)
    low, high = 1, 2
    while count(high) < n:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < n else (low, middle)
    best = min((low, high), key=lambda k: abs(count(k) - n))
    return _wider(architecture, architecture, best * step)
