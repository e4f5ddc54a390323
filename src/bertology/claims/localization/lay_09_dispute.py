"""The order surface, syntax, semantics is doubtful: semantic sentence tasks peak before the last layers (Jawahar et al. 2019)."""

import numpy as np
from numpy.typing import NDArray

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.readings import curve_rows
from bertology.probe.sentence_probes import SentenceCurve
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats.tally import bootstrap

CLASSES = {"surface": ("length",), "syntactic": ("depth", "construction", "voice"), "semantic": ("tense", "subject_number", "polarity", "topic")}
LATE = 0.8


@claim(
    id="lay-09",
    section="4.3",
    says="The order surface, syntax, semantics is doubtful: most semantic probing tasks peak before the last layers.",
    cites=("jawahar-2019",),
    method="""Linear probes for properties of sentences on the mean vector of each layer. A semantic task (tense, number of the subject,
    polarity, topic) peaks early when its best layer below .8 of the depth beats its best layer above; equal ones count half. At
    least half of the semantic tasks must peak early on test blocks, and their best layers, chosen on dev blocks, must beat the random
    twin's on average.""",
    published=(
        Published(1.0, "semantic tasks that peak at the last layer", "BERT-base", "sentence probing tasks", "Rogers et al. 2020", "verified"),
        Published(3.0, "semantic tasks that peak in the middle", "BERT-base", "sentence probing tasks", "Rogers et al. 2020", "verified"),
    ),
    expects={"share of semantic tasks that peak early": above(0.49), "gain over the random twin on semantic tasks": above(0.0)},
    needs=("treebank",),
)  # fmt: skip
def semantics_peaks_early(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer: no early and late ones")
    real, random = yield from together(
        measure(SentenceCurve(), over=corpora.treebank), measure(SentenceCurve(), over=corpora.treebank, twin=True)
    )
    semantic = [i for i, name in enumerate(real.names) if name in CLASSES["semantic"]]
    if len(semantic) < 2:
        raise NotApplicable(f"{len(semantic)} semantic properties of sentences vary enough in {corpora.treebank.name}, 2 are due")
    depth = np.arange(encoder.n_layers + 1) / encoder.n_layers
    late = depth >= LATE
    correct, twin = real.correct.on("test"), random.correct.on("test")
    best, twin_best = (one.correct.on("dev").rate().argmax(-1) for one in (real, random))

    def lead(rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Best early minus best late layer, (draw, semantic task)."""
        chosen = rates[:, semantic]
        return chosen[..., ~late].max(-1) - chosen[..., late].max(-1)

    pick = lambda r, k: np.stack([r[:, i, k[i]] for i in semantic], -1).mean(-1)
    values = {
        "share of semantic tasks that peak early": bootstrap(
            lambda r: ((1 + np.sign(lead(r))) / 2).mean(-1), correct, unit="share", seed=seed
        ),
        "gain over the random twin on semantic tasks": bootstrap(
            lambda r, t: pick(r, best) - pick(t, twin_best), correct, twin, unit="accuracy", seed=seed
        ),
        "early over late layers, mean of semantic tasks": bootstrap(
            lambda r: lead(r).mean(-1), correct, unit="accuracy", seed=seed
        ),
    }
    rows = []
    for i, name in enumerate(real.names):
        level = next((level for level, names in CLASSES.items() if name in names), "other")
        values[f"depth of the maximum, {name}"] = bootstrap(
            lambda r, i=i: depth[r[:, i].argmax(-1)], correct, unit="relative depth", seed=seed
        )
        rows += curve_rows("accuracy", f"{name} ({level})", correct[i], seed)
        rows += curve_rows("accuracy", f"random twin: {name} ({level})", twin[i], seed)
    baselines = {
        "random twin": bootstrap(lambda r: ((1 + np.sign(lead(r))) / 2).mean(-1), twin, unit="share", seed=seed)
    }
    note = (
        f"Properties of {corpora.treebank.name}: {', '.join(real.names)}; of the study's semantic tasks only tense and number of the "
        "subject are among them. An interval over so few tasks speaks of these tasks only."
    )
    return Finding(values, baselines, rows, note)
