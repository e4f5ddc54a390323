"""True and corrupted triples told apart, by a masked language model (Davison et al. 2019) and by a bilinear model that learns from some
(in the form of Li et al. 2016): relation, head and tail, with the phrases' static vectors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.behave import facts as recall
from bertology.behave.facts import Facts
from bertology.behave.pll import Progress
from bertology.corpus.cloze import ClozeItem
from bertology.encoder.encoder import Encoder
from bertology.record.keys import made_key
from bertology.stats.choose import argmax

FOLDS = 5
PENALTIES = (0.01, 0.1, 1.0, 10.0)
WEIGHTS = (0.5, 1.0, 1.5, 2.0, 4.0)


class Triples(NamedTuple):
    """Each fact with its true tail first, then corrupted ones. `tails` (fact, tail); `group` is the source of each fact, 0 or 1."""

    facts: Facts
    tails: NDArray[np.str_]
    group: NDArray[np.int64]
    sources: tuple[str, str]

    def item(self, fact: int, template: int, tail: int) -> ClozeItem:
        """The fact's item with a tail as its target."""
        return self.facts.items[fact][template]._replace(target=str(self.tails[fact, tail]))


def corrupted(facts: Facts, sources: tuple[str, str], *, most: int, wrong: int, seed: int) -> Triples:
    """At most `most` facts of each relation and source, each with `wrong` tails of other facts of the same relation and source.

    Tails are drawn by how often they are true, so that a frequent tail is as often false; none fits the fact. Facts of relations
    that have fewer than wrong + 1 different tails in a source are left out, and relations that only one source has.
    """
    rng = np.random.default_rng([seed, 34])
    source, subject = facts.label("source"), np.array([s.casefold() for s in facts.subjects])
    tails = np.array([next(iter(one.values())).target for one in facts.items])
    kept, drawn = [], []
    for r in range(len(facts.names)):
        parts = [np.flatnonzero((facts.relation == r) & (source == name)) for name in sources]
        if any(len(part) < recall.FEWEST or len(set(tails[part])) <= wrong for part in parts):
            continue
        for part in parts:
            for i in rng.permutation(part)[:most]:
                fits = {*tails[(facts.relation == r) & (subject == subject[i])], tails[int(i)]}
                others = [t for t in dict.fromkeys(tails[rng.permutation(part)]) if t not in fits]
                if len(others) >= wrong:
                    kept.append(int(i))
                    drawn.append((tails[i], *others[:wrong]))
    order = np.argsort(kept, kind="stable")
    chosen = facts.of(np.isin(np.arange(len(facts.items)), kept))
    table = np.array(drawn, dtype=np.str_).reshape(len(kept), 1 + wrong)[order]
    return Triples(chosen, table, (chosen.label("source") == sources[1]).astype(np.int64), sources)


