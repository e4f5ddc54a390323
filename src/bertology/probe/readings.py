"""Probes fitted on a pass's vectors and counted by blocks of sentences: what claims about layers share.

Learnt on the train blocks, strengths chosen on dev blocks; dev and test blocks are counted, so that a layer can be
chosen on the one and estimated on the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.encoder.align import Encoded
from bertology.encoder.encoder import Encoder
from bertology.observe.statistic import Arrays, Derived, Statistic
from bertology.observe.vectors import WordTable, WordVectors
from bertology.observe.words import PUNCTUATION
from bertology.probe.control import control_labels
from bertology.probe.linear import LinearProbe
from bertology.probe.mdl import online_code
from bertology.probe.mlp import MLPProbe
from bertology.probe.scalar_mix import ScalarMix
from bertology.probe.scores import tally_rows
from bertology.probe.structural import DepthProbe, DistanceProbe, edge_hits
from bertology.probe.tasks import frequent, word_labels
from bertology.probe.trees import tree_distances
from bertology.record.errors import NotApplicable
from bertology.record.result import Row
from bertology.stats.tally import Tally, bootstrap, in_split

FEWEST = 100
"""Labelled rows that the training blocks must hold; a tenth of it in dev and in test blocks."""
ROUNDS = {"epochs": 3.0, "min_steps": 80}
"""A third of the default's steps: within half a point of its accuracy, at a third of its cost."""
FOLDS = 5


class Curve(NamedTuple):
    """`correct`: Tally (block, layer) over the dev and test blocks, layer 0 being the embeddings; `majority`: Tally
    (block,), the most frequent training label. `n_classes` labels."""

    correct: Tally
    majority: Tally
    n_classes: int


class Rows(NamedTuple):
    """A task's labelled rows by split, and everything a fit reads."""

    labels: NDArray[np.str_]
    blocks: NDArray[np.int64]
    train: NDArray[np.int64]
    dev: NDArray[np.int64]
    judged: NDArray[np.int64]


@dataclass(frozen=True)
class TagCurve(Derived):
    """Accuracy of one probe per layer on a task of `probe.tasks`, or on its control task.

    `probe` is "linear" or the number of hidden layers, "1" or "2". `layers` picks some, all when empty.
    """

    task: str
    control: bool = False
    probe: str = "linear"
    layers: tuple[int, ...] = ()
    limit: int = 20000
    seed: int = 0
    VERSION = 2

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": WordVectors(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, *, table: WordTable, **answers: Any) -> Arrays:
        rows = labelled(self.task, encoded, table, control=self.control, seed=self.seed)
        vectors = _layers(table, self.layers)
        probe = PROBES[self.probe](self.seed)
        probe.fit(
            vectors, rows.labels, rows=rows.train, dev=(np.take(vectors, rows.dev, axis=1), rows.labels[rows.dev])
        )
        return _counted(probe.evaluate(vectors, rows.labels, rows=rows.judged).correct, rows, encoded)

    def finish(self, state: Arrays) -> Curve:
        return _curve(state)


PROBES = {
    "linear": lambda seed: LinearProbe(l2=(3.0, 100.0), **ROUNDS, seed=seed),
    "1": lambda seed: MLPProbe(hidden=128, epochs=12, min_steps=240, learning_rate=0.003, seed=seed),
    "2": lambda seed: MLPProbe(hidden=128, layers=2, epochs=12, min_steps=240, learning_rate=0.003, seed=seed),
}


class Cumulation(NamedTuple):
    """`correct`: Tally (block, probe), P(l) mixing layers 0 to l; `mix` (layer,) the weights of the one over all;
    `majority` as in Curve."""

    correct: Tally
    mix: NDArray[np.float64]
    majority: Tally


@dataclass(frozen=True)
class Cumulative(Derived):
    """Scalar mixes over layers 0 to l, for every l (Tenney et al. 2019); at most `most` rows to learn from."""

    task: str
    most: int = 12000
    limit: int = 20000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": WordVectors(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, *, table: WordTable, **answers: Any) -> Arrays:
        rows = labelled(self.task, encoded, table, seed=self.seed)
        mixes = ScalarMix(cumulative=True, **ROUNDS, seed=self.seed)
        mixes.fit(table.vectors, rows.labels, rows=_some(rows.train, self.most, self.seed))
        counted = _counted(mixes.evaluate(table.vectors, rows.labels, rows=rows.judged).correct, rows, encoded)
        return counted | {"mix": mixes.mix_[-1]}

    def finish(self, state: Arrays) -> Cumulation:
        curve = _curve(state)
        return Cumulation(curve.correct, state["mix"], curve.majority)


