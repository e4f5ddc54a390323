"""Heads as pointers: does a head's strongest attention follow a labelled link between two words? (Clark et al. 2019)"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from bertology.corpus.sentence import Corpus, Sentence
from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, attention
from bertology.encoder.watch import Observation
from bertology.observe.statistic import Arrays, Scratch, Statistic, add_rows
from bertology.observe.words import word_attention
from bertology.stats.tally import Tally

DIRECTIONS = ("first to second", "second to first")
OFFSETS = 15
"""The positional baseline tries offsets -15 to 15."""


class Pointing(NamedTuple):
    """Tallies over links, one cell per (label, layer, head, direction); layer index 0 is the first layer.

    `hits`: the word most attended to (among words) is the other end; `hits_all`: among all tokens, special ones
    included; `mass`: attention weight on the other end. `offsets`: Tally (block, label, direction, offset), hits of the rule
    "the word `offset` places away", offset index 0 being -OFFSETS. `labels` in order of frequency.
    """

    labels: tuple[str, ...]
    hits: Tally
    hits_all: Tally
    mass: Tally
    offsets: Tally


@dataclass(frozen=True)
class LinkAttention(Statistic):
    """Whether heads point along links: `links` is "deprel" (dependent to governor, labelled by relation) or a name in
    `Sentence.links` ("coref", "role", "agreement", "distractor", "related").

    Direction "first to second" asks the first word of a link (the dependent, the anaphor, ...) whom it attends to.
    Up to `labels` most frequent labels are kept, the root relation excluded.
    """

    links: str = "deprel"
    labels: int = 40
    VERSION = 1

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((attention(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        names = frequent_labels(encoded.corpus, self.links, self.labels)
        blocks, cells = encoded.corpus.n_blocks, (len(names), encoder.n_layers, encoder.n_heads, 2)
        return {
            "labels": np.array(names, dtype=np.str_),
            "hits": np.zeros((blocks, *cells)),
            "hits_all": np.zeros((blocks, *cells)),
            "mass": np.zeros((blocks, *cells)),
            "offsets": np.zeros((blocks, len(names), 2, 2 * OFFSETS + 1)),
            "count": np.zeros((blocks, len(names))),
        }

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        number = {name: i for i, name in enumerate(state["labels"].tolist())}
        found = [
            (row, i, j, number[label])
            for row, sentence in enumerate(batch.sentences)
            for i, j, label in links_of(sentence, self.links)
            if label in number
        ]
        if not found:
            return
        row, first, second, label = (np.array(column) for column in zip(*found, strict=True))
        cell = batch.blocks[row] * len(number) + label
        flat = {k: state[k].reshape(-1, *state[k].shape[2:]) for k in ("hits", "hits_all", "mass", "offsets", "count")}
        r, a, b = (torch.from_numpy(x).to(batch.ids.device) for x in (row, first, second))
        wordless = ~batch.word_mask[:, None, None, :]
        for layer in range(1, encoder.n_layers + 1):
            weights = word_attention(batch, seen, layer)
            best, favourite = weights.masked_fill(wordless, -1).max(-1)  # (batch, head, word)
            special = (seen.attention(layer) * batch.special[:, None, None, :]).amax(-1)
            special = torch.einsum("bhq,bvq->bhv", special, batch.mean_membership.to(special.dtype))
            for direction, (source, target) in enumerate(((a, b), (b, a))):
                hit = favourite[r, :, source] == target[:, None]
                wins = hit & (best[r, :, source] >= special[r, :, source])
                where = (slice(None), layer - 1, slice(None), direction)
                add_rows(flat["hits"][where], cell, hit.cpu().numpy())
                add_rows(flat["hits_all"][where], cell, wins.cpu().numpy())
                add_rows(flat["mass"][where], cell, weights[r, :, source, target].double().cpu().numpy())
        for direction, distance in enumerate((second - first, first - second)):
            near = np.abs(distance) <= OFFSETS
            onehot = np.eye(2 * OFFSETS + 1)[np.clip(distance, -OFFSETS, OFFSETS) + OFFSETS] * near[:, None]
            add_rows(flat["offsets"][:, direction], cell, onehot)
        add_rows(flat["count"], cell, np.ones(len(cell)))

    def finish(self, state: Arrays) -> Pointing:
        tally = lambda name: Tally(state[name], state["count"])
        return Pointing(
            tuple(state["labels"].tolist()), tally("hits"), tally("hits_all"), tally("mass"), tally("offsets")
        )

    def merge(self, a: Arrays, b: Arrays) -> Arrays:
        return {name: a[name] if name == "labels" else a[name] + b[name] for name in a}


def links_of(sentence: Sentence, name: str) -> Iterator[tuple[int, int, str]]:
    """(first word, second word, label); for "deprel": (dependent, governor, relation without the root)."""
    if name == "deprel":
        for i, (head, relation) in enumerate(zip(sentence.layers["head"], sentence.layers["deprel"], strict=True)):
            if head >= 0:
                yield i, head, relation
    else:
        yield from sentence.links.get(name, ())


def frequent_labels(corpus: Corpus, links: str, most: int) -> list[str]:
    """The labels with most links, ties by name."""
    counts = Counter(label for s in corpus for _, _, label in links_of(s, links))
    return [label for label, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]]
