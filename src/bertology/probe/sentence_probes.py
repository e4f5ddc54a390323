"""Linear probes for properties of whole sentences, read from one word of them or from a pooled vector.

One word: Miaschi & Dell'Orletta 2020. Poolings: Ma et al. 2019; Toshniwal et al. 2020.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.corpus.properties import Property, aside, properties
from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.seeded import draws
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.vectors import SentenceTable, SentenceVectors, WordTable, WordVectors
from bertology.probe.linear import LinearProbe
from bertology.stats.tally import Tally, in_split

POOLINGS = ("[CLS]", "mean", "maximum", "last four layers joined")
"""The last is the mean over tokens in each of the last four layers (layer 0 excluded), side by side."""

FEWEST = 200
"""Sentences of the training blocks that a property must describe."""


class PropertyScores(NamedTuple):
    """`correct`: Tally (block, property, cell) over the rows of dev and test blocks, a cell being a layer or a pooling;
    `majority`: Tally (block, property), the most frequent training class. `names` of the properties."""

    names: tuple[str, ...]
    correct: Tally
    majority: Tally


@dataclass(frozen=True)
class _PropertyProbes(Derived):
    """What both share: the state of PropertyScores."""

    limit: int = 0
    seed: int = 0

    def finish(self, state: Arrays) -> PropertyScores:
        correct = Tally(state["correct"], np.broadcast_to(state["count"][:, :, None], state["correct"].shape))
        return PropertyScores(tuple(state["names"].tolist()), correct, Tally(state["majority"], state["count"]))


@dataclass(frozen=True)
class BystanderProbes(_PropertyProbes):
    """Properties of the sentence from one word that bears none of them: neither the root nor a dependant of it, no
    punctuation (`corpus.properties.aside`). Up to `words` of them in a sentence; cells are layers, 0 the embeddings.

    Every layer reads the same words, so layer 0 knows what the word's form and position betray.
    """

    limit: int = 20000
    words: int = 3

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": WordVectors(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        table: WordTable = answers["table"]
        rows = bystanders(table, encoded, words=self.words, seed=self.seed)
        sentence = table.sentence[rows]
        described = {name: values[sentence] for name, values in properties(encoded.corpus).items()}
        vectors = np.ascontiguousarray(table.vectors[:, rows])
        return _scored({"": vectors}, described, encoded.corpus.blocks[sentence], encoded.corpus.n_blocks, self.seed)


@dataclass(frozen=True)
class PoolingProbes(_PropertyProbes):
    """Properties of the sentence from one vector of it; cells are POOLINGS, all but the last from the last layer."""

    limit: int = 6000

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": SentenceVectors(("cls", "mean", "max"), self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        table: SentenceTable = answers["table"]
        last = np.stack([table.pooled(pooling)[-1] for pooling in ("cls", "mean", "max")])
        deep = table.pooled("mean")[1:][-4:]
        joined = np.concatenate(list(deep), axis=1)[None]
        described = {name: values[table.sentence] for name, values in properties(encoded.corpus).items()}
        blocks = encoded.corpus.blocks[table.sentence]
        return _scored({"single": last, "joined": joined}, described, blocks, encoded.corpus.n_blocks, self.seed)


@dataclass(frozen=True)
class LayerProbes(_PropertyProbes):
    """Properties of the sentence from the mean of its tokens in each layer; cells are layers, 0 the embeddings."""

    limit: int = 6000

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": SentenceVectors(("cls", "mean", "max"), self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        table: SentenceTable = answers["table"]
        described = {name: values[table.sentence] for name, values in properties(encoded.corpus).items()}
        blocks = encoded.corpus.blocks[table.sentence]
        return _scored({"": table.pooled("mean")}, described, blocks, encoded.corpus.n_blocks, self.seed)


def bystanders(table: WordTable, encoded: Encoded, *, words: int, seed: int) -> NDArray[np.int64]:
    """Rows of at most `words` bystanders of each sentence, in a seeded choice."""
    drawn = draws(seed, table.sentence, table.word)
    starts = np.flatnonzero(np.r_[True, np.diff(table.sentence) > 0]) if len(table.sentence) else []
    chosen = []
    for start in np.asarray(starts, dtype=np.int64):
        places = start + np.array(aside(encoded.corpus[int(table.sentence[start])]), dtype=np.int64)
        chosen.append(np.sort(places[np.argsort(drawn[places], kind="stable")[:words]]))
    return np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)


def _scored(
    parts: Mapping[str, NDArray[Any]], described: Mapping[str, Property], blocks: NDArray[np.int64], n: int, seed: int
) -> Arrays:
    """Probes of every property on every cell; the cells of `parts`, each (cell, row, width), in their order."""
    train, dev, test = (in_split(blocks, part) for part in ("train", "dev", "test"))
    names, correct, majority, count = [], [], [], []
    for name, labels in described.items():
        known = labels != ""
        kinds, sizes = np.unique(labels[train & known], return_counts=True)
        if sizes.sum() < FEWEST or len(kinds) < 2 or not (dev & known).any() or not (test & known).any():
            continue
        fit, judged = np.flatnonzero(train & known), np.flatnonzero((dev | test) & known)
        right = [_right(vectors, labels, fit, np.flatnonzero(dev & known), judged, seed) for vectors in parts.values()]
        where = blocks[judged]
        sums = lambda x: np.stack([np.bincount(where, cell, minlength=n) for cell in x], -1)  # noqa: B023
        names.append(name)
        correct.append(sums(np.concatenate(right).astype(np.float64)))
        majority.append(sums((labels[judged] == kinds[sizes.argmax()])[None].astype(np.float64))[:, 0])
        count.append(sums(np.ones((1, len(judged))))[:, 0])
    cells = sum(len(vectors) for vectors in parts.values())
    if not names:
        return {
            "names": np.zeros(0, "<U1"),
            "correct": np.zeros((n, 0, cells)),
            "majority": np.zeros((n, 0)),
            "count": np.zeros((n, 0)),
        }
    return {
        "names": np.array(names, dtype=np.str_), "correct": np.stack(correct, 1),
        "majority": np.stack(majority, 1), "count": np.stack(count, 1),
    }  # fmt: skip


def _right(
    vectors: NDArray[Any],
    labels: Property,
    fit: NDArray[np.int64],
    dev: NDArray[np.int64],
    judged: NDArray[np.int64],
    seed: int,
) -> NDArray[np.bool_]:
    """(cell, judged row): whether a probe fitted on `fit`, its strength chosen on `dev`, is right."""
    probe = LinearProbe(l2=(10.0, 300.0), batch=512, min_steps=150, seed=seed)
    probe.fit(vectors, labels, rows=fit, dev=(vectors[:, dev], labels[dev]))
    return probe.evaluate(vectors, labels, rows=judged).correct
