"""Which model reads as the better parser depends on how it is read (Htut et al. 2019)."""

from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.claims.knowledge.syn_04_heads_as_parsers import some_sentences, tree_scores
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking, LinkAttention, measure, together
from bertology.observe.links import Pointing
from bertology.observe.maps import AttentionMaps, MapTable
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap

FEWEST = 50  # links of a relation in the test blocks


@claim(
    id="lim-04",
    section="3.4",
    says="Which model looks better depends on the method that reads it.",
    cites=("htut-2019",),
    method="""The study ranked models; one encoder is at hand, so its layers stand for models. Two ways of reading syntax off a layer's
    heads: gold arcs in the maximum spanning tree of its best head (UUAS, the gold root given), and the share of governors that
    its best head for each relation attends to most, mean over relations; heads and directions are chosen on dev. The two layers whose order
    differs most between the methods on dev are compared on test: the order must flip there, each difference with an interval above 0.
    So that there is something to rank, each method's best layer must beat the random twin's.""",
    expects={
        "trees, first layer − second": above(0.0),
        "relations, second layer − first": above(0.0),
        "trees, gain over the random twin": above(0.0),
        "relations, gain over the random twin": above(0.0),
    },
    needs=("attention", "treebank:deprel"),
)
def methods_disagree(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer, two are to be ranked")
    treebank = corpora.treebank
    (real_maps, real_links), (twin_maps, twin_links) = yield from together(
        measure(AttentionMaps(), LinkAttention(), over=treebank),
        measure(AttentionMaps(), LinkAttention(), over=treebank, twin=True),
    )
    relations = [
        k for k, name in enumerate(real_links.labels)
        if name != "punct" and real_links.hits[(k, 0, 0, 0)].on("test").weight.sum() >= FEWEST
    ]  # fmt: skip
    if not relations:
        raise NotApplicable(f"no relation has {FEWEST} links in the test blocks of {treebank.name}")
    trees, pointed = read_trees(real_maps, treebank), read_relations(real_links, relations)
    twin_trees, twin_pointed = read_trees(twin_maps, treebank), read_relations(twin_links, relations)
    first, second = max(
        permutations(range(encoder.n_layers), 2),
        key=lambda p: min(trees.dev[p[0]] - trees.dev[p[1]], pointed.dev[p[1]] - pointed.dev[p[0]]),
    )
    points = {"unit": "points", "seed": seed}
    macro = lambda r: r.mean(-1)
    gap = lambda a, b: 100 * (a - b)
    best = lambda reading: int(np.argmax(reading.dev))
    values = {
        "trees, first layer − second": bootstrap(gap, trees.test[first], trees.test[second], **points),
        "relations, second layer − first": bootstrap(
            lambda a, b: 100 * (macro(a) - macro(b)), pointed.test[second], pointed.test[first], **points
        ),
        "trees, gain over the random twin": bootstrap(gap, trees.test[best(trees)], twin_trees.test[best(twin_trees)], **points),
        "relations, gain over the random twin": bootstrap(
            lambda a, b: 100 * (macro(a) - macro(b)), pointed.test[best(pointed)], twin_pointed.test[best(twin_pointed)], **points
        ),
    }  # fmt: skip
    rows = []
    for layer in range(encoder.n_layers):
        for measured, estimate in (
            ("UUAS of the best head's tree (%)", bootstrap(lambda r: 100 * r, trees.test[layer], unit="%", seed=seed)),
            ("governors found, mean over relations (%)", bootstrap(lambda r: 100 * macro(r), pointed.test[layer], unit="%", seed=seed)),
        ):  # fmt: skip
            rows.append(Row(measured, estimate.value, estimate.low, estimate.high, estimate.n, layer=layer + 1))
    return Finding(
        values, {}, rows,
        f"First is layer {first + 1}, second layer {second + 1}; {len(relations)} relations. Layers of one encoder stand for the study's models.",
    )  # fmt: skip


class Reading(NamedTuple):
    """By layer: the dev score, and the Tally of the test blocks (by relation, where the method is)."""

    dev: NDArray[np.float64]
    test: list[Tally]


def read_trees(table: MapTable, treebank: Corpus) -> Reading:
    """Each layer's best head and direction as a parser."""
    layers, heads = table.shape
    dev = tree_scores(some_sentences(table.on("dev", treebank)), treebank).rate().reshape(layers, heads, -1)
    chosen = [np.unravel_index(int(np.argmax(scores)), scores.shape) for scores in dev]
    cells = [(layer * heads + int(head), int(direction)) for layer, (head, direction) in enumerate(chosen)]
    sentences = some_sentences(table.on("test", treebank))
    test = [tree_scores(sentences, treebank, [cell])[(0, 0)] for cell in cells]
    return Reading(np.array([dev[layer][place] for layer, place in enumerate(chosen)]), test)


def read_relations(pointing: Pointing, relations: list[int]) -> Reading:
    """Each layer's best head and direction for each relation."""
    dev, test = [], []
    for layer in range(pointing.hits.total.shape[2]):
        scores = np.stack(
            [pointing.hits[(k, layer)].on("dev").rate() for k in relations]
        )  # (relation, head, direction)
        places = [np.unravel_index(int(np.argmax(s)), s.shape) for s in scores]
        dev.append(float(np.mean([s[p] for s, p in zip(scores, places, strict=True)])))
        tallies = [pointing.hits[(k, layer, *map(int, p))].on("test") for k, p in zip(relations, places, strict=True)]
        test.append(Tally(np.stack([t.total for t in tallies], 1), np.stack([t.weight for t in tallies], 1)))
    return Reading(np.array(dev), test)
