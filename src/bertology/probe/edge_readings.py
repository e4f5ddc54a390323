"""Edge probes fitted on a pass's vectors of labelled spans, counted by blocks of sentences (Tenney et al. 2019a, 2019b)."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.corpus.sentence import Corpus, Link, Sentence
from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, hidden
from bertology.encoder.watch import Observation
from bertology.observe.statistic import Arrays, Derived, Scratch, Statistic
from bertology.observe.vectors import FLOAT16_MAX
from bertology.observe.words import word_vectors
from bertology.probe.edge import EdgeProbe, EdgeScores
from bertology.probe.readings import FEWEST
from bertology.probe.scores import tally_rows
from bertology.probe.tasks import frequent
from bertology.record.errors import NotApplicable
from bertology.stats.tally import Tally, in_split

MARGIN = 2
"""Words on either side of a span that the convolution over layer 0 may read, as in Tenney et al. (2019b)."""
LONGEST = 16
"""Words of the longest span; longer ones are left out and counted."""


class Edge(NamedTuple):
    """One or two spans (start, end) of words, end excluded, and what is said of them: a label, or "+name" / "-name" several
    times."""

    spans: tuple[tuple[int, int], ...]
    labels: tuple[str, ...]


class EdgeTask(NamedTuple):
    """`edges` of a sentence; `several` when labels hold or not, each by itself, and are not told apart."""

    edges: Callable[[Sentence], list[Edge]]
    several: bool = False


def _entities(s: Sentence) -> list[Edge]:
    """Entities with a type; marks of a relation's arguments (e1, e2) are none."""
    return [
        Edge(((start, end),), (kind,)) for start, end, kind in s.spans.get("entity", ()) if kind not in ("e1", "e2")
    ]


def _relations(s: Sentence) -> list[Edge]:
    """The two arguments in the order of the text; a label says its direction: "Cause-Effect" forwards, "< Cause-Effect" backwards."""
    made = []
    for first, second, label in (*s.links.get("relation", ()), *s.links.get("related", ())):
        a, b = _around(s, first), _around(s, second)
        made.append(Edge((a, b) if a <= b else (b, a), (label if a <= b else f"< {label}",)))
    return made


def _around(s: Sentence, word: int) -> tuple[int, int]:
    """The entity a word lies in, else the word."""
    return next(((start, end) for start, end, _ in s.spans.get("entity", ()) if start <= word < end), (word, word + 1))


def _roles(s: Sentence) -> list[Edge]:
    return [Edge(((p, p + 1), (a, a + 1)), (role,)) for p, a, role in s.links.get("role", ())]


def _proto_roles(s: Sentence) -> list[Edge]:
    by_pair: dict[tuple[int, int], list[str]] = {}
    links: tuple[Link, ...] = s.links.get("proto-role", ())
    for predicate, argument, rating in links:
        by_pair.setdefault((predicate, argument), []).append(rating)
    return [Edge(((p, p + 1), (a, a + 1)), tuple(ratings)) for (p, a), ratings in by_pair.items()]


EDGES: Mapping[str, EdgeTask] = MappingProxyType({
    "entity types": EdgeTask(_entities),
    "relations": EdgeTask(_relations),
    "semantic roles": EdgeTask(_roles),
    "proto-roles": EdgeTask(_proto_roles, several=True),
})  # fmt: skip


def annotated(corpus: Corpus) -> tuple[str, ...]:
    """The tasks of EDGES of which a corpus has FEWEST examples in the training blocks and a tenth of it in dev and test."""
    train, dev, test = (in_split(corpus.blocks, part) for part in ("train", "dev", "test"))
    found = []
    for name, task in EDGES.items():
        counts = np.array([len(task.edges(s)) for s in corpus])
        if counts[train].sum() >= FEWEST and min(counts[dev].sum(), counts[test].sum()) >= FEWEST // 10:
            found.append(name)
    return tuple(found)


class SpanTable(NamedTuple):
    """`vectors` (layer, row, width) float16 of the words in spans, layer 0 the embeddings; `sentence` and `word` (row,) say
    whose they are. `near` (1, row2, width) holds layer 0 with MARGIN words around each span; `near_sentence`, `near_word`.
    """

    vectors: NDArray[np.float16]
    sentence: NDArray[np.int32]
    word: NDArray[np.int32]
    near: NDArray[np.float16]
    near_sentence: NDArray[np.int32]
    near_word: NDArray[np.int32]


