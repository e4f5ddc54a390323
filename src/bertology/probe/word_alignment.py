"""Words aligned across translations by the cosine of their vectors, judged by silver links (Libovický et al. 2019; Cao et al. 2020)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from bertology.corpus.parallel import languages_of, pairs_of
from bertology.corpus.silver_links import CLOSED, OPEN, silver_links
from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.vectors import WordTable, WordVectors
from bertology.record.errors import NotApplicable
from bertology.stats.choose import argmax
from bertology.stats.tally import Tally

METHODS = ("mutual argmax", "edge cover")
CLASSES = ("all", "open", "closed")
FEWEST = 100
"""Silver links that a language must have."""
Links = NDArray[np.bool_]
Source = Literal["layers", "static", "diagonal"]


class Aligned(NamedTuple):
    """`f1`: Tally (block, language, method, layer, class) by METHODS and CLASSES, 2 · hits over links found and links due; `links`
    (language,) silver links. Layers are chosen on training blocks, since nothing is learnt there."""

    pivot: str
    languages: tuple[str, ...]
    f1: Tally
    links: NDArray[np.int64]

    @property
    def best(self) -> tuple[int, int]:
        """(method, layer) with the highest F1 on training blocks, mean over languages."""
        return argmax(np.nanmean(self.f1.on("train").rate()[..., 0], 0))  # type: ignore[return-value]

    @property
    def at_best(self) -> Tally:
        """Tally (block, language, class) over dev and test blocks."""
        method, layer = self.best
        return self.f1[:, method, layer].on("dev+test")


@dataclass(frozen=True)
class WordAlignment(Derived):
    """F1 of links between the words of a sentence and its translation, against `corpus.silver_links`, in each layer.

    "mutual argmax" links words that are each other's nearest; "edge cover" is the cheapest set of links that leaves no word out. Links
    that touch no word with a silver link are not counted. `source` "static" takes the input embeddings instead, mean over a word's
    subwords, "diagonal" the words' relative positions: one layer each. Raises NotApplicable where no language has FEWEST silver links.
    """

    source: Source = "layers"
    limit: int = 60000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": WordVectors(self.limit, self.seed)} if self.source == "layers" else {}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        corpus, similarity = encoded.corpus, _similarity(self.source, encoder, encoded, answers.get("table"))
        pivot, *others = languages_of(corpus)
        there = {line.index for line in encoded.lines}
        kept: dict[str, list[tuple[int, int, list[tuple[int, int]]]]] = {}
        for code in others:
            pairs = [(a, b, silver_links(corpus[a], corpus[b])) for a, b in pairs_of(corpus, pivot, code).tolist()]
            pairs = [(a, b, links) for a, b, links in pairs if links and {a, b} <= there]
            if sum(len(links) for *_, links in pairs) >= FEWEST:
                kept[code] = pairs
        if not kept:
            raise NotApplicable(
                f"{corpus.name} has fewer than {FEWEST} words in each language that its trees pair with words of {pivot!r}: "
                "give --corpus parallel=FOLDER of CoNLL-U files with heads and parts of speech"
            )
        layers = similarity.layers
        shape = (corpus.n_blocks, len(kept), len(METHODS), layers, len(CLASSES))
        twice, count = np.zeros(shape), np.zeros(shape)
        for k, pairs in enumerate(kept.values()):
            for a, b, links in pairs:
                cosines = similarity(a, b)
                if cosines is None:
                    continue
                due = np.zeros(cosines.shape[1:], dtype=bool)
                due[tuple(np.array(links).T)] = True
                tags = np.array([corpus[a].layers["upos"][i] for i, _ in links])
                inside = [np.ones(len(links), bool), np.isin(tags, list(OPEN)), np.isin(tags, list(CLOSED))]
                masks = [_touching(due, np.array(links)[chosen]) for chosen in inside]
                for layer, matrix in enumerate(cosines):
                    for m, found in enumerate((mutual_argmax(matrix), edge_cover(matrix))):
                        for c, (own, touching) in enumerate(masks):
                            twice[corpus.blocks[a], k, m, layer, c] += 2 * (found & own).sum()
                            count[corpus.blocks[a], k, m, layer, c] += (found & touching).sum() + own.sum()
        links = np.array([sum(len(found) for *_, found in pairs) for pairs in kept.values()])
        return {"languages": np.array([pivot, *kept], dtype=np.str_), "twice": twice, "count": count, "links": links}

    def finish(self, state: Arrays) -> Aligned:
        pivot, *languages = state["languages"].tolist()
        return Aligned(pivot, tuple(languages), Tally(state["twice"], state["count"]), state["links"])


def mutual_argmax(similarity: NDArray[np.floating[Any]]) -> Links:
    """(word, word): True where each is the other's most similar."""
    rows, columns = similarity.shape
    best = np.zeros(similarity.shape, dtype=bool)
    best[np.arange(rows), similarity.argmax(1)] = True
    back = np.zeros(similarity.shape, dtype=bool)
    back[similarity.argmax(0), np.arange(columns)] = True
    return best & back


