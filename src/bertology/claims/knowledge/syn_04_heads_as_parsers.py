"""No head is a parser: maximum spanning trees over single attention maps (Htut et al. 2019)."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.maps import DIRECTIONS, AttentionMaps, MapTable, ParsedMaps
from bertology.probe.trees import arborescence, right_chain
from bertology.record.claim import above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import Tally, bootstrap

FEWEST = 100  # arcs in the test blocks
MOST = 120  # dev sentences on which every head is parsed: 0.2 ms a tree, times heads and directions


@claim(
    id="syn-04",
    section="3.1",
    says="No single self-attention head yields full parse trees, even when the root is given.",
    cites=("htut-2019",),
    method="""Of each head's attention between words, without special tokens and punctuation, the maximum spanning
    tree that grows from the gold root, with arcs read in either direction. Head and direction are chosen on dev
    sentences by the share of gold arcs found, direction ignored (UUAS); the choice is scored on test sentences
    against the chain of neighbouring words and against the random twin's best head, chosen likewise. Ten points
    above the chain would be a parser. Ten points above the twin must be there: random attention parses nothing
    either, and two random initialisations differ by several points, which resampling sentences does not show.""",
    expects={"best head above the chain": below(0.10), "gain over the random twin": above(0.10)},
    needs=("attention", "treebank:deprel"),
)
def heads_as_parsers(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    treebank = corpora.treebank
    real, random = yield from together(
        measure(AttentionMaps(), over=treebank), measure(AttentionMaps(), over=treebank, twin=True)
    )
    dev, dev_of_twin = (tree_scores(some_sentences(table.on("dev", treebank)), treebank) for table in (real, random))
    chosen = argmax(dev.rate())
    best, twin = _at(real, chosen, treebank), _at(random, argmax(dev_of_twin.rate()), treebank)
    chain = _chain(real, treebank)
    if best.n < FEWEST:
        raise NotApplicable(
            f"the sample of {treebank.name} has {best.n} arcs between words in its test blocks, {FEWEST} are due"
        )

    gap = lambda a, b: a - b
    heads = real.shape[1]
    layer, head, direction = chosen[0] // heads, chosen[0] % heads, DIRECTIONS[chosen[1]]
    low, high = dev.intervals(seed=seed)
    rows = []
    for cell in range(dev.total.shape[1]):
        k = int(dev.rate()[cell].argmax())
        rows.append(
            Row(
                "arcs found by the spanning tree (dev)",
                float(dev.rate()[cell, k]),
                float(low[cell, k]),
                float(high[cell, k]),
                dev.n,
                cell // heads + 1,
                cell % heads,
                DIRECTIONS[k],
            )
        )
    values = {
        "best head above the chain": bootstrap(gap, best, chain, unit="UUAS", seed=seed),
        "gain over the random twin": bootstrap(gap, best, twin, unit="UUAS", seed=seed),
        "best head": best.estimate(unit="UUAS", seed=seed),
    }
    baselines = {
        "chain of neighbours": chain.estimate(unit="UUAS", seed=seed),
        "random twin's best head": twin.estimate(unit="UUAS", seed=seed),
    }
    for name, shown in (("best head", values["best head"]), *baselines.items()):
        rows.append(Row("arcs found by the spanning tree", shown.value, shown.low, shown.high, shown.n, label=name))
    return Finding(
        values,
        baselines,
        rows,
        note=f"Best head on dev: layer {layer + 1} · head {head}, {direction}; a "
        f"sample of {len(real.sentence)} sentences of at most 40 words.",
    )


def tree_scores(sentences: Iterable[ParsedMaps], corpus: Corpus, cells: list[tuple[int, int]] | None = None) -> Tally:
    """Gold arcs found by each head's spanning tree, Tally (block, layer·head, direction), or (block, 1, 1) for a cell
    given."""
    total, weight = None, np.zeros(corpus.n_blocks)
    for s in sentences:
        asked = cells or list(np.ndindex(len(s.maps), len(DIRECTIONS)))
        found = np.array([arcs_found(_tree(s, *cell), s.heads) for cell in asked], dtype=np.float64)
        found = found.reshape((1, 1) if cells else (len(s.maps), len(DIRECTIONS)))
        total = np.zeros((corpus.n_blocks, *found.shape)) if total is None else total
        total[s.block] += found
        weight[s.block] += len(s.heads) - 1
    if total is None:
        raise NotApplicable(f"no sentence of {corpus.name} in the dev or test blocks has a tree over words alone")
    return Tally(total, weight)


def arcs_found(tree: NDArray[np.int64], gold: NDArray[np.int64]) -> int:
    """Gold arcs that are in the tree, direction ignored."""
    arcs = {frozenset((word, head)) for word, head in enumerate(gold.tolist()) if head >= 0}
    return len(arcs & {frozenset((word, head)) for word, head in enumerate(tree.tolist()) if head >= 0})


def some_sentences(sentences: Iterable[ParsedMaps]) -> list[ParsedMaps]:
    """At most MOST of them, spread evenly."""
    every = list(sentences)
    return every[:: -(-len(every) // MOST) or 1]


def _tree(s: ParsedMaps, cell: int, direction: int) -> NDArray[np.int64]:
    scores = s.maps[cell] if direction == 0 else s.maps[cell].T
    return arborescence(scores, root=int(np.flatnonzero(s.heads == -1)[0]))


def _at(table: MapTable, cell: tuple[int, ...], corpus: Corpus) -> Tally:
    """The test score of one head and direction."""
    return tree_scores(table.on("test", corpus), corpus, [(cell[0], cell[1])])[(0, 0)]


def _chain(table: MapTable, corpus: Corpus) -> Tally:
    total, weight = np.zeros(corpus.n_blocks), np.zeros(corpus.n_blocks)
    for s in table.on("test", corpus):
        total[s.block] += arcs_found(right_chain(len(s.heads)), s.heads)
        weight[s.block] += len(s.heads) - 1
    return Tally(total, weight)
