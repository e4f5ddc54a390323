"""Finding a sentence's translation by the nearest vector in each layer (Pires et al. 2019; Libovický et al. 2019)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.corpus.parallel import languages_of, pairs_of
from bertology.corpus.sentence import Corpus
from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.vectors import SentenceTable, SentenceVectors
from bertology.record.errors import NotApplicable
from bertology.stats.choose import argmax
from bertology.stats.tally import Tally, in_split

FEWEST = 20
"""Pairs of sentences that a language must have in dev and in test blocks, and in training blocks."""
Move = Literal["", "mean difference", "random vector", "common mean", "language means"]


class Retrieved(NamedTuple):
    """Tallies over dev and test blocks: `found` (block, language, layer), `chance` (block, language), of a random choice.

    `languages` are those paired with `pivot`, in their order. A pair counts once: the mean of both directions.
    """

    pivot: str
    languages: tuple[str, ...]
    found: Tally
    chance: Tally

    @property
    def by_layer(self) -> NDArray[np.float64]:
        """Share found on dev blocks, mean over languages, (layer,)."""
        return np.nanmean(self.found.on("dev").rate(), 0)

    @property
    def best(self) -> int:
        """The layer that finds most on dev blocks."""
        return argmax(self.by_layer)[0]

    @property
    def at_best(self) -> Tally:
        """Tally (block, language) over test blocks in the layer that is best on dev blocks."""
        return self.found[:, self.best].on("test")


@dataclass(frozen=True)
class Retrieval(Derived):
    """Which share of translations are nearest by cosine among the sentences of the same split, mean over tokens, layer by layer.

    The corpus is parallel (corpus/parallel.py); each language is paired with English, or with the first where English is
    not there. `move` changes the vectors first, by means over the training blocks: the query by the "mean difference"
    of the two languages, or by a "random vector" of the same length; all by the "common mean" of both, or by their "language means".
    A sentence with the very text of the translation counts as found. Raises NotApplicable where no language has FEWEST pairs in each split.
    """

    move: Move = ""
    limit: int = 20000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": SentenceVectors(("mean",), self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        table: SentenceTable = answers["table"]
        corpus, vectors = encoded.corpus, table.pooled("mean")
        pivot, paired = paired_rows(corpus, table.sentence)
        shape = (corpus.n_blocks, len(paired))
        found, chance, count = np.zeros((*shape, len(vectors))), np.zeros(shape), np.zeros(shape)
        texts = np.unique([s.text for s in corpus], return_inverse=True)[1][table.sentence]
        for k, rows in enumerate(paired.values()):
            blocks = corpus.blocks[table.sentence[rows[:, 0]]]
            train = rows[in_split(blocks, "train")]
            rng = np.random.default_rng([self.seed, k])
            moved = [self._moved(layer[train], rng) for layer in vectors.astype(np.float32, copy=False)]
            for split in ("dev", "test"):
                inside = in_split(blocks, split)
                judged, at = rows[inside], blocks[inside]
                known = texts[judged]
                for layer, (ways, source) in enumerate(zip(moved, vectors, strict=True)):
                    sides = source[judged].astype(np.float32).transpose(1, 0, 2)
                    hits = [
                        _nearest(
                            sides[side] + ways[side].query, sides[1 - side] + ways[side].candidates, known[:, 1 - side]
                        )
                        for side in (0, 1)
                    ]
                    found[:, k, layer] += np.bincount(at, np.mean(hits, 0), minlength=len(found))
                same = [(known[:, None, side] == known[None, :, side]).mean(1) for side in (0, 1)]
                chance[:, k] += np.bincount(at, np.mean(same, 0), minlength=len(found))
                count[:, k] += np.bincount(at, minlength=len(found))
        return {
            "languages": np.array([pivot, *paired], dtype=np.str_),
            "found": found, "chance": chance, "count": count,
        }  # fmt: skip

    def finish(self, state: Arrays) -> Retrieved:
        pivot, *languages = state["languages"].tolist()
        count = state["count"]
        return Retrieved(pivot, tuple(languages), Tally(state["found"], count), Tally(state["chance"], count))

    def _moved(self, train: NDArray[np.float32], rng: np.random.Generator) -> tuple["_Way", "_Way"]:
        """What is added when the first language asks, and when the second does; `train` is (pair, 2, width)."""
        first, second = train.mean(0, dtype=np.float32)
        offset, nothing = second - first, np.zeros_like(first)
        if self.move == "mean difference":
            return _Way(offset, nothing), _Way(-offset, nothing)
        if self.move == "random vector":
            drawn = rng.standard_normal(len(offset)).astype(np.float32)
            drawn *= np.linalg.norm(offset) / np.linalg.norm(drawn)
            return _Way(drawn, nothing), _Way(-drawn, nothing)
        if self.move == "common mean":
            middle = -(first + second) / 2
            return _Way(middle, middle), _Way(middle, middle)
        if self.move == "language means":
            return _Way(-first, -second), _Way(-second, -first)
        return _Way(nothing, nothing), _Way(nothing, nothing)


class _Way(NamedTuple):
    query: NDArray[np.float32]
    candidates: NDArray[np.float32]


def paired_rows(corpus: Corpus, sentence: NDArray[np.integer[Any]]) -> tuple[str, dict[str, NDArray[np.int64]]]:
    """The pivot language, and for each other one the rows (pair, 2) of a table whose rows are these sentences of a parallel corpus.

    Languages with fewer than FEWEST pairs in any split are left out; NotApplicable when none is left.
    """
    row = np.full(len(corpus), -1, dtype=np.int64)
    row[sentence] = np.arange(len(sentence))
    pivot, *others = languages_of(corpus)
    kept: dict[str, NDArray[np.int64]] = {}
    for code in others:
        pairs = pairs_of(corpus, pivot, code)
        rows = row[pairs]
        there = (rows >= 0).all(1)
        blocks = corpus.blocks[pairs[there, 0]]
        if min(in_split(blocks, split).sum() for split in ("train", "dev", "test")) >= FEWEST:
            kept[code] = rows[there]
    if not kept:
        raise NotApplicable(
            f"no language of {corpus.name} has {5 * FEWEST} sentences or so in common with {pivot!r} ({FEWEST} in each split)"
        )
    return pivot, kept


def _nearest(
    queries: NDArray[np.float32], candidates: NDArray[np.float32], texts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(query,): 1 where the candidate with the largest cosine has the text of the query's own candidate."""
    unit = candidates / np.maximum(np.linalg.norm(candidates, axis=1, keepdims=True), 1e-12)
    return (texts[(queries @ unit.T).argmax(1)] == texts).astype(np.float64)


__all__ = ["FEWEST", "Move", "Retrieval", "Retrieved", "paired_rows"]
