"""Translations are nearest neighbours, in part by the words they share (Pires et al. 2019; Libovický et al. 2019)."""

import numpy as np

from bertology.claims.languages.retrieved import language_mean, language_rows, layer_rows, pairs_note
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.intervene.shared_subwords import HideShared, shared_subwords
from bertology.observe import Asking, measure, together
from bertology.probe.retrieval import Retrieval
from bertology.record.claim import above
from bertology.record.result import Finding
from bertology.stats.tally import bootstrap


@claim(
    id="ml-07",
    section="8 (v1)",
    says="Parallel sentences are nearest neighbours, but in part by shared words.",
    cites=("pires-2019", "libovicky-2019"),
    method="""Share of sentences whose translation is the nearest by cosine of mean vectors, among the test sentences of the other language,
    mean over both directions and over languages, each paired with English; the layer is chosen on dev for each condition by itself.
    It must be higher than in the random twin, which retrieves by shared subwords alone. Then subwords that stand on both sides of
    a pair are hidden (nothing attends to them, the mean leaves them out): retrieval must fall, and fall more than when
    as many other subwords of the same sentences are hidden. Two translations of one text count as the same.""",
    expects={
        "drop when shared subwords are hidden": above(0.0),
        "drop beyond hiding as many others": above(0.0),
        "retrieval beyond the random twin": above(0.0),
    },
    needs=("parallel",),
)
def translations_are_near(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    parallel = corpora.parallel
    assert parallel is not None
    search = Retrieval()
    found = yield from together(
        measure(search, over=parallel),
        measure(search, over=parallel, under=HideShared()),
        measure(search, over=parallel, under=HideShared(others=True, seed=seed)),
        measure(search, over=parallel, twin=True),
        measure(search, over=parallel, under=HideShared(), twin=True),
    )
    conditions = dict(zip(("intact", "shared subwords hidden", "others hidden", "random twin",
                           "random twin, shared subwords hidden"), found, strict=True))  # fmt: skip
    intact, hidden, others, random, random_hidden = (each.at_best for each in found)
    points = {"unit": "points", "seed": seed}
    gap = lambda a, b: 100 * language_mean(a - b)
    values = {
        "drop when shared subwords are hidden": bootstrap(gap, intact, hidden, **points),
        "drop beyond hiding as many others": bootstrap(gap, others, hidden, **points),
        "retrieval beyond the random twin": bootstrap(gap, intact, random, **points),
        "retrieval with shared subwords hidden, beyond the random twin": bootstrap(
            gap, hidden, random_hidden, **points
        ),
        "retrieval": bootstrap(language_mean, intact, unit="share", seed=seed),
        "retrieval, shared subwords hidden": bootstrap(language_mean, hidden, unit="share", seed=seed),
    }
    baselines = {
        "retrieval in the random twin": bootstrap(language_mean, random, unit="share", seed=seed),
        "random choice": bootstrap(language_mean, found[0].chance.on("test"), unit="share", seed=seed),
    }
    rows = [row for name, each in conditions.items()
            for row in (*layer_rows(f"retrieval on dev: {name}", each), *language_rows(f"retrieval: {name}", each, seed))]  # fmt: skip
    share = np.concatenate(shared_subwords(encoder.encode(parallel))).mean()
    layers = ", ".join(f"{name} {each.best}" for name, each in conditions.items())
    note = f"{pairs_note(parallel, found[0])} Layers chosen on dev: {layers}. {share:.0%} of subwords are shared and hidden."
    return Finding(values, baselines, rows, note)
