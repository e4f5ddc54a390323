"""Lower layers hold most information on linear word order (Lin, Tan & Frank 2019)."""

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.positions import PositionCurve
from bertology.probe.readings import curve_rows
from bertology.record.claim import Published, above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmin
from bertology.stats.tally import bootstrap


@claim(
    id="lay-01",
    section="4.3",
    says="Lower layers have the most information about linear word order; it fades with depth.",
    cites=("lin-2019",),
    method="""Ridge regression of a word's index in its sentence from its vector, per layer: R² on test blocks. The layer with the highest R², found
    anew in each resample, must lie at or below .35 of the depth. From the best layer chosen on dev to the last one R² must fall, and by more than in
    the random twin, whose embeddings hold positions, too. A probe for which of two neighbours comes first is shown beside it.""",
    published=(
        Published(4.0, "layer of 12 after which word order falls", "BERT-base", "templates", "Rogers et al. 2020, section 4.3, after Lin et al. 2019", "verified"),
    ),
    expects={
        "depth of the highest R²": below(0.351),
        "fall of R² to the last layer": above(0.0),
        "fall beyond the random twin's": above(0.0),
    },
    needs=("treebank",),
)  # fmt: skip
def order_is_low(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 3:
        raise NotApplicable(f"{encoder.name} has {encoder.n_layers} layers: no lower third")
    real, random = yield from together(
        measure(PositionCurve(), over=corpora.treebank), measure(PositionCurve(), over=corpora.treebank, twin=True)
    )
    best, twin_best = (argmin(p.error.on("dev").rate())[0] for p in (real, random))
    error, twin = real.error.on("test"), random.error.on("test")
    fall = lambda e, k: e[:, -1] - e[:, k]
    values = {
        "depth of the highest R²": bootstrap(
            lambda e: e.argmin(-1) / encoder.n_layers, error, unit="relative depth", seed=seed
        ),
        "fall of R² to the last layer": bootstrap(lambda e: fall(e, best), error, unit="R²", seed=seed),
        "fall beyond the random twin's": bootstrap(
            lambda e, t: fall(e, best) - fall(t, twin_best), error, twin, unit="R²", seed=seed
        ),
    }
    baselines = {
        "random twin": bootstrap(lambda t: t.argmin(-1) / encoder.n_layers, twin, unit="relative depth", seed=seed)
    }
    rows = []
    for who, positions in (("", real), ("random twin: ", random)):
        low, high = positions.error.on("test").intervals(seed=seed)
        rows += [
            Row("R² of the word's index", 1 - float(e), 1 - high[k], 1 - low[k], layer=k, label=f"{who}index")
            for k, e in enumerate(positions.error.on("test").rate())
        ]
        rows += curve_rows(
            "share of neighbours in the right order", f"{who}neighbours", positions.order.on("test"), seed
        )
    return Finding(values, baselines, rows, "Layer 0 holds the position embeddings. Lin et al. probed templates.")
