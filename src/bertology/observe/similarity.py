"""How alike two words are: the same word in two contexts, or two words at random (Ethayarajh 2019; Mu & Viswanath
2018).

Word types count equally whatever their frequency. Sums are kept per pair of blocks, so that both ends can be
resampled.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.seeded import draws
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.vectors import WordTable, WordVectors
from bertology.observe.words import PUNCTUATION
from bertology.stats.pairs import PairTally
from bertology.stats.tally import Tally, in_split

COMPONENTS = 3
"""How many principal components, or widest dimensions, a removal takes away."""


class Similarity(NamedTuple):
    """Mean cosines, one cell per layer (0 the embeddings).

    `same`: two occurrences of a word type; `different`: occurrences of two word types; both in different blocks of
    documents, since a resample would draw pairs within one twice as often as others, and they are more alike. `within`: a word and the mean of the words of its sentence. `types` is the number of word types.
    """

    same: PairTally
    different: PairTally
    within: Tally
    types: int


@dataclass(frozen=True)
class WordSimilarity(Derived):
    """Self-similarity, anisotropy and similarity within a sentence (Ethayarajh 2019, section 3), types weighted
    equally.

    Word types are forms as written, punctuation excluded, that occur in at least `fewest` sentences; at most `most`
    occurrences of each are used. `removing`: "nothing"; "mean and components", the mean and the three first principal
    components of the training blocks' vectors (Mu & Viswanath 2018); or "widest dimensions", the three coordinates
    with the largest variance there (Timkey & van Schijndel 2021 call them rogue). Under a removal, other blocks only
    are summed.
    """

    removing: str = "nothing"
    fewest: int = 5
    most: int = 50
    limit: int = 20000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"words": WordVectors(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        words: WordTable = answers["words"]
        corpus, layers = encoded.corpus, len(words.vectors)
        blocks = words.blocks(corpus)
        learn = in_split(blocks, "train")
        rows = repeated(words, encoded, fewest=self.fewest, most=self.most, seed=self.seed,
                        among=None if self.removing == "nothing" else ~learn)  # fmt: skip
        kept = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
        share: NDArray[np.float64] = np.repeat(np.array([1 / len(r) for r in rows], np.float64), [len(r) for r in rows])
        n, places = corpus.n_blocks, blocks[kept]
        pairs = _Pairs(rows, blocks)
        state: Arrays = {
            "same": np.zeros((n, n, layers)), "different": np.zeros((n, n, layers)),
            "within": np.zeros((n, layers)), "count": np.bincount(blocks, minlength=n).astype(np.float64),
            "types": np.array([len(rows)]),
        }  # fmt: skip
        across = 1.0 - np.eye(n)
        flat = places[pairs.first] * n + places[pairs.second]
        inside = np.zeros((n, n)).reshape(-1)
        inside += np.bincount(flat, share[pairs.first] * share[pairs.second], minlength=n * n)
        state["same weight"] = np.bincount(flat, pairs.weight, minlength=n * n).reshape(n, n)
        mass = np.bincount(places, share, minlength=n)
        state["different weight"] = (np.outer(mass, mass) - inside.reshape(n, n)) * across
        if not rows:
            return state
        for layer in range(layers):
            vectors = words.vectors[layer].astype(np.float32)
            state["within"][:, layer] = _within(vectors, words.sentence, blocks, n)
            used = _unit(_REMOVALS[self.removing](vectors, learn)[kept])
            cosines = pairs.cosines(used)
            state["same"][:, :, layer] = np.bincount(flat, cosines * pairs.weight, minlength=n * n).reshape(n, n)
            sums = np.zeros((n, used.shape[1]))
            np.add.at(sums, places, used * share[:, None])
            alike = np.bincount(flat, cosines * share[pairs.first] * share[pairs.second], minlength=n * n)
            state["different"][:, :, layer] = (sums @ sums.T - alike.reshape(n, n)) * across
        return state

    def finish(self, state: Arrays) -> Similarity:
        return Similarity(
            PairTally(state["same"], state["same weight"]),
            PairTally(state["different"], state["different weight"]),
            Tally(state["within"], state["count"]),
            int(state["types"][0]),
        )


class Spread(NamedTuple):
    """Shares of variance on the first principal component, (type, layer) and, of as many random words, (type, layer)."""

    explained: NDArray[np.float64]
    random: NDArray[np.float64]


@dataclass(frozen=True)
class ExplainableVariance(Derived):
    """Largest share of a word's variance over contexts that one static vector can explain: σ₁² / Σ σᵢ² of its centred
    occurrences (Ethayarajh 2019, section 3.3), beside the same for equally many words at random.

    Centred, since a mean common to all vectors is anisotropy and no variance of the word.
    """

    VERSION: ClassVar[int] = 1
    fewest: int = 10
    most: int = 50
    limit: int = 20000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"words": WordVectors(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        words: WordTable = answers["words"]
        rows = repeated(words, encoded, fewest=self.fewest, most=self.most, seed=self.seed)
        everything = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
        rng = np.random.default_rng(self.seed)
        chance = [rng.choice(everything, len(r), replace=False) for r in rows]
        state = {name: np.zeros((len(rows), len(words.vectors))) for name in ("explained", "random")}
        for layer in range(len(words.vectors)):
            vectors = words.vectors[layer].astype(np.float32)
            for name, groups in (("explained", rows), ("random", chance)):
                state[name][:, layer] = [_first_share(vectors[group]) for group in groups]
        return state

    def finish(self, state: Arrays) -> Spread:
        return Spread(state["explained"], state["random"])


def repeated(
    words: WordTable, encoded: Encoded, *, fewest: int, most: int, seed: int, among: NDArray[np.bool_] | None = None
) -> list[NDArray[np.int64]]:
    """Rows of each word type that stands in at least `fewest` sentences, at most `most` of them in a seeded choice.

    Types are forms as written, in sorted order; punctuation and, where `among` is given, rows outside it do not count.
    """
    forms = words.layer_values(encoded.corpus, "words")
    order = np.argsort(forms, kind="stable")
    if among is not None:
        order = order[among[order]]
    cuts = np.flatnonzero(forms[order][1:] != forms[order][:-1]) + 1
    drawn = draws(seed, words.sentence, words.word)
    found = []
    for rows in np.split(order, cuts):
        if not len(rows) or all(c in PUNCTUATION for c in forms[rows[0]]):
            continue
        rows = np.sort(rows[np.argsort(drawn[rows], kind="stable")[:most]])
        if len(np.unique(words.sentence[rows])) >= fewest:
            found.append(rows)
    return found


class _Pairs:
    """All ordered pairs of occurrences of one type, in places of the concatenated rows.

    `weight` makes the pairs from different blocks of a type sum to 1, and is 0 for the others.
    """

    def __init__(self, rows: list[NDArray[np.int64]], blocks: NDArray[np.int64]) -> None:
        self.sizes = [len(r) for r in rows]
        first, second, weight = [], [], []
        at = 0
        for r in rows:
            place = np.arange(at, at + len(r))
            first.append(np.repeat(place, len(r)))
            second.append(np.tile(place, len(r)))
            apart = (blocks[r][:, None] != blocks[r][None]).ravel().astype(np.float64)
            weight.append(apart / max(apart.sum(), 1.0))
            at += len(r)
        join: Any = lambda parts, kind: np.concatenate(parts) if parts else np.zeros(0, kind)
        self.first: NDArray[np.int64] = join(first, np.int64)
        self.second: NDArray[np.int64] = join(second, np.int64)
        self.weight: NDArray[np.float64] = join(weight, np.float64)

    def cosines(self, unit: NDArray[np.float32]) -> NDArray[np.float64]:
        """Of every pair, from unit vectors in the order of the rows."""
        return np.concatenate([(part @ part.T).ravel() for part in self._parts(unit)]).astype(np.float64)

    def _parts(self, unit: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        at = 0
        for size in self.sizes:
            yield unit[at : at + size]
            at += size


def _within(
    vectors: NDArray[np.float32], sentence: NDArray[np.int32], blocks: NDArray[np.int64], n: int
) -> NDArray[np.float64]:
    """Per block, the sum over words of cos(word, mean of its sentence's words)."""
    starts = np.flatnonzero(np.r_[True, np.diff(sentence) > 0])
    counts = np.diff(np.r_[starts, len(sentence)])
    means = np.add.reduceat(vectors, starts, axis=0) / counts[:, None]
    cosines = np.einsum("rw,rw->r", _unit(vectors), np.repeat(_unit(means), counts, axis=0))
    return np.bincount(blocks, cosines.astype(np.float64), minlength=n).astype(np.float64)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _first_share(vectors: NDArray[np.float32]) -> float:
    centred = vectors - vectors.mean(0)
    squares = (
        np.linalg.eigvalsh(centred @ centred.T)
        if len(centred) < centred.shape[1]
        else np.linalg.eigvalsh(centred.T @ centred)
    )
    return float(squares[-1] / max(squares.sum(), 1e-12))


def _whole(vectors: NDArray[np.float32], learn: NDArray[np.bool_]) -> NDArray[np.float32]:
    return vectors


def _without_components(vectors: NDArray[np.float32], learn: NDArray[np.bool_]) -> NDArray[np.float32]:
    centred = vectors - vectors[learn].mean(0)
    _, axes = np.linalg.eigh(centred[learn].T @ centred[learn])
    top = axes[:, -COMPONENTS:]
    return centred - centred @ top @ top.T


def _without_widest(vectors: NDArray[np.float32], learn: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.delete(vectors, np.argsort(vectors[learn].var(0))[-COMPONENTS:], axis=1)


_REMOVALS: Mapping[str, Callable[[NDArray[np.float32], NDArray[np.bool_]], NDArray[np.float32]]] = {
    "nothing": _whole,
    "mean and components": _without_components,
    "widest dimensions": _without_widest,
}
