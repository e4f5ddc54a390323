"""Fewer than half of the attention maps are heterogeneous (Kovaleva et al. 2019)."""

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.patterns import TYPES, MapPatterns
from bertology.record.claim import Published, above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap


@claim(
    id="head-02",
    section="4.2.1",
    says="Fewer than half of the heads have heterogeneous maps, the only ones open to a linguistic reading.",
    cites=("kovaleva-2019",),
    method="""The share of maps of no vertical, diagonal or block type, by the rules of head-01, must be below one
    half and below that of the random twin, whose maps have no structure to classify.""",
    published=(
        Published(
            0.32,
            "heterogeneous maps, lowest task",
            "BERT-base fine-tuned",
            "MRPC",
            "Kovaleva et al. 2019",
            "verified",
            "heterogeneous maps",
        ),
        Published(
            0.61,
            "heterogeneous maps, highest task",
            "BERT-base fine-tuned",
            "QQP",
            "Kovaleva et al. 2019",
            "verified",
            "heterogeneous maps",
        ),
    ),
    expects={"heterogeneous maps": below(0.5), "fewer than in the random twin by": above(0.0)},
    needs=("attention", "sep", "segments:segment"),
)
def heterogeneous_maps_are_a_minority(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    real, random = yield from together(
        measure(MapPatterns(), over=corpora.segments), measure(MapPatterns(), over=corpora.segments, twin=True)
    )
    if not real.types.n:
        raise NotApplicable("no sentence pair with two segments was read")
    rest = TYPES.index("heterogeneous")
    maps, twin = (p.types[..., rest].pooled(0).pooled(0) for p in (real, random))
    values = {
        "heterogeneous maps": maps.estimate(unit="share of maps", seed=seed),
        "fewer than in the random twin by": bootstrap(lambda m, t: t - m, maps, twin, unit="share of maps", seed=seed),
        "heads of mostly heterogeneous maps": bootstrap(
            lambda t: (t.argmax(-1) == rest).mean((-1, -2)), real.types, unit="share of heads", seed=seed
        ),
    }
    by_layer = real.types[..., rest].pooled(1)
    low, high = by_layer.intervals(seed=seed)
    rows = [
        Row("heterogeneous maps", rate, low[i], high[i], by_layer.n, i + 1, label="encoder")
        for i, rate in enumerate(by_layer.rate())
    ]
    other = random.types[..., rest].pooled(1)
    low, high = other.intervals(seed=seed)
    rows += [
        Row("heterogeneous maps", rate, low[i], high[i], other.n, i + 1, label="random twin")
        for i, rate in enumerate(other.rate())
    ]
    return Finding(
        values,
        {"random twin": twin.estimate(unit="share of maps", seed=seed)},
        rows,
        note="the encoder is taken as given, the study's were fine-tuned; sentence pairs are neighbours in a text.",
    )
