"""Which language a sentence vector comes from: linear probes, and clusters of languages (Libovický et al. 2019)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from bertology.corpus.language_families import FAMILIES
from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.vectors import SentenceTable, SentenceVectors
from bertology.probe.linear import LinearProbe
from bertology.probe.readings import FEWEST, ROUNDS, Curve
from bertology.probe.scores import tally_rows
from bertology.record.errors import NotApplicable
from bertology.stats.tally import Tally, in_split


@dataclass(frozen=True)
class SentenceLanguage(Derived):
    """Accuracy of one linear probe per layer for the label "language" of sentences, mean over tokens, as a Curve over dev and test blocks.

    `centred` first takes the mean of its language over training sentences off each vector, of dev and test sentences too. No linear
    probe can then tell the training sentences' languages apart by their means, so that chance is what is due.
    """

    centred: bool = False
    limit: int = 20000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": SentenceVectors(("mean",), self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        table: SentenceTable = answers["table"]
        labels, blocks = _languages(encoded, table.sentence), encoded.corpus.blocks[table.sentence]
        vectors = table.pooled("mean")
        if self.centred:
            vectors = _centred(vectors, labels, in_split(blocks, "train"))
        parts = tuple(np.flatnonzero(in_split(blocks, split)) for split in ("train", "dev", "test"))
        return _curve(vectors, labels, blocks, parts, encoded, self.seed, "sentences")

    def finish(self, state: Arrays) -> Curve:
        return _finished(state)


class Clusters(NamedTuple):
    """V-measure (layer,) of clusters of languages against their families, and of random families of the same sizes."""

    v: NDArray[np.float64]
    random: NDArray[np.float64]
    languages: tuple[str, ...]


@dataclass(frozen=True)
class FamilyClusters(Derived):
    """k-means of the languages' mean sentence vectors (training blocks), k being the number of families, against the families.

    With few languages V is high by chance: families shuffled 200 times give what is due. Empty (no languages) below four
    languages, two families, or where no family has two.
    """

    limit: int = 20000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": SentenceVectors(("mean",), self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        table: SentenceTable = answers["table"]
        labels = _languages(encoded, table.sentence)
        train = in_split(encoded.corpus.blocks[table.sentence], "train")
        codes = [str(code) for code in np.unique(labels[train]) if code in FAMILIES]
        families = [FAMILIES[code] for code in codes]
        if len(codes) < 4 or not 1 < len(set(families)) < len(families):
            nothing = np.zeros(0)
            return {"v": nothing, "random": nothing, "languages": np.zeros(0, "<U3")}
        rng = np.random.default_rng(self.seed)
        shuffled = [rng.permutation(families).tolist() for _ in range(200)]
        v, chance = [], []
        for layer in table.pooled("mean"):
            means = np.stack([layer[train & (labels == code)].mean(0, dtype=np.float64) for code in codes])
            found = _clusters(means, len(set(families)), self.seed)
            v.append(v_measure(found, families))
            chance.append(np.mean([v_measure(found, other) for other in shuffled]))
        return {"v": np.array(v), "random": np.array(chance), "languages": np.array(codes)}

    def finish(self, state: Arrays) -> Clusters:
        return Clusters(state["v"], state["random"], tuple(state["languages"].tolist()))


def v_measure(clusters: Sequence[Any] | NDArray[Any], classes: Sequence[Any]) -> float:
    """Harmonic mean of homogeneity and completeness, 0 to 1 (Rosenberg & Hirschberg 2007)."""
    _, a = np.unique(np.asarray(clusters), return_inverse=True)
    _, b = np.unique(np.asarray(classes), return_inverse=True)
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1 / len(a))
    entropy = lambda p: float(-(p[p > 0] * np.log(p[p > 0])).sum())
    of_clusters, of_classes, both = entropy(joint.sum(1)), entropy(joint.sum(0)), entropy(joint)
    if of_clusters == 0 and of_classes == 0:
        return 1.0
    return 2 * (of_clusters + of_classes - both) / (of_clusters + of_classes)


def _clusters(points: NDArray[np.float64], k: int, seed: int) -> NDArray[np.int64]:
    """The tightest of 20 k-means, which from few points often end badly."""
    best, tightest = np.zeros(len(points), np.int64), np.inf
    for start in range(20):
        centres, place = kmeans2(points, k, minit="++", rng=np.random.default_rng([seed, start]), missing="warn")
        spread = float(((points - centres[place]) ** 2).sum())
        if spread < tightest:
            best, tightest = place.astype(np.int64), spread
    return best


def _languages(encoded: Encoded, sentence: NDArray[np.integer[Any]]) -> NDArray[np.str_]:
    return np.array([str(s.labels["language"]) for s in encoded.corpus], dtype=np.str_)[sentence]


def _centred(vectors: NDArray[Any], labels: NDArray[np.str_], train: NDArray[np.bool_]) -> NDArray[np.float32]:
    moved = vectors.astype(np.float32)
    for code in np.unique(labels):
        rows = labels == code
        if (rows & train).any():
            moved[:, rows] -= moved[:, rows & train].mean(1, keepdims=True)
    return moved


def _curve(
    vectors: NDArray[Any], labels: NDArray[np.str_], blocks: NDArray[np.int64], parts: tuple[NDArray[np.int64], ...],
    encoded: Encoded, seed: int, what: str,
) -> Arrays:  # fmt: skip
    train, dev, test = parts
    if len(train) < FEWEST or min(len(dev), len(test)) < FEWEST // 10 or len(np.unique(labels[train])) < 2:
        raise NotApplicable(
            f"{encoded.corpus.name} has {len(train)} {what} to learn the language from, {len(dev)} of dev and {len(test)} to test on; "
            f"{FEWEST} and {FEWEST // 10} are due"
        )
    judged = np.sort(np.r_[dev, test])
    probe = LinearProbe(l2=(3.0, 100.0), **ROUNDS, seed=seed)
    probe.fit(vectors, labels, rows=train, dev=(np.take(vectors, dev, axis=1), labels[dev]))
    tally = tally_rows(probe.evaluate(vectors, labels, rows=judged).correct, blocks[judged], encoded.corpus.n_blocks)
    names, counts = np.unique(labels[train], return_counts=True)
    usual = tally_rows((labels[judged] == names[counts.argmax()])[None], blocks[judged], encoded.corpus.n_blocks)
    return {
        "correct": tally.total,
        "count": tally.weight[:, 0],
        "usual": usual.total[:, 0],
        "classes": np.array([len(names)]),
    }


def _finished(state: Arrays) -> Curve:
    return Curve(
        Tally(state["correct"], state["count"]), Tally(state["usual"], state["count"]), int(state["classes"][0])
    )


__all__ = ["Clusters", "FamilyClusters", "SentenceLanguage", "v_measure"]
