"""Common-sense relations are weakest in early layers and rise to the top (Cui et al. 2020)."""

import numpy as np

from bertology.claims.localization.head_12_relatedness import check
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.relatedness import RelatedAttention, Relatedness, matched_gap
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap


@claim(
    id="lay-10",
    section="4.3",
    says="Common-sense relations are weakest in early layers and rise to the top.",
    cites=("cui-2020",),
    method="""The gap of head-12, attention between related words less that between unrelated ones at equal distance,
    averaged over a layer's heads and both directions. Its least-squares slope over relative depth must be positive
    and exceed the random twin's. Nothing is chosen, so all blocks are used.""",
    expects={"slope over depth": above(0.0), "slope beyond the random twin": above(0.0)},
    needs=("attention", "related:related"),
)
def relations_rise_with_depth(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 3:
        raise NotApplicable(f"{encoder.n_layers} layers give no slope over depth, 3 are due")
    real, random = yield from together(
        measure(RelatedAttention(), over=corpora.related), measure(RelatedAttention(), over=corpora.related, twin=True)
    )
    check(real, ("all",))
    depth = np.arange(1, encoder.n_layers + 1) / encoder.n_layers
    centred = (depth - depth.mean()) / ((depth - depth.mean()) ** 2).sum()
    slope = lambda m, p: matched_gap(m, p) @ centred
    layers, twin, pairs = _layers(real), _layers(random), real.pairs
    unit = "attention per depth"
    values = {
        "slope over depth": bootstrap(slope, layers, pairs, unit=unit, seed=seed),
        "slope beyond the random twin": bootstrap(
            lambda m, t, p: slope(m, p) - slope(t, p), layers, twin, pairs, unit=unit, seed=seed
        ),
    }
    rows = []
    for label, tally in (("encoder", layers), ("random twin", twin)):
        for i in range(encoder.n_layers):
            e = bootstrap(matched_gap, tally[:, :, i], pairs, seed=seed)
            rows.append(Row("gap between related and unrelated words", e.value, e.low, e.high, e.n, i + 1, label=label))
    baselines = {"random twin": bootstrap(slope, twin, pairs, unit=unit, seed=seed)}
    return Finding(values, baselines, rows, note="the corpus replaces questions over ConceptNet.")


def _layers(found: Relatedness) -> Tally:
    """(block, kind, distance, layer): the mean over heads and directions."""
    return Tally(found.mass.total.mean((-1, -2)), found.mass.weight[..., 0, 0])
