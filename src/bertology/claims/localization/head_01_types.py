"""Attention maps fall into five types (Kovaleva et al. 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.patterns import TYPES, MapPatterns
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap


@claim(
    id="head-01",
    section="4.2.1",
    says="Attention maps fall into a few types: vertical, diagonal, both, block and heterogeneous.",
    cites=("kovaleva-2019", "raganato-2018", "clark-2019"),
    method="""Each map of each head on sentence pairs gets a type by rule: its attention on special tokens and on
    neighbours beyond uniform attention, then what stays within the segment. Types are real if nine maps in ten keep
    theirs when every feature moves by 0.05, each type has a hundredth of the maps, and more maps have structure than
    in the random twin. The study trained a classifier on maps labelled by hand; no such labels are used here.""",
    published=(
        Published(
            0.86, "F1 of the map classifier", "BERT-base", "400 hand-labelled maps", "Kovaleva et al. 2019", "verified"
        ),
        Published(
            4.0,
            "heads with over half of their attention on the previous token",
            "BERT-base",
            "Wikipedia segments",
            "Clark et al. 2019",
            "verified",
            "previous-token heads",
        ),
        Published(
            5.0,
            "heads with over half of their attention on the next token",
            "BERT-base",
            "Wikipedia segments",
            "Clark et al. 2019",
            "verified",
            "next-token heads",
        ),
    ),
    expects={
        "maps with a firm type": above(0.9),
        "share of the rarest type": above(0.01),
        "maps with structure beyond the random twin": above(0.0),
    },
    needs=("attention", "sep", "segments:segment"),
)
def maps_fall_into_types(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    real, random = yield from together(
        measure(MapPatterns(), over=corpora.segments), measure(MapPatterns(), over=corpora.segments, twin=True)
    )
    if not real.types.n:
        raise NotApplicable("no sentence pair with two segments was read")
    types, twin, firm = (t.pooled(0).pooled(0) for t in (real.types, random.types, real.firm))
    rest = TYPES.index("heterogeneous")
    values = {
        "maps with a firm type": firm.estimate(unit="share of maps", seed=seed),
        "share of the rarest type": bootstrap(lambda t: t.min(-1), types, unit="share of maps", seed=seed),
        "maps with structure beyond the random twin": bootstrap(
            lambda t, r: r[:, rest] - t[:, rest], types, twin, unit="share of maps", seed=seed
        ),
        "previous-token heads": bootstrap(_over_half, real.mass[..., 2], unit="heads", seed=seed),
        "next-token heads": bootstrap(_over_half, real.mass[..., 3], unit="heads", seed=seed),
    }
    baselines = {
        "random twin: maps with a firm type": random.firm.pooled(0).pooled(0).estimate(unit="share of maps", seed=seed),
        "random twin: share of the rarest type": bootstrap(lambda t: t.min(-1), twin, unit="share of maps", seed=seed),
    }
    low, high = types.intervals(seed=seed)
    rows = [Row("share of maps", types.rate()[k], low[k], high[k], types.n, label=name) for k, name in enumerate(TYPES)]
    by_layer = real.types.pooled(1)
    low, high = by_layer.intervals(seed=seed)
    rows += [
        Row("share of maps", rate, low[layer, k], high[layer, k], by_layer.n, layer + 1, label=TYPES[k])
        for (layer, k), rate in np.ndenumerate(by_layer.rate())
    ]
    share = real.types.rate()
    low, high = real.types.intervals(seed=seed)
    for layer, head in np.ndindex(share.shape[:2]):
        k = int(share[layer, head].argmax())
        bounds = (low[layer, head, k], high[layer, head, k])
        rows.append(Row("role", share[layer, head, k], *bounds, real.types.n, layer + 1, head, TYPES[k]))
    return Finding(values, baselines, rows, note="pairs of neighbouring sentences replace the pairs of GLUE tasks.")


def _over_half(mass: np.ndarray) -> np.ndarray:
    """Heads (draw, layer, head) with a mean above 0.5, counted per draw."""
    return (mass > 0.5).sum((-1, -2))
