"""Constituents without a parser: trees from the distances of neighbouring words (Kim et al. 2020)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.syntactic_distances import Distances, Gaps, SyntacticDistances
from bertology.probe.trees import (
    Bracketing,
    balanced,
    binary_tree,
    left_branching,
    random_branching,
    right_branching,
    span_f1,
)  # fmt: skip
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import Tally, bootstrap, of_items

FEWEST = 40  # sentences in dev and in test blocks
MOST = 500  # dev sentences on which every measure and layer is tried


@claim(
    id="syn-13",
    section="3.1",
    says="Grammar induction from the vectors beats the right-branching baseline.",
    cites=("rosa-2019", "kim-2020", "vilares-2020"),
    method="""Each sentence is split where neighbouring words are farthest apart, and the parts likewise, down to single words. Distances
    are those of hidden states (cosine, Euclidean) or of attention rows (Jensen-Shannon, mean over the heads of a layer), with no
    bias towards a direction. Measure and layer are chosen on dev sentences by unlabelled F1, averaged over sentences, without
    punctuation, single words and the whole sentence. On test sentences F1 must exceed that of right-branching trees and
    that of the random twin, whose measure and layer are chosen likewise.""",
    expects={"gain over right-branching": above(0.0), "gain over the random twin": above(0.0)},
    needs=("constituents:constituent",),
)  # fmt: skip
def trees_from_distances(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    corpus = corpora.constituents
    asked = SyntacticDistances(attention="attention" in encoder.has)
    real, random = yield from together(measure(asked, over=corpus), measure(asked, over=corpus, twin=True))
    dev, test = list(real.on("dev", corpus))[:MOST], list(real.on("test", corpus))
    if min(len(dev), len(test)) < FEWEST:
        raise NotApplicable(
            f"{corpus.name} has {len(dev)} dev and {len(test)} test sentences with a constituent to find, {FEWEST} are due"
        )
    tried, of_twin = _tried(dev), _tried(list(random.on("dev", corpus))[:MOST])
    (best,), (twin_best,) = argmax(tried.rate()), argmax(of_twin.rate())
    rng = np.random.default_rng(seed)
    fixed: dict[str, Callable[[Gaps], Bracketing]] = {
        "right-branching": lambda g: right_branching(len(g.bare.words)),
        "left-branching": lambda g: left_branching(len(g.bare.words)),
        "balanced": lambda g: balanced(len(g.bare.words)),
        "random trees": lambda g: random_branching(len(g.bare.words), rng),
    }
    own = _f1(test, lambda g: binary_tree(g.distances[best]), corpus)
    twin = _f1(list(random.on("test", corpus)), lambda g: binary_tree(g.distances[twin_best]), corpus)
    others = {name: _f1(test, tree, corpus) for name, tree in fixed.items()} | {"random twin": twin}
    points = {"unit": "points of F1", "seed": seed}
    gap = lambda a, b: 100 * (a - b)
    percent = lambda tally: bootstrap(lambda r: 100 * r, tally, unit="% F1", seed=seed)
    values = {
        "gain over right-branching": bootstrap(gap, own, others["right-branching"], **points),
        "gain over the random twin": bootstrap(gap, own, twin, **points),
        "F1": percent(own),
    }
    baselines = {name: percent(tally) for name, tally in others.items()}
    rows = [
        Row("span F1, %", e.value, e.low, e.high, e.n, label=name)
        for name, e in (("distances", values["F1"]), *baselines.items())
    ]
    for who, table, curve in (("", real, tried), ("random twin, ", random, of_twin)):
        low, high = curve.intervals(seed=seed)
        rows += [
            Row(
                "span F1 (dev), %",
                100 * curve.rate()[i],
                100 * low[i],
                100 * high[i],
                curve.n,
                layer,
                label=f"{who}{name}",
            )
            for i, (name, layer) in enumerate(table.cells)
        ]
    return Finding(
        values, baselines, rows,
        f"Chosen on dev: {_named(real, best)}; of the twin: {_named(random, twin_best)}. Constituents of {corpus.name}: {len(test)} test "
        f"sentences, {np.mean([len(g.bare.words) for g in test]):.1f} words on average. Constituents that follow from dependencies are "
        "flatter than the Penn Treebank's: no binary tree reaches 100 %.",
    )  # fmt: skip


def _tried(sentences: Sequence[Gaps]) -> Tally:
    """F1 of every measure and layer, Tally (block, cell)."""
    scores = [[_score(binary_tree(distances), g) for distances in g.distances] for g in sentences]
    return of_items(np.array(scores), np.array([g.block for g in sentences]))


def _f1(sentences: Sequence[Gaps], tree: Callable[[Gaps], Bracketing], corpus: Corpus) -> Tally:
    """Sentence F1, Tally (block,) over all blocks of the corpus, so that differences are paired."""
    blocks = np.array([g.block for g in sentences])
    sums: Callable[..., Any] = lambda values: np.bincount(blocks, values, corpus.n_blocks)
    return Tally(sums([_score(tree(g), g) for g in sentences]), sums(np.ones(len(blocks))))


def _score(found: Bracketing, g: Gaps) -> float:
    return span_f1(found, g.bare.spans, len(g.bare.words))


def _named(table: Distances, cell: int) -> str:
    name, layer = table.cells[cell]
    return f"{name}, layer {layer}"