@dataclass(frozen=True)
class MixFolds(Derived):
    """Mixing weights of all layers, (1 + FOLDS, layer): learnt from all training blocks, then without each fifth of them,
    for a jackknife. Tasks compare when they learn from as many words, hence the small `most`."""

    task: str
    most: int = 1000
    limit: int = 20000
    seed: int = 0
    VERSION = 2

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": WordVectors(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, *, table: WordTable, **answers: Any) -> Arrays:
        rows = labelled(self.task, encoded, table, seed=self.seed)
        train = _some(rows.train, self.most, self.seed)
        # Blocks of a split are those of one remainder modulo 5: the quotient numbers them.
        fold = rows.blocks[train] // 5 % FOLDS
        parts = [train, *(train[fold != k] for k in range(FOLDS))]
        mixes = [ScalarMix(**ROUNDS, seed=self.seed).fit(table.vectors, rows.labels, rows=r).mix_[-1] for r in parts]
        return {"mix": np.stack(mixes)}

    def finish(self, state: Arrays) -> NDArray[np.float64]:
        return state["mix"]


@dataclass(frozen=True)
class OnlineCode(Derived):
    """Online codelength (Voita & Titov 2020) of a task in some layers, over train and test blocks, up to `most` words.

    The dev blocks stay out: layers are chosen on them.
    """

    task: str
    layers: tuple[int, ...]
    most: int = 6000
    limit: int = 20000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": WordVectors(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, *, table: WordTable, **answers: Any) -> Arrays:
        rows = labelled(self.task, encoded, table, seed=self.seed)
        test = rows.judged[in_split(rows.blocks[rows.judged], "test")]
        sent = _some(np.sort(np.r_[rows.train, test]), self.most, self.seed)
        vectors = np.ascontiguousarray(_layers(table, self.layers)[:, sent])
        probe = LinearProbe(l2=(30.0,), **ROUNDS)
        code = online_code(vectors, rows.labels[sent], probe=probe, seed=self.seed)
        tally = tally_rows(code.bits, rows.blocks[sent], encoded.corpus.n_blocks)
        return {"bits": tally.total, "count": tally.weight, "uniform": np.array([code.uniform / len(sent)])}

    def finish(self, state: Arrays) -> Tally:
        """Bits a label, Tally (block, layer asked for)."""
        return Tally(state["bits"], state["count"])


class Trees(NamedTuple):
    """Tallies over dev and test blocks, (block, layer): `hits` of gold edges (UUAS); over sentences, `root` found and,
    for five to fifty words, Spearman correlations of `distance` and `depth`. `chain`: Tally (block,) of gold edges
    between neighbours."""

    hits: Tally
    distance: Tally
    root: Tally
    depth: Tally
    chain: Tally


@dataclass(frozen=True)
class StructuralCurve(Derived):
    """Structural probes for distance and depth (Hewitt & Manning 2019) in every layer, rank 64.

    Spearman correlations are averaged over sentences, not over lengths first. Up to `sentences` to learn from.
    """

    rank: int = 64
    epochs: int = 10
    sentences: int = 1200
    limit: int = 20000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": WordVectors(self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, *, table: WordTable, **answers: Any) -> Arrays:
        corpus = encoded.corpus
        vectors, offsets, sentence, heads, punctuation = parsed(table, encoded)
        blocks = corpus.blocks[sentence]
        train = _some(np.flatnonzero(in_split(blocks, "train")), self.sentences, self.seed)
        dev = np.flatnonzero(in_split(blocks, "dev"))
        judged = np.flatnonzero(~in_split(blocks, "train"))
        if min(len(train), len(dev), len(judged) - len(dev)) < 20:
            raise NotApplicable(
                f"{corpus.name} has too few trees: {len(train)} to learn from, {len(judged)} to test on"
            )
        options = {"rank": self.rank, "epochs": self.epochs, "seed": self.seed}
        held_out = _some(dev, 200, self.seed)
        distance, depth = DistanceProbe(**options), DepthProbe(**options)
        for probe in (distance, depth):
            probe.fit(vectors, offsets, heads, sentences=train, dev=held_out)
        a = distance.evaluate(vectors, offsets, heads, punctuation, sentences=judged)
        b = depth.evaluate(vectors, offsets, heads, punctuation, sentences=judged)
        at, n = blocks[judged], corpus.n_blocks
        medium = (a.length >= 5) & (a.length <= 50)
        count = lambda values: tally_rows(np.where(medium, values, np.nan), at, n)
        hits = tally_rows(a.hits.astype(np.float64), at, n)
        chain = np.array(
            [_chain_hits(heads[offsets[s] : offsets[s + 1]], punctuation[offsets[s] : offsets[s + 1]]) for s in judged]
        )
        per = {
            "hits": Tally(hits.total, tally_rows(a.total[None].astype(np.float64), at, n).total),
            "distance": count(a.spearman), "root": tally_rows(b.root, at, n), "depth": count(b.spearman),
            "chain": Tally(*(tally_rows(chain[None, :, k].astype(np.float64), at, n).total[:, 0] for k in (0, 1))),
        }  # fmt: skip
        return {f"{name} {part}": np.array(getattr(t, part)) for name, t in per.items() for part in ("total", "weight")}

    def finish(self, state: Arrays) -> Trees:
        return Trees(*(Tally(state[f"{name} total"], state[f"{name} weight"]) for name in Trees._fields))


