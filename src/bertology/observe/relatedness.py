"""Attention between words that a relation of meaning joins, against others as far apart (Cui et al. 2020)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bertology.corpus.sentence import Corpus, Sentence
from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, attention
from bertology.encoder.watch import Observation
from bertology.observe.statistic import Arrays, Scratch, Statistic, add_rows
from bertology.observe.words import word_attention
from bertology.stats.tally import Tally

KINDS = ("related", "control")
FAR = 10
"""Distances of FAR words and more are one class."""
DIRECTIONS = ("left to right", "right to left")
_CONTENT = frozenset(("NOUN", "PROPN", "VERB", "ADJ"))


class Relatedness(NamedTuple):
    """`mass`: Tally (block, kind, distance - 1, layer, head, direction), mean attention between the two words of a
    pair; `pairs`: Tally (block, kind, distance - 1), how many pairs a block holds."""

    mass: Tally
    pairs: Tally


@dataclass(frozen=True)
class RelatedAttention(Statistic):
    """Attention along links "related" and along control pairs, by distance.

    Control pairs are the links labelled "unrelated"; in a corpus without any, all other pairs of content words in the
    sentences that hold a related pair.
    """

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((attention(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        cells = (encoded.corpus.n_blocks, len(KINDS), FAR)
        labelled = has_controls(encoded.corpus)
        return {
            "mass": np.zeros((*cells, encoder.n_layers, encoder.n_heads, 2)),
            "count": np.zeros(cells),
            "labelled": np.array(labelled),
        }

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        labelled = bool(state["labelled"])
        found = [(row, *p) for row, s in enumerate(batch.sentences) for p in concept_pairs(s, labelled=labelled)]
        if not found:
            return
        row, left, right, kind = np.array(found).T
        cell = (batch.blocks[row] * len(KINDS) + kind) * FAR + np.minimum(right - left, FAR) - 1
        r, a, b = (torch.from_numpy(x).to(batch.ids.device) for x in (row, left, right))
        flat = state["mass"].reshape(-1, *state["mass"].shape[3:])
        for layer in range(1, encoder.n_layers + 1):
            weights = word_attention(batch, seen, layer)
            both = torch.stack([weights[r, :, a, b], weights[r, :, b, a]], -1)
            add_rows(flat[:, layer - 1], cell, both.double().cpu().numpy())
        add_rows(state["count"].reshape(-1), cell, np.ones(len(cell)))

    def merge(self, a: Arrays, b: Arrays) -> Arrays:
        return {name: a[name] if name == "labelled" else a[name] + b[name] for name in a}

    def finish(self, state: Arrays) -> Relatedness:
        filled = (state["count"].sum((1, 2), keepdims=True) > 0).astype(float)
        return Relatedness(Tally(state["mass"], state["count"]), Tally(state["count"], filled))


def has_controls(corpus: Corpus) -> bool:
    """Whether some link "related" is labelled "unrelated"."""
    return any(label == "unrelated" for s in corpus for _, _, label in s.links.get("related", ()))


def concept_pairs(sentence: Sentence, *, labelled: bool) -> Iterator[tuple[int, int, int]]:
    """(left word, right word, index into KINDS); see RelatedAttention."""
    links = sentence.links.get("related", ())
    for i, j, label in links:
        if i != j:
            yield min(i, j), max(i, j), int(label == "unrelated")
    if links and not labelled:
        joined = {frozenset(link[:2]) for link in links}
        content = [i for i, tag in enumerate(sentence.layers.get("upos", ())) if tag in _CONTENT]
        for k, i in enumerate(content):
            yield from ((i, j, 1) for j in content[k + 1 :] if frozenset((i, j)) not in joined)


def matched_gap(mass: NDArray[np.float64], pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Related less control at equal distance, averaged over the related pairs' distances that controls have too.

    `mass` (draw, kind, distance, *cells) and `pairs` (draw, kind, distance) give (draw, *cells).
    """
    weight = np.where((pairs[:, 0] > 0) & (pairs[:, 1] > 0), pairs[:, 0], 0.0)
    weight = weight / np.maximum(weight.sum(-1, keepdims=True), 1e-12)
    gap = np.nan_to_num(mass[:, 0] - mass[:, 1])
    return np.einsum("nd,nd...->n...", weight, gap)
