"""A fifth to three fifths of the heads can be pruned by importance without noticeable loss (Michel et al. 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.size.tuned_heads import (  # fmt: skip
    STEPS,
    advantage,
    beyond_twin,
    gone_within,
    models,
    over_seeds_and_examples,
    retention,
)
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above, below
from bertology.record.result import Finding, Row
from bertology.stats import repeats

AT = 0.3


@claim(
    id="prune-07",
    section="6.3",
    says="A fifth to three fifths of the heads can be pruned by importance without noticeable loss.",
    cites=("michel-2019",),
    method="""In models tuned on the tense of sentences, heads are silenced a tenth at a time in the order of their importance: the mean slope of
    the loss at their gates over training examples, each layer's divided by its norm. Holds if the test score with three tenths gone is less
    than a point below the intact one, the mean over all steps exceeds that of random orders, and the tuned scores exceed those
    of the random twin tuned alike. The largest share that costs less than a point is chosen on examples of dev blocks.""",
    published=(
        Published(20.0, "heads pruned without noticeable loss, %", "Transformer large", "WMT English-French", "michel-2019 (digest of the paper)", "verified", "heads gone within a point on dev, %"),
        Published(40.0, "heads pruned without noticeable loss, %", "BERT-base", "MNLI", "michel-2019 (digest of the paper)", "verified", "heads gone within a point on dev, %"),
        Published(60.0, "heads pruned without noticeable loss, %", "BERT-base", "SST-2", "michel-2019 (digest of the paper)", "verified", "heads gone within a point on dev, %"),
        Published(50.0, "heads pruned without noticeable loss, %", "BERT-base", "CoLA", "michel-2019 (digest of the paper)", "verified", "heads gone within a point on dev, %"),
        Published(50.0, "heads pruned without noticeable loss, %", "BERT-base", "MRPC", "michel-2019 (digest of the paper)", "verified", "heads gone within a point on dev, %"),
        Published(17.5, "faster with half of the heads pruned, batch of 16 or more, %", "BERT-base", "MNLI", "michel-2019 (digest of the paper)", "verified"),
        Published(1.9, "faster with half of the heads pruned, batch of 1, %", "BERT-base", "MNLI", "michel-2019 (digest of the paper)", "verified"),
    ),
    expects={
        "score lost with three tenths gone": below(0.01),
        "area by importance − area in random orders": above(0.0),
        "score beyond the random twin": above(0.0),
    },
    needs=("training", "treebank", "head"),
)  # fmt: skip
def heads_can_be_pruned(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    found = models(encoder, corpora, seed)
    curves = yield from retention(found, seed)
    beyond = yield from beyond_twin(found, seed)
    at = 1 + STEPS.index(AT)
    lost = lambda tables: over_seeds_and_examples(lambda r: r[..., 0] - r[..., at], tables, unit="score", seed=seed)
    gone = [gone_within(c.mean(1), 0.01) for c in curves.chosen]
    steps = [(0.0, *STEPS).index(g) for g in gone]
    there = [t[[0, k]] for t, k in zip(curves.kept, steps, strict=True)]
    values = {
        "score lost with three tenths gone": lost(curves.kept),
        "area by importance − area in random orders": advantage(curves, seed),
        "score beyond the random twin": beyond,
        "heads gone within a point on dev, %": repeats.mean(100 * np.array(gone), unit="%"),
        "score lost on test there": over_seeds_and_examples(
            lambda r: r[..., 0] - r[..., 1], there, unit="score", seed=seed
        ),
    }
    baselines = {"score lost with three tenths gone at random": lost(curves.random)}
    rows = [
        Row("score", *_range([t[k].mean() for t in tables]), n=len(tables), label=f"{share:.0%} of heads gone {how}")
        for how, tables in (("by importance", curves.kept), ("at random", curves.random))
        for k, share in enumerate((0.0, *STEPS))
    ]
    return Finding(values, baselines, rows, found.note)


def _range(values: list[float]) -> tuple[float, float, float]:
    return float(np.mean(values)), float(np.min(values)), float(np.max(values))
