"""Some heads follow one syntactic relation far better than position alone would (Clark et al. 2019; Voita et al. 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, LinkAttention, measure, together
from bertology.observe.links import DIRECTIONS, Pointing
from bertology.record.claim import Ability, Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import Tally, bootstrap

FEWEST = 50  # links of a relation in the test blocks


@claim(
    id="head-03",
    section="4.2.1",
    says="Some attention heads specialise in particular syntactic relations, well above a positional baseline.",
    cites=("clark-2019", "htut-2019", "voita-2019b"),
    method="""A head predicts, for each word, the word it attends to most. Per relation, head and direction are chosen on dev
    sentences and scored on test sentences, against the best fixed offset chosen the same way and against the best head of
    the random twin. Punctuation is left out. The relation with the largest gain on dev is judged; ten points is the margin of Voita et al.""",
    published=(
        Published(0.943, "det, best head 8-11", "bert-base-uncased", "PTB WSJ, Stanford dependencies", "Clark et al. 2019, table 1", "verified", "det"),
        Published(0.868, "dobj, best head 8-10", "bert-base-uncased", "PTB WSJ, Stanford dependencies", "Clark et al. 2019, table 1", "verified", "obj"),
        Published(0.585, "nsubj, best head 8-2", "bert-base-uncased", "PTB WSJ, Stanford dependencies", "Clark et al. 2019, table 1", "verified", "nsubj"),
        Published(0.756, "amod, best head 4-10", "bert-base-uncased", "PTB WSJ, Stanford dependencies", "Clark et al. 2019, table 1", "verified", "amod"),
        Published(0.805, "poss, best head 7-6", "bert-base-uncased", "PTB WSJ, Stanford dependencies", "Clark et al. 2019, table 1", "verified", "nmod:poss"),
        Published(0.825, "auxpass, best head 4-10", "bert-base-uncased", "PTB WSJ, Stanford dependencies", "Clark et al. 2019, table 1", "verified", "aux:pass"),
        Published(0.507, "mark, best head 8-2", "bert-base-uncased", "PTB WSJ, Stanford dependencies", "Clark et al. 2019, table 1", "verified", "mark"),
        Published(0.488, "advmod, best head 7-6", "bert-base-uncased", "PTB WSJ, Stanford dependencies", "Clark et al. 2019, table 1", "verified", "advmod"),
    ),
    expects={"gain over the best offset": above(0.10), "gain over the random twin": above(0.0)},
    needs=("attention", "treebank:deprel"),
    abilities=(
        Ability("subjects by attention", "nsubj"),
    ),
)  # fmt: skip
def heads_follow_relations(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    treebank = corpora.treebank
    real, random = yield from together(
        measure(LinkAttention(), over=treebank), measure(LinkAttention(), over=treebank, twin=True)
    )
    relations = [i for i in range(len(real.labels)) if real.labels[i] != "punct" and _size(real, i) >= FEWEST]
    if not relations:
        raise NotApplicable(f"no relation has {FEWEST} links in the test blocks of {treebank.name}")
    best = {i: choice(real, i) for i in relations}
    dev_gain = {i: dev_accuracy(real, i, best[i]) - dev_offset(real, i, best[i][2])[1] for i in relations}
    judged = max(relations, key=lambda i: dev_gain[i])

    values, rows = {}, []
    for i in relations:
        head, offset = real.hits[(i, *best[i])].on("test"), offset_tally(real, i, best[i][2])
        name = real.labels[i]
        values[name] = head.estimate(unit="accuracy", seed=seed)
        gain = bootstrap(lambda a, b: a - b, head, offset, unit="accuracy", seed=seed)
        where = f"{name}: layer {best[i][0] + 1} · head {best[i][1]}, {DIRECTIONS[best[i][2]]}"
        rows += [
            Row(
                "best head's accuracy",
                values[name].value,
                values[name].low,
                values[name].high,
                values[name].n,
                label=where,
            ),
            Row("gain over the best offset", gain.value, gain.low, gain.high, gain.n, label=where),
        ]
    rows += _roles(real, relations, seed)

    head = real.hits[(judged, *best[judged])].on("test")
    twin = random.hits[(judged, *choice(random, judged))].on("test")
    offset = offset_tally(real, judged, best[judged][2])
    gap = lambda a, b: a - b
    return Finding(
        values={
            "gain over the best offset": bootstrap(gap, head, offset, unit="accuracy", seed=seed),
            "gain over the random twin": bootstrap(gap, head, twin, unit="accuracy", seed=seed),
            **values,
        },
        baselines={
            "best head": head.estimate(unit="accuracy", seed=seed),
            "best offset": offset.estimate(unit="accuracy", seed=seed),
            "random twin's best head": twin.estimate(unit="accuracy", seed=seed),
        },
        rows=rows,
        note=f"judged on {real.labels[judged]}; labels are those of the treebank, so Stanford dobj is UD obj here.",
    )


def choice(pointing: Pointing, relation: int) -> tuple[int, int, int]:
    """(layer index, head, direction) with the most hits on dev."""
    layer, head, direction = argmax(pointing.hits[relation].on("dev").rate())
    return layer, head, direction


def dev_accuracy(pointing: Pointing, relation: int, best: tuple[int, int, int]) -> float:
    return float(pointing.hits[relation].on("dev").rate()[best])


def dev_offset(pointing: Pointing, relation: int, direction: int) -> tuple[int, float]:
    """The offset index with the most hits on dev, and its rate there."""
    rates = pointing.offsets[(relation, direction)].on("dev").rate()
    (index,) = argmax(rates)
    return index, float(rates[index])


def offset_tally(pointing: Pointing, relation: int, direction: int) -> Tally:
    """Test hits of the rule "the word `offset` places away", the offset chosen on dev."""
    index, _ = dev_offset(pointing, relation, direction)
    return pointing.offsets[(relation, direction, index)].on("test")


def _size(pointing: Pointing, relation: int) -> float:
    """Links of a relation in the test blocks."""
    return float(pointing.hits[(relation, 0, 0, 0)].on("test").weight.sum())


def _roles(pointing: Pointing, relations: list[int], seed: int) -> list[Row]:
    """For each head the relation it gains most on over the offset rule (chosen on dev), with its test accuracy and gain."""
    dev = np.stack([pointing.hits[i].on("dev").rate() for i in relations])  # (relation, layer, head, direction)
    base = np.array([[dev_offset(pointing, i, d)[1] for d in (0, 1)] for i in relations])
    rows = []
    for layer, head in np.ndindex(dev.shape[1:3]):
        k, direction = argmax(dev[:, layer, head] - base)
        relation = relations[k]
        tally = pointing.hits[(relation, layer, head, direction)].on("test")
        offset = offset_tally(pointing, relation, direction)
        rate, gain = float(tally.rate()), float(tally.rate() - offset.rate())
        at = dict(layer=layer + 1, head=head, label=pointing.labels[relation], n=tally.n)
        rows += [Row("relation accuracy", rate, **at), Row("relation gain", gain, **at)]
    return rows
