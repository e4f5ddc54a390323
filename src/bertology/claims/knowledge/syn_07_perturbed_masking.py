"""Trees without a probe: from how much masking one word changes another (Wu et al. 2020)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.behave.perturbed import Perturbing
from bertology.claims.registry import claim
from bertology.corpus.constituents import punctuation
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, Sentence
from bertology.encoder import Encoder
from bertology.observe import Asking, measure
from bertology.observe.wishes import make
from bertology.probe.read_trees import ReadTrees, StructuralTrees
from bertology.probe.readings import StructuralCurve
from bertology.probe.trees import projective_tree, right_chain
from bertology.record.claim import Published, above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import Tally, bootstrap

MOST = 200  # test sentences: a pass for each pair of words
LONGEST = 20  # words, punctuation included: the cost grows with the cube
FEWEST = 20

Edges = frozenset[tuple[int, int]]


@claim(
    id="syn-07",
    section="3.1",
    says="The impact of masking one word on another yields trees better than uninformed baselines, but unlike the annotated ones.",
    cites=("wu-2020",),
    method="""The impact of word j on word i is the distance between last-layer vectors of the masked word i with and without a mask on
    j. Eisner's algorithm turns a sentence's impacts (of governors on dependants) into a projective tree, with a free root. The share of
    gold edges found (UUAS, punctuation left out) must exceed that of the chain of neighbouring words and of the random twin's
    trees, and stay below the supervised structural probe's, all on the same test sentences of at most twenty words; the probe's
    layer is chosen on dev sentences. Directed attachment (UAS) is with the gold root given, as in the study.""",
    published=(
        Published(41.7, "UAS of Eisner trees from the impact matrix, layer 12, %", "BERT-base", "English PUD", "wu-2020 (README of the authors' repository)", "verified", "UAS, gold root"),
    ),
    expects={"gain over the chain": above(0.0), "gain over the random twin": above(0.0), "gain over the structural probe": below(0.0)},
    needs=("mask", "treebank:head"),
)  # fmt: skip
def trees_by_perturbed_masking(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    treebank = corpora.treebank
    curve = yield from measure(StructuralCurve(), over=treebank)
    (layer,) = argmax(curve.hits.on("dev").rate())
    read = yield from measure(StructuralTrees(layer), over=treebank)
    places = _some(read, treebank, seed)
    sample = replace(
        treebank, name=f"{treebank.name}, sample", sentences=tuple(treebank[int(read.sentence[k])] for k in places)
    )
    real, random = yield from make(Perturbing(encoder, sample), Perturbing(encoder.randomised(seed), sample))
    if len(real.kept) < FEWEST:
        raise NotApplicable(
            f"{treebank.name} has {len(real.kept)} test sentences of at most {LONGEST} words, {FEWEST} are due"
        )
    gold = [g for s in real.kept.tolist() if (g := without_punctuation(sample[s])) is not None]
    blocks = treebank.blocks[read.sentence[places]][real.kept]
    sums: Callable[..., Any] = lambda values: np.bincount(blocks, values, treebank.n_blocks)
    count = lambda hits: Tally(sums(list(hits)), sums([len(g.heads) - 1 for g in gold]))
    eisner = lambda impacts, k, root=None: projective_tree(
        impacts.of(k)[np.ix_(gold[k].words, gold[k].words)], root=root
    )
    everyone = range(len(gold))
    found = {
        "perturbed masking": count(len(edges(eisner(real, k)) & edges(gold[k].heads)) for k in everyone),
        "random twin": count(len(edges(eisner(random, k)) & edges(gold[k].heads)) for k in everyone),
        "chain of neighbours": count(len(edges(right_chain(len(g.heads))) & edges(g.heads)) for g in gold),
        "structural probe": count(
            len(read.edges(int(places[s])) & edges(gold[k].heads, gold[k].words)) for k, s in enumerate(real.kept)
        ),
    }
    rooted = count(
        int(((eisner(real, k, int(np.flatnonzero(g.heads == -1)[0])) == g.heads) & (g.heads >= 0)).sum())
        for k, g in enumerate(gold)
    )
    points = {"unit": "points of UUAS", "seed": seed}
    gap = lambda a, b: 100 * (a - b)
    percent = lambda tally, unit="% UUAS": bootstrap(lambda r: 100 * r, tally, unit=unit, seed=seed)
    own = found["perturbed masking"]
    values = {
        "gain over the chain": bootstrap(gap, own, found["chain of neighbours"], **points),
        "gain over the random twin": bootstrap(gap, own, found["random twin"], **points),
        "gain over the structural probe": bootstrap(gap, own, found["structural probe"], **points),
        "UUAS": percent(own),
        "UAS, gold root": percent(rooted, "% UAS"),
    }
    baselines = {name: percent(tally) for name, tally in found.items() if name != "perturbed masking"}
    rows = [
        Row("gold edges found, %", e.value, e.low, e.high, e.n, label=name)
        for name, e in (("perturbed masking", values["UUAS"]), *baselines.items())
    ]
    return Finding(
        values, baselines, rows,
        f"{len(gold)} test sentences of {treebank.name}, of {np.mean([len(g.words) for g in gold]):.1f} words on average without punctuation; "
        f"the structural probe reads layer {layer}. UAS leaves punctuation out and gives no word for the root.",
    )  # fmt: skip


class Gold(NamedTuple):
    """`words`: places of the words that are no punctuation; `heads`: their governors, counted in `words`, -1 the root."""

    words: list[int]
    heads: NDArray[np.int64]


def without_punctuation(s: Sentence) -> Gold | None:
    """None when punctuation governs a word, so that no tree is left without it."""
    words = [word for word in range(len(s)) if not punctuation(s, word)]
    place = {word: k for k, word in enumerate(words)} | {-1: -1}
    heads = [place.get(s.layers["head"][word]) for word in words]
    return None if None in heads or -1 not in heads else Gold(words, np.array(heads))


def edges(heads: NDArray[np.int64], names: Sequence[int] | None = None) -> frozenset[tuple[int, int]]:
    """The arcs without direction, (lower, higher); with `names`, those stand for the words."""
    called = names if names is not None else range(len(heads))
    return frozenset((called[min(i, h)], called[max(i, h)]) for i, h in enumerate(heads.tolist()) if h >= 0)


def _some(read: ReadTrees, treebank: Corpus, seed: int) -> NDArray[np.int64]:
    """A seeded choice of the test sentences that are short enough and have at least two edges."""
    trees = [treebank[s] for s in read.sentence.tolist()]
    golds = [without_punctuation(s) if len(s) <= LONGEST else None for s in trees]
    fit = np.array([k for k, gold in enumerate(golds) if gold is not None and len(gold.words) > 2], dtype=np.int64)
    return np.sort(np.random.default_rng(seed).permutation(fit)[:MOST])