def area(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(fact,): the share of a fact's corrupted tails below its true one, ties half: the area under the curve of the fact's own ranking.
    `scores` (fact, tail), the true one first; nan where a score is missing."""
    true, false = scores[:, :1], scores[:, 1:]
    found = ((true > false) + 0.5 * (true == false)).mean(1)
    return np.where(np.isfinite(scores).all(1), found, np.nan)


def weighted_information(
    log: NDArray[np.float64], alone: NDArray[np.float64], triples: Triples
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(in source, out of source), each (fact,): areas of w log p(tail | head) − log p(tail), both (fact, tail).

    The weight w is chosen among WEIGHTS by the mean area over facts of the fact's own source in other folds, or over the other source.
    """
    areas = np.stack([area(w * log - alone) for w in WEIGHTS])
    fold = folds(len(triples.tails), triples.group)
    inside, outside = np.full((2, len(triples.tails)), np.nan)
    for g in (0, 1):
        own = triples.group == g
        best = argmax(np.nanmean(areas[:, ~own], axis=1))[0]
        outside[own] = areas[best, own]
        for k in range(FOLDS):
            test = own & (fold == k)
            inside[test] = areas[argmax(np.nanmean(areas[:, own & ~test], axis=1))[0], test]
    return inside, outside


def bilinear(
    triples: Triples, vectors: dict[str, NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(in source, out of source), each (fact,): areas of a score h'(M + M_r)t fitted on true and corrupted triples.

    Squared loss with an L2 penalty, solved in the dual, where a product of two triples is ⟨h,h'⟩⟨t,t'⟩(1 + [same relation]). What is learnt
    from is corrupted by handing its tails on within a relation, so that each is as often false as true, and the tails of tested facts are
    not false beforehand. In source, a fact is scored by a model of its source's other folds; out of source, by the mean score of the other
    source's FOLDS models, so that both have learnt from as many facts. The penalty is chosen by the area on the fold after the one left out.
    """
    n, width = triples.tails.shape
    h = _unit(np.stack([vectors[subject] for subject in triples.facts.subjects]))
    words, tail = np.unique(triples.tails, return_inverse=True)
    tail = tail.reshape(n, width)
    t = _unit(np.stack([vectors[word] for word in words.tolist()]))
    relation = triples.facts.relation
    heads, tails = (h @ h.T) * (1.0 + (relation[:, None] == relation[None])), t @ t.T
    fold = folds(n, triples.group)
    tested = np.repeat(np.arange(n), width), tail.ravel()

    def fitted(train: NDArray[np.bool_], penalty: float) -> NDArray[np.float64]:
        """(fact, tail): scores of all triples after learning from the facts in `train`."""
        fact, word, truth = _lesson(np.flatnonzero(train), relation, tail[:, 0], width - 1)
        product = heads[np.ix_(fact, fact)] * tails[np.ix_(word, word)]
        dual = np.linalg.solve(product + penalty * np.eye(len(fact)), truth)
        return (heads[np.ix_(tested[0], fact)] * tails[np.ix_(tested[1], word)] @ dual).reshape(n, width)

    inside, outside = np.full(n, np.nan), np.full(n, np.nan)
    for g in (0, 1):
        own, away = triples.group == g, []
        for k in range(FOLDS):
            test, dev = own & (fold == k), own & (fold == (k + 1) % FOLDS)
            tried = [np.nanmean(area(fitted(own & ~test & ~dev, penalty))[dev]) for penalty in PENALTIES]
            scores = fitted(own & ~test, PENALTIES[argmax(np.array(tried))[0]])
            inside[test] = area(scores)[test]
            away.append(scores)
        outside[~own] = area(np.mean(away, axis=0))[~own]
    return inside, outside


def _lesson(
    train: NDArray[np.int64], relation: NDArray[np.int64], true: NDArray[np.int64], wrong: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Facts, tails and truth (1, or −1 / wrong) of what is learnt from: each fact with its tail, and with those of the next `wrong` facts of
    its relation as far as they differ."""
    fact, word, truth = list(train), list(true[train]), [1.0] * len(train)
    for r in np.unique(relation[train]):
        own = train[relation[train] == r]
        for step in range(1, min(wrong, len(own) - 1) + 1):
            for i, other in zip(own, np.roll(own, -step), strict=True):
                if true[i] != true[other]:
                    fact.append(i)
                    word.append(true[other])
                    truth.append(-1.0 / wrong)
    return np.array(fact), np.array(word), np.array(truth)


def folds(n: int, group: NDArray[np.int64]) -> NDArray[np.int64]:
    """(fact,): 0 to FOLDS − 1, in turn within each group."""
    fold = np.zeros(n, dtype=np.int64)
    for g in (0, 1):
        own = np.flatnonzero(group == g)
        fold[own] = np.arange(len(own)) % FOLDS
    return fold


@dataclass(frozen=True, eq=False)
class PhraseVectors:
    """The mean of the encoder's input embeddings over the subwords of each phrase: {phrase: (width,)}."""

    encoder: Encoder
    phrases: tuple[str, ...]

    @property
    def key(self) -> str:
        return made_key("phrases", self.encoder.fingerprint, self.phrases)

    def build(self, place: Path, progress: Progress) -> None:
        table = self.encoder.model.get_input_embeddings().weight.detach().float().cpu().numpy()  # type: ignore[union-attr,operator]
        ids = [self.encoder.tokenizer(f" {p}", add_special_tokens=False)["input_ids"] for p in self.phrases]
        np.save(place / "vectors.npy", np.stack([table[i].mean(0) if i else 0 * table[0] for i in ids]))

    def load(self, place: Path) -> dict[str, NDArray[np.float64]]:
        return dict(zip(self.phrases, np.load(place / "vectors.npy").astype(np.float64), strict=True))


def two_sources(facts: Facts) -> tuple[str, str] | None:
    """The two sources with most facts; None where there is one."""
    names, counts = np.unique(facts.label("source"), return_counts=True)
    largest: Sequence[str] = names[np.argsort(-counts, kind="stable")][:2].tolist()
    return (largest[0], largest[1]) if len(largest) > 1 else None


def _unit(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = x - x.mean(0)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
