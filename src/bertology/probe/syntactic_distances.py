"""Syntactic distances: how unlike neighbouring words are, from which binary trees follow (Kim et al. 2020).

Between hidden states: 1 − cosine, and the Euclidean distance. Between attention distributions: Jensen-Shannon divergence of the
same head's rows for the two words, averaged over the heads of a layer. Punctuation is left out first: the words on both
sides of it are neighbours. No parameter is learnt.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bertology.corpus.constituents import Bare, bare
from bertology.corpus.sentence import Corpus
from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, attention, hidden
from bertology.encoder.watch import Observation
from bertology.observe.statistic import Arrays, Scratch, Statistic
from bertology.observe.words import word_vectors
from bertology.stats.tally import in_split

MEASURES = ("cosine", "Euclidean", "Jensen-Shannon")


class Gaps(NamedTuple):
    """One sentence. `distances` (cell, gap): entry i is between its i-th and next word; `bare` has the words and spans."""

    block: int
    distances: NDArray[np.float32]
    bare: Bare


class Distances(NamedTuple):
    """`flat` (cell, gap): sentence after sentence; `cells` names each (measure, layer)."""

    flat: NDArray[np.float32]
    sentence: NDArray[np.int64]
    start: NDArray[np.int64]
    cells: tuple[tuple[str, int], ...]

    def on(self, split: str, corpus: Corpus) -> Iterator[Gaps]:
        """The sentences of a split that have a constituent to be found, in the corpus's order."""
        blocks = corpus.blocks[self.sentence]
        for place in np.flatnonzero(in_split(blocks, split)).tolist():
            own = bare(corpus[int(self.sentence[place])])
            n = len(own.words)
            if any(1 < b - a < n for a, b in own.spans):
                at = int(self.start[place])
                yield Gaps(int(blocks[place]), np.asarray(self.flat[:, at : at + n - 1]), own)


@dataclass(frozen=True)
class SyntacticDistances(Statistic):
    """Distances of neighbouring words in every layer, by MEASURES; without `attention` the last of them is left out.

    Layers are 0 (the embeddings) to L for hidden states, 1 to L for attention. Whole sentences of dev and test blocks, in a
    seeded order, until `limit` words; those of three words and more without punctuation.
    """

    attention: bool = True
    limit: int = 20000
    seed: int = 0

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((hidden(), attention())) if self.attention else frozenset((hidden(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        corpus = encoded.corpus
        length, total = np.zeros(len(corpus), dtype=np.int64), 0
        held_out = in_split(corpus.blocks, "dev+test")
        for place in np.random.default_rng(self.seed).permutation(len(encoded.lines)).tolist():
            index = encoded.lines[place].index
            if not held_out[index] or (n := len(bare(corpus[index]).words)) < 3:
                continue
            if total + n > self.limit:
                break
            length[index], total = n - 1, total + n
        offset = np.where(length > 0, np.cumsum(length) - length, -1)
        cells = 2 * (encoder.n_layers + 1) + self.attention * encoder.n_layers
        flat = scratch("flat", (cells, int(length.sum())), "float32")
        return {"flat": flat, "offset": offset, "length": length, "layers": np.array([encoder.n_layers])}

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        wanted = np.flatnonzero(state["offset"][batch.indices] >= 0)
        if not len(wanted):
            return
        row, left, right, place = [], [], [], []
        for r in wanted.tolist():
            words = bare(batch.sentences[r]).words
            row += [r] * (len(words) - 1)
            left += words[:-1]
            right += words[1:]
            at = int(state["offset"][batch.indices[r]])
            place += range(at, at + len(words) - 1)
        at, one, other = (torch.tensor(x, device=batch.ids.device) for x in (row, left, right))
        layers = encoder.n_layers + 1
        for layer in range(layers):
            vectors = word_vectors(batch, seen, layer).float()
            a, b = vectors[at, one], vectors[at, other]
            state["flat"][layer, place] = (1 - torch.cosine_similarity(a, b, dim=1)).cpu().numpy()
            state["flat"][layers + layer, place] = (a - b).norm(dim=1).cpu().numpy()
            if self.attention and layer:
                rows = torch.einsum("bhqk,bwq->bwhk", seen.attention(layer).float(), batch.mean_membership)
                divergence = jensen_shannon(rows[at, one], rows[at, other]).mean(1)
                state["flat"][2 * layers + layer - 1, place] = divergence.cpu().numpy()

    def merge(self, a: Arrays, b: Arrays) -> Arrays:
        """Shards of one corpus fill disjoint places; the unfilled ones are zero."""
        return {**a, "flat": a["flat"] + b["flat"]}

    def finish(self, state: Arrays) -> Distances:
        sentence = np.flatnonzero(state["offset"] >= 0)
        layers = int(state["layers"][0])
        cells = [(measure, layer) for measure in MEASURES for layer in range(measure == "Jensen-Shannon", layers + 1)]
        return Distances(state["flat"], sentence, state["offset"][sentence], tuple(cells[: len(state["flat"])]))


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    """Divergence in nats, 0 to log 2, of distributions along the last axis."""
    entropy = lambda x: torch.special.entr(x).sum(-1)
    return (entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2).clamp(min=0)
