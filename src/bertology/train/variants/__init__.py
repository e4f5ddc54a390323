"""Architectures that transformers has no config for, or none to compare by: section 5.1 of the survey.

Importing this room makes transformers load and save them.
"""

from bertology.train.variants.adaptive_sparsity import AdaptiveSparsity
from bertology.train.variants.fixed_heads import PATTERNS, FixedHeads
from bertology.train.variants.sandwich import SandwichBertConfig, SandwichBertForMaskedLM, SandwichBertModel
from bertology.train.variants.shapes import (
    at_equal_parameters,
    grid,
    inverted_bottleneck,
    parameters,
    post_norm,
    pre_norm,
)
from bertology.train.variants.variant import Variant

__all__ = [
    "PATTERNS", "AdaptiveSparsity", "FixedHeads", "SandwichBertConfig", "SandwichBertForMaskedLM", "SandwichBertModel", "Variant",
    "at_equal_parameters", "grid", "inverted_bottleneck", "parameters", "post_norm", "pre_norm",
]  # fmt: skip
