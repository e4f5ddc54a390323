"""Surface low, syntax in the middle, semantics on top? Semantic tasks, too, peak before the top (Jawahar et al. 2019, disputed)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.readings import curve_rows
from bertology.probe.sentence_probes import LayerProbes
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats.choose import argmax
from bertology.stats.tally import bootstrap

SEMANTIC = ("tense", "subject_number", "polarity", "topic", "voice")
EARLY = 0.8


@claim(
    id="lay-09",
    section="4.3",
    says="Semantic sentence properties do not peak in the top layers: half of them or more are best before them, and degrade.",
    cites=("jawahar-2019", "rogers-2020"),
    method="""Linear probes for properties of sentences on the mean of each layer. The share of semantic properties whose best layer
    lies before .8 of the depth, the best layer found anew in each resample, must reach a half; over the semantic properties, the best layer
    chosen on dev must beat the last one on test, and the best of the random twin.""",
    published=(
        Published(1.0, "semantic tasks of five that are best in the last layer", "bert-base-uncased", "SentEval probing tasks", "Rogers et al. 2020, section 4.3", "verified"),
        Published(3.0, "semantic tasks of five that peak in the middle and degrade", "bert-base-uncased", "SentEval probing tasks", "Rogers et al. 2020, section 4.3", "verified"),
    ),
    expects={
        "share of semantic properties that peak early": above(0.499),
        "loss from the best layer to the last": above(0.0),
        "gain over the random twin": above(0.0),
    },
    needs=("treebank",),
)  # fmt: skip
def semantics_before_the_top(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 3:
        raise NotApplicable(f"{encoder.name} has {encoder.n_layers} layers: too few to tell the middle from the top")
    real, random = yield from together(
        measure(LayerProbes(), over=corpora.treebank), measure(LayerProbes(), over=corpora.treebank, twin=True)
    )
    semantic = [k for k, name in enumerate(real.names) if name in SEMANTIC]
    if len(semantic) < 2:
        raise NotApplicable(
            f"{corpora.treebank.name} has {len(semantic)} semantic properties that vary enough; two are due"
        )
    dev, test, twin = real.correct.on("dev").rate(), real.correct.on("test"), random.correct.on("test")
    best = {k: argmax(dev[k])[0] for k in semantic}
    best_twin = {k: argmax(random.correct.on("dev").rate()[k])[0] for k in semantic}
    last = encoder.n_layers
    over = lambda cell: np.mean([cell(k) for k in semantic], axis=0)
    values = {
        "share of semantic properties that peak early": bootstrap(
            lambda r: (r[:, semantic].argmax(-1) / last < EARLY).mean(-1), test, unit="share", seed=seed
        ),
        "loss from the best layer to the last": bootstrap(
            lambda r: over(lambda k: r[:, k, best[k]] - r[:, k, last]), test, unit="accuracy", seed=seed
        ),
        "gain over the random twin": bootstrap(
            lambda r, t: over(lambda k: r[:, k, best[k]] - t[:, k, best_twin[k]]),
            test,
            twin,
            unit="accuracy",
            seed=seed,
        ),
    }
    for k, name in enumerate(real.names):
        values[f"depth of the maximum, {name}"] = bootstrap(
            lambda r, k=k: r[:, k].argmax(-1) / last, test, unit="relative depth", seed=seed
        )
    baselines = {
        "random twin": bootstrap(
            lambda t: (t[:, semantic].argmax(-1) / last < EARLY).mean(-1), twin, unit="share", seed=seed
        )
    }
    rows = [row for k, name in enumerate(real.names) for row in curve_rows("accuracy", name, test[k], seed)]
    rows += [row for k in semantic for row in curve_rows("accuracy", f"random twin: {real.names[k]}", twin[k], seed)]
    note = (
        f"Semantic properties here: {', '.join(real.names[k] for k in semantic)}; of Jawahar's five semantic tasks tense and subject number are "
        "among them, word-order inversion and odd-man-out are not."
    )
    return Finding(values, baselines, rows, note)