def gains(dev: Tally, seed: int = 0) -> bool:
    """Whether the last cell of a Tally (block, layer) is better than the first, beyond resampling."""
    return bootstrap(lambda r: r[:, -1] - r[:, 0], dev, seed=seed).low > 0


def curve_rows(measured: str, label: str, tally: Tally, seed: int = 0) -> list[Row]:
    """A row for each layer of a Tally (block, layer), with its interval."""
    low, high = tally.intervals(seed=seed)
    return [Row(measured, rate, low[i], high[i], tally.n, i, label=label) for i, rate in enumerate(tally.rate())]


def labelled(task: str, encoded: Encoded, table: WordTable, *, control: bool = False, seed: int = 0) -> Rows:
    """The rows that a task labels, by split. Raises NotApplicable when they are too few or of one class."""
    corpus = encoded.corpus
    blocks = table.blocks(corpus)
    labels = frequent(word_labels(task, corpus, table), in_split(blocks, "train"))
    known = np.flatnonzero(labels != "")
    train, dev, judged = (known[in_split(blocks[known], part)] for part in ("train", "dev", "test"))
    if len(np.unique(labels[train])) < 2 or len(train) < FEWEST or min(len(dev), len(judged)) < FEWEST // 10:
        raise NotApplicable(
            f"{corpus.name} has {len(train)} words of {len(np.unique(labels[train]))} classes to learn {task} from, "
            f"and {len(judged)} to test on"
        )
    if control:
        words = [
            corpus[s].words[w].lower()
            for s, w in zip(table.sentence[known].tolist(), table.word[known].tolist(), strict=True)
        ]
        labels = labels.copy()
        labels[known] = control_labels(words, labels[known], seed)
    return Rows(labels, blocks, train, dev, np.sort(np.r_[dev, judged]))


def parsed(
    table: WordTable, encoded: Encoded
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.bool_]]:
    """(vectors, offsets, sentence, heads, punctuation) of the sentences that are one tree; offsets end with n."""
    corpus = encoded.corpus
    starts = np.flatnonzero(np.r_[True, np.diff(table.sentence) > 0]) if len(table.sentence) else np.zeros(0, np.int64)
    whole = [s for s in table.sentence[starts].tolist() if list(corpus[s].layers.get("head", ())).count(-1) == 1]
    if not whole:
        raise NotApplicable(f"no sentence of {corpus.name} is a tree")
    keep = np.isin(table.sentence, whole)
    vectors = table.vectors if keep.all() else np.ascontiguousarray(table.vectors[:, keep])
    heads = np.concatenate([np.array(corpus[s].layers["head"]) for s in whole])
    marks = [_is_punctuation(corpus[s], w) for s in whole for w in range(len(corpus[s]))]
    offsets = np.r_[0, np.cumsum([len(corpus[s]) for s in whole])]
    return vectors, offsets, np.array(whole, dtype=np.int32), heads, np.array(marks)


def _is_punctuation(sentence: Any, word: int) -> bool:
    tags = sentence.layers.get("upos")
    return tags[word] == "PUNCT" if tags is not None else all(c in PUNCTUATION for c in sentence.words[word])


def _chain_hits(heads: NDArray[np.int64], punctuation: NDArray[np.bool_]) -> tuple[int, int]:
    """Gold edges between neighbouring words once punctuation is left out, and gold edges; as edge_hits counts them."""
    places = np.cumsum(~punctuation)
    apart = np.abs(places[:, None] - places[None]).astype(np.float64)
    hits, total = edge_hits(apart[None, None], tree_distances(heads)[None], ~punctuation[None])
    return int(hits[0, 0]), int(total[0])


def _layers(table: WordTable, layers: tuple[int, ...]) -> NDArray[np.float16]:
    return table.vectors[list(layers)] if layers else table.vectors


def _some(rows: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """At most `most` of the rows, a seeded choice, in order."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).permutation(rows)[:most])


def _counted(correct: NDArray[np.bool_], rows: Rows, encoded: Encoded) -> Arrays:
    at, n = rows.blocks[rows.judged], encoded.corpus.n_blocks
    names, counts = np.unique(rows.labels[rows.train], return_counts=True)
    usual = (rows.labels[rows.judged] == names[counts.argmax()])[None]
    tally = tally_rows(correct, at, n)
    return {
        "correct": tally.total, "count": tally.weight[:, 0], "majority": tally_rows(usual, at, n).total[:, 0],
        "classes": np.array([len(names)]),
    }  # fmt: skip


def _curve(state: Arrays) -> Curve:
    return Curve(
        Tally(state["correct"], state["count"]), Tally(state["majority"], state["count"]), int(state["classes"][0])
    )
