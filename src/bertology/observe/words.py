"""From subwords to words, once per batch and layer however many statistics ask."""

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from bertology.encoder.batch import Batch
from bertology.encoder.watch import Observation

PUNCTUATION = frozenset(".,;:!?\"'`()[]{}-–—…“”‘’/\\&%$#@*+=<>|~^_")


def word_vectors(batch: Batch, seen: Observation, layer: int) -> Float[Tensor, "batch word width"]:
    """Hidden states averaged over each word's subwords; zero beyond a sentence's last word."""
    key = ("word_vectors", layer)
    if key not in seen.memo:
        seen.memo[key] = batch.word_vectors(seen.hidden(layer))
    return seen.memo[key]


def word_attention(batch: Batch, seen: Observation, layer: int) -> Float[Tensor, "batch head word word2"]:
    """Attention between words: summed over the target's subwords, averaged over the source's (Clark et al. 2019)."""
    key = ("word_attention", layer)
    if key not in seen.memo:
        seen.memo[key] = batch.word_attention(seen.attention(layer))
    return seen.memo[key]


def token_classes(batch: Batch, cls_id: int | None, sep_id: int | None) -> NDArray[np.int8]:
    """Class of each subword, (batch, token): 0 cls, 1 sep, 2 punctuation, 3 word, -1 padding or another special token."""
    classes = np.full(batch.ids.shape, -1, dtype=np.int8)
    for row, (line, sentence) in enumerate(zip(batch.lines, batch.sentences, strict=True)):
        for word, pieces in enumerate(line.pieces):
            classes[row, list(pieces)] = 2 if all(c in PUNCTUATION for c in sentence.words[word]) else 3
        special = np.flatnonzero(line.special)
        ids = line.ids[special]
        if cls_id is not None:
            classes[row, special[ids == cls_id]] = 0
        if sep_id is not None:
            classes[row, special[ids == sep_id]] = 1
    return classes


def rows_to_numpy(tensor: Tensor) -> NDArray[np.float64]:
    """A float64 copy on the CPU."""
    return tensor.detach().to("cpu", torch.float64).numpy()
