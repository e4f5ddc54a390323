"""The choice of linguistic formalism changes what a probe finds (Kuznetsov & Gurevych 2020)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.formalism import with_function_heads, with_trees_of
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.readings import Cumulative, curve_rows
from bertology.probe.scalar_mix import expected_layer
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats.tally import bootstrap

TASK = "relation"
MOST = 6000
"""Words that each mixture learns from."""
FEWEST = 200
"""Sentences that both annotations must share."""


@claim(
    id="lim-05",
    section="3.4",
    says="The choice of linguistic formalism changes what a probe finds.",
    cites=("kuznetsov-2020",),
    method="""The same probe on two annotations of the same sentences: the treebank's dependency relations, and those of the corpus
    treebank2 where it is given, else the treebank's own with function words as governors, in the manner of Surface-syntactic UD. Linear
    probes read mixtures of layers 0 to l; the expected layer is the mean of l weighted by the gain that layer l brings. Which formalism
    is the later one is chosen on dev blocks; on test blocks the difference in that direction must be above 0. In both formalisms the gain
    of all layers over layer 0 must exceed the random twin's, or there is no place to speak of. The study compares role
    labels of four formalisms; dependency relations are a stand-in.""",
    published=(),
    expects={
        "difference of expected layers": above(0.0),
        "gain of the layers over the random twin's, first formalism": above(0.0),
        "gain of the layers over the random twin's, second formalism": above(0.0),
    },
    needs=("treebank:deprel",),
)  # fmt: skip
def formalism_changes_the_layer(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer: nothing to place")
    first = corpora.treebank
    if corpora.treebank2 is None:
        second = with_function_heads(first)
    else:
        first, second = with_trees_of(first, corpora.treebank2)
    if len(first) < FEWEST:
        raise NotApplicable(f"{len(first)} sentences have both annotations, {FEWEST} are due")
    asked = Cumulative(TASK, most=MOST)
    a, b, twin_a, twin_b = yield from together(
        *(measure(asked, over=corpus, twin=twin) for twin in (False, True) for corpus in (first, second))
    )
    place = [float(expected_layer(one.correct.on("dev").rate())) for one in (a, b)]
    later, sign = ("second", 1) if place[1] >= place[0] else ("first", -1)
    one, other = a.correct.on("test"), b.correct.on("test")
    grown = lambda r: 100 * (r[..., -1] - r[..., 0])
    layers = {"unit": "layers", "seed": seed}
    values = {
        "difference of expected layers": bootstrap(
            lambda r, s: sign * (expected_layer(s) - expected_layer(r)), one, other, **layers
        ),
        **{
            f"gain of the layers over the random twin's, {name} formalism": bootstrap(
                lambda r, t: grown(r) - grown(t),
                real.correct.on("test"),
                twin.correct.on("test"),
                unit="points",
                seed=seed,
            )
            for name, real, twin in (("first", a, twin_a), ("second", b, twin_b))
        },
        "expected layer, first formalism": bootstrap(expected_layer, one, **layers),
        "expected layer, second formalism": bootstrap(expected_layer, other, **layers),
        "accuracy, first formalism": bootstrap(lambda r: 100 * r[..., -1], one, unit="%", seed=seed),
        "accuracy, second formalism": bootstrap(lambda r: 100 * r[..., -1], other, unit="%", seed=seed),
    }
    rows = [
        row
        for corpus, real, twin in ((first, a, twin_a), (second, b, twin_b))
        for name, tally in ((corpus.name, real.correct), (f"random twin: {corpus.name}", twin.correct))
        for row in curve_rows("accuracy of layers 0 to l", name, tally.on("test"), seed)
    ]
    moved = np.mean(
        [
            h != g
            for s, t in zip(first, second, strict=True)
            for h, g in zip(s.layers["head"], t.layers["head"], strict=True)
        ]
    )
    note = (
        f"{first.name} (first) against {second.name} (second): {100 * moved:.0f} % of the words have another governor; the {later} "
        f"was the later one on dev. {len(first)} sentences."
    )
    return Finding(values, {}, rows, note)