def edge_cover(similarity: NDArray[np.floating[Any]]) -> Links:
    """(word, word): the links of least total cost 1 − similarity that touch every word on either side.

    By a matching of what links save over each word's own cheapest one (Schrijver 2003, section 19.3).
    """
    cost = 1.0 - similarity.astype(np.float64)
    rows, columns = cost.argmin(1), cost.argmin(0)
    own, other = cost.min(1), cost.min(0)
    saved = np.minimum(cost - own[:, None] - other[None], 0.0)
    cover = np.zeros(cost.shape, dtype=bool)
    for i, j in zip(*linear_sum_assignment(saved), strict=True):
        cover[i, j] = saved[i, j] < 0
    alone_i, alone_j = ~cover.any(1), ~cover.any(0)
    cover[np.flatnonzero(alone_i), rows[alone_i]] = True
    cover[columns[alone_j], np.flatnonzero(alone_j)] = True
    return cover


def _touching(due: Links, links: NDArray[np.int64]) -> tuple[Links, Links]:
    """The silver links of a class, and all places in a row or column of one of them."""
    own, touching = np.zeros_like(due), np.zeros_like(due)
    if len(links):
        own[tuple(links.T)] = True
        touching[links[:, 0]] = True
        touching[:, links[:, 1]] = True
    return own, touching


@dataclass(frozen=True)
class _Vectors:
    """Similarities of two sentences' words, (layer, word, word); None where one of them has no vectors."""

    vectors: NDArray[Any]
    start: dict[int, tuple[int, int]]

    @property
    def layers(self) -> int:
        return len(self.vectors)

    def __call__(self, a: int, b: int) -> NDArray[np.floating[Any]] | None:
        if a not in self.start or b not in self.start:
            return None
        x, y = (_unit(self.vectors[:, slice(*self.start[s])].astype(np.float32)) for s in (a, b))
        return x @ y.transpose(0, 2, 1)


@dataclass(frozen=True)
class _Diagonal:
    """Minus the distance of the words' relative positions."""

    encoded: Encoded
    layers: int = 1

    def __call__(self, a: int, b: int) -> NDArray[np.floating[Any]] | None:
        places = [(np.arange(len(s)) + 0.5) / len(s) for s in (self.encoded.corpus[a], self.encoded.corpus[b])]
        return -np.abs(places[0][:, None] - places[1][None])[None]


def _similarity(source: Source, encoder: Encoder, encoded: Encoded, table: WordTable | None) -> "_Vectors | _Diagonal":
    if source == "diagonal":
        return _Diagonal(encoded)
    if table is not None:
        sentences, first, size = np.unique(table.sentence, return_index=True, return_counts=True)
        spans = {int(s): (int(f), int(f + n)) for s, f, n in zip(sentences, first, size, strict=True)}
        return _Vectors(table.vectors, spans)
    with torch.inference_mode():
        weight = encoder.base.get_input_embeddings().weight.detach().float().cpu().numpy()  # type: ignore[operator]
    rows, spans, at = [], {}, 0
    for line in encoded.lines:
        rows += [weight[line.ids[list(pieces)]].mean(0) for pieces in line.pieces]
        spans[line.index] = (at, at + len(line.pieces))
        at += len(line.pieces)
    return _Vectors(np.stack(rows)[None].astype(np.float16), spans)


def _unit(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


__all__ = ["CLASSES", "METHODS", "Aligned", "WordAlignment", "edge_cover", "mutual_argmax"]