@dataclass(frozen=True)
class SpanVectors(Statistic):
    """Word vectors of a task's spans, in up to `limit` examples of a seeded choice."""

    task: str
    limit: int = 8000
    seed: int = 0

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((hidden(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        inside, near = set[tuple[int, int]](), set[tuple[int, int]]()
        for index, edge in chosen(self, encoded):
            n = len(encoded.corpus[index])
            for start, end in edge.spans:
                inside.update((index, word) for word in range(start, end))
                near.update((index, word) for word in range(max(0, start - MARGIN), min(n, end + MARGIN)))
        rows, around = (np.array(sorted(places), dtype=np.int32).reshape(-1, 2) for places in (inside, near))
        return {
            "vectors": scratch("vectors", (encoder.n_layers + 1, len(rows), encoder.width), "float16"),
            "near": scratch("near", (1, len(around), encoder.width), "float16"),
            "sentence": rows[:, 0].copy(), "word": rows[:, 1].copy(),
            "near sentence": around[:, 0].copy(), "near word": around[:, 1].copy(),
        }  # fmt: skip

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        for name, layers in (("", range(encoder.n_layers + 1)), ("near ", range(1))):
            sentence, places, rows = state[f"{name}sentence"], [], []
            for row, index in enumerate(batch.indices.tolist()):
                low, high = np.searchsorted(sentence, [index, index + 1])
                places += range(low, high)
                rows += [row] * int(high - low)
            words = state[f"{name}word"][places].tolist()
            for layer in layers if places else ():
                found = word_vectors(batch, seen, layer)[rows, words].float().clamp(-FLOAT16_MAX, FLOAT16_MAX).half()
                state["near" if name else "vectors"][layer, places] = found.cpu().numpy()

    def merge(self, a: Arrays, b: Arrays) -> Arrays:
        """Shards of one corpus fill disjoint rows; the unfilled ones are zero."""
        return {**a, "vectors": a["vectors"] + b["vectors"], "near": a["near"] + b["near"]}

    def finish(self, state: Arrays) -> SpanTable:
        names = ("vectors", "sentence", "word", "near", "near sentence", "near word")
        return SpanTable(*(state[name] for name in names))


def chosen(which: "SpanVectors | EdgeCurve", encoded: Encoded) -> list[tuple[int, Edge]]:
    """(sentence, edge) of the examples that a task's vectors are kept for, in order; spans over LONGEST words left out."""
    edges = [
        (line.index, edge)
        for line in encoded.lines
        for edge in EDGES[which.task].edges(encoded.corpus[line.index])
        if all(end - start <= LONGEST for start, end in edge.spans)
    ]
    if len(edges) > which.limit:
        picked = np.random.default_rng(which.seed).permutation(len(edges))[: which.limit]
        edges = [edges[i] for i in sorted(picked.tolist())]
    return edges


class EdgeAnswer(NamedTuple):
    """`f1`: Tally (block, layer) over dev and test blocks, its rate micro-averaged F1. `majority`: Tally (block,) of the most
    frequent training label, empty with several labels an example. `known`: Tally (block, layer, 2, label), the share of examples
    of each label found, of strings that training did not (0) and did (1) hold. `labels`; `learnt` from so many examples; `rare`
    ones left out, whose label has too few."""

    f1: Tally
    majority: Tally
    known: Tally
    labels: tuple[str, ...]
    learnt: int
    rare: int


@dataclass(frozen=True)
class EdgeCurve(Derived):
    """Edge probes on a task of EDGES in every layer; with a `window`, over layer 0 as a convolution.

    `held_out` keeps that share of the strings of first spans out of training: they are what "unseen" means, besides those
    that training lacks anyway.
    """

    task: str
    window: int = 0
    held_out: float = 0.0
    pooling: str = "attention"
    limit: int = 8000
    seed: int = 0

    def needs(self) -> Mapping[str, Statistic | Derived]:
        return {"table": SpanVectors(self.task, self.limit, self.seed)}

    def compute(self, encoder: Encoder, encoded: Encoded, *, table: SpanTable, **answers: Any) -> Arrays:
        corpus, task = encoded.corpus, EDGES[self.task]
        examples = chosen(self, encoded)
        blocks = corpus.blocks[[index for index, _ in examples]] if examples else np.zeros(0, np.int64)
        labels, names, kept = _labels(task, [edge for _, edge in examples], in_split(blocks, "train"))
        strings = np.array([_string(corpus[index], edge) for index, edge in examples], dtype=np.str_)
        withheld = np.array([draw_of(string, self.seed) < self.held_out for string in strings], dtype=bool)
        train, dev, test = (np.flatnonzero(kept & in_split(blocks, part)) for part in ("train", "dev", "test"))
        learnt = train[~withheld[train]]
        found = np.unique(labels[learnt]) if not task.several else ("+", "-")
        if len(found) < 2 or len(learnt) < FEWEST or min(len(dev), len(test)) < FEWEST // 10:
            raise NotApplicable(
                f"{corpus.name} has {len(learnt)} examples of {len(found)} labels to learn {self.task} from, {len(dev)} to choose "
                f"a layer on and {len(test)} to test on"
            )
        vectors, place, sentence = (
            (table.near, (table.near_sentence, table.near_word), table.near_sentence)
            if self.window
            else (table.vectors, (table.sentence, table.word), table.sentence)
        )
        spans = _row_spans(examples, *place)
        judged = np.sort(np.r_[dev, test])
        probe = EdgeProbe(pooling=self.pooling, window=self.window, seed=self.seed)
        chosen_on = dev[~withheld[dev]]
        probe.fit(vectors, spans, labels, sentence=sentence, examples=learnt, dev=chosen_on)
        scores = probe.evaluate(vectors, spans, labels, sentence=sentence, examples=judged)
        seen = np.isin(strings[judged], strings[learnt])
        return _counted(scores, labels, names, judged, blocks, seen, learnt, corpus.n_blocks) | {
            "names": np.array(names), "learnt": np.array(len(learnt)), "rare": np.array(int((~kept).sum())),
        }  # fmt: skip

    def finish(self, state: Arrays) -> EdgeAnswer:
        f1, majority, known = (Tally(state[f"{n} total"], state[f"{n} weight"]) for n in ("f1", "majority", "known"))
        return EdgeAnswer(f1, majority, known, tuple(state["names"].tolist()), int(state["learnt"]), int(state["rare"]))


def draw_of(string: str, seed: int) -> float:
    """A number in [0, 1) that depends on the string and the seed alone."""
    digest = hashlib.blake2b(f"{seed} {string}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _labels(
    task: EdgeTask, edges: list[Edge], train: NDArray[np.bool_]
) -> tuple[NDArray[Any], tuple[str, ...], NDArray[np.bool_]]:
    """Labels (example,) or (example, label) of 1, 0 and nan, their names, and the examples to use."""
    if not task.several:
        labels = frequent(np.array([edge.labels[0] for edge in edges], dtype=np.str_), train)
        names = np.unique(labels[labels != ""])
        return labels, tuple(names.tolist()), labels != ""
    counts = Counter(
        (label[1:], label[0]) for edge, inside in zip(edges, train, strict=True) if inside for label in edge.labels
    )
    names = sorted(name for name in {name for name, _ in counts} if min(counts[name, "+"], counts[name, "-"]) > 0)
    rated = np.full((len(edges), len(names)), np.nan)
    for row, edge in enumerate(edges):
        for label in edge.labels:
            if label[1:] in names:
                rated[row, names.index(label[1:])] = label[0] == "+"
    return rated, tuple(names), np.any(np.isfinite(rated), axis=1)


def _row_spans(
    examples: list[tuple[int, Edge]], sentence: NDArray[np.int32], word: NDArray[np.int32]
) -> NDArray[np.int64]:
    """The spans of examples as rows of a table, (example, span, 2)."""
    row = {place: i for i, place in enumerate(zip(sentence.tolist(), word.tolist(), strict=True))}
    made = [
        [(row[index, start], row[index, start] + end - start) for start, end in edge.spans] for index, edge in examples
    ]
    return np.array(made, dtype=np.int64)


def _counted(
    scores: EdgeScores, labels: NDArray[Any], names: tuple[str, ...], judged: NDArray[np.int64], blocks: NDArray[np.int64],
    seen: NDArray[np.bool_], learnt: NDArray[np.int64], n_blocks: int,
) -> Arrays:  # fmt: skip
    at = blocks[judged]
    tallies = {"f1": scores.tally(at, n_blocks)}
    layers = len(scores.hits)
    if labels.ndim == 1:
        kinds, counts = np.unique(labels[learnt], return_counts=True)
        usual = labels[judged] == kinds[counts.argmax()]
        tallies["majority"] = _first(tally_rows(usual[None], at, n_blocks))
        cell = np.where(
            (seen[None, None] == np.array([False, True])[:, None, None])
            & (labels[judged][None, None] == np.array(names)[None, :, None]),
            1.0, np.nan,
        )  # fmt: skip
        right = scores.hits[:, None, None] / 2 * cell[None]
        tally = tally_rows(right.reshape(-1, len(judged)), at, n_blocks)
        shape = (n_blocks, layers, 2, len(names))
        tallies["known"] = Tally(tally.total.reshape(shape), tally.weight.reshape(shape))
    else:
        nothing = np.zeros((n_blocks,))
        tallies["majority"] = Tally(nothing, nothing)
        tallies["known"] = Tally(np.zeros((n_blocks, layers, 2, 0)), np.zeros((n_blocks, layers, 2, 0)))
    return {f"{name} {part}": np.array(getattr(t, part)) for name, t in tallies.items() for part in ("total", "weight")}


def _first(tally: Tally) -> Tally:
    return Tally(tally.total[:, 0], tally.weight[:, 0])


def _string(s: Sentence, edge: Edge) -> str:
    start, end = edge.spans[0]
    return " ".join(s.words[start:end]).lower()
