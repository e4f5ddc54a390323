"""A batch of encoded sentences, padded, with word membership as a matrix."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from bertology.corpus.sentence import Corpus, Sentence
from bertology.encoder.align import Encoded, Line

ATTENTION_BYTES = 128 << 20
"""A batch's attention maps of all layers stay under this many bytes."""


@dataclass(frozen=True)
class Batch:
    """Sentences of similar length. `lines` keep their place in the corpus (`line.index`)."""

    corpus: Corpus
    lines: tuple[Line, ...]
    ids: Int[Tensor, "batch token"]
    mask: Bool[Tensor, "batch token"]
    special: Bool[Tensor, "batch token"]
    types: Int[Tensor, "batch token"]

    @cached_property
    def sentences(self) -> list[Sentence]:
        return [self.corpus[line.index] for line in self.lines]

    @cached_property
    def indices(self) -> NDArray[np.int64]:
        """Place of each sentence in its corpus, (batch,)."""
        return np.array([line.index for line in self.lines], dtype=np.int64)

    @cached_property
    def blocks(self) -> NDArray[np.int64]:
        """Block of each sentence (stats/tally.py), (batch,)."""
        return self.corpus.blocks[self.indices]

    @cached_property
    def lengths(self) -> Int[Tensor, "batch"]:
        """Subwords of each sentence, special tokens included."""
        return self.mask.sum(1)

    @cached_property
    def n_words(self) -> NDArray[np.int64]:
        return np.array([len(line.pieces) for line in self.lines], dtype=np.int64)

    @cached_property
    def word_mask(self) -> Bool[Tensor, "batch word"]:
        """True where a sentence has that many words."""
        width = torch.arange(int(self.n_words.max()), device=self.ids.device)
        return width[None] < torch.from_numpy(self.n_words).to(self.ids.device)[:, None]

    @cached_property
    def membership(self) -> Float[Tensor, "batch word token"]:
        """1 where a subword belongs to a word."""
        rows, words, tokens = [], [], []
        for row, line in enumerate(self.lines):
            for word, pieces in enumerate(line.pieces):
                rows += [row] * len(pieces)
                words += [word] * len(pieces)
                tokens += pieces
        matrix = torch.zeros(*self.word_mask.shape, self.ids.shape[1])
        matrix[rows, words, tokens] = 1.0
        return matrix.to(self.ids.device)

    @cached_property
    def mean_membership(self) -> Float[Tensor, "batch word token"]:
        """`membership` with rows that sum to 1."""
        return self.membership / self.membership.sum(2, keepdim=True).clamp(min=1)

    def word_vectors(self, hidden: Float[Tensor, "batch token width"]) -> Float[Tensor, "batch word width"]:
        """Each word's mean over its subwords; zero beyond a sentence's last word."""
        return torch.bmm(self.mean_membership.to(hidden.dtype), hidden)

    def word_attention(
        self, attention: Float[Tensor, "batch head query key"]
    ) -> Float[Tensor, "batch head word word2"]:
        """Attention from word to word: summed over the target's subwords, averaged over the source's (Clark et al. 2019)."""
        to = torch.einsum("bhqk,bwk->bhqw", attention, self.membership.to(attention.dtype))
        return torch.einsum("bhqw,bvq->bhvw", to, self.mean_membership.to(attention.dtype))


def collate(corpus: Corpus, lines: Sequence[Line], pad_id: int, device: torch.device | str = "cpu") -> Batch:
    """Lines padded on the right to the longest."""
    width = max(len(line.ids) for line in lines)
    ids = np.full((len(lines), width), pad_id, dtype=np.int64)
    mask, special = np.zeros((len(lines), width), dtype=bool), np.zeros((len(lines), width), dtype=bool)
    types = np.zeros((len(lines), width), dtype=np.int64)
    for row, line in enumerate(lines):
        n = len(line.ids)
        ids[row, :n], mask[row, :n], special[row, :n], types[row, :n] = line.ids, True, line.special, line.types
    on = lambda array: torch.from_numpy(array).to(device)
    return Batch(corpus, tuple(lines), on(ids), on(mask), on(special), on(types))


def batched(
    encoded: Encoded, *, pad_id: int, token_budget: int, maps: int, device: torch.device | str = "cpu"
) -> Iterator[Batch]:
    """Batches of at most `token_budget` padded tokens, sentences sorted by length, longest first.

    `maps` is layers × heads when attention is read (0 when not): it bounds a batch's attention maps to ATTENTION_BYTES.
    """
    order = sorted(encoded.lines, key=lambda line: (-len(line.ids), line.index))
    at = 0
    while at < len(order):
        width = len(order[at].ids)
        rows = max(1, token_budget // width)
        if maps:
            rows = max(1, min(rows, ATTENTION_BYTES // (4 * maps * width * width)))
        yield collate(encoded.corpus, order[at : at + rows], pad_id, device)
        at += rows
