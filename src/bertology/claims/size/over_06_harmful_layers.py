"""Some layers, mostly the last, lower a probe's score (Kao et al. 2020; Tenney, Das & Pavlick 2019)."""

import numpy as np
from numpy.typing import NDArray

from bertology.claims.localization.lay_05_pipeline import STAGES
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.readings import Cumulative, curve_rows
from bertology.probe.tasks import pipeline
from bertology.record.claim import Published, above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap


@claim(
    id="over-06",
    section="6.1",
    says="Some layers, mostly the last, lower a probe's score.",
    cites=("kao-2020", "tenney-2019a"),
    method="""Cumulative probes of lay-05: a layer's change is the accuracy with layers 0 to l minus that without layer l. For each task the
    layer of the last third with the lowest change is chosen on dev blocks and measured on test. Holds if the median of tasks is below
    zero, so that at least half of them lose, and all layers gain more over the embeddings than in the random twin. Chance alone would
    choose losses on dev, not on test.""",
    published=(
        Published(5.0, "tasks out of eight in which some layer lowers the score", "BERT-large", "edge probing", "rogers-2020 (notes on the survey)", "verified"),
    ),
    expects={
        "median change by the layer chosen on dev": below(0.0),
        "gain of all layers over the embeddings, beyond the random twin": above(0.0),
    },
    needs=("treebank:upos", "treebank:deprel", "roles:role", "coref:coref"),
)  # fmt: skip
def last_layers_lower_scores(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 3:
        raise NotApplicable(f"{encoder.name} has {encoder.n_layers} layers, thirds need three")
    places = pipeline(corpora, tuple(STAGES))
    if len(places) < 3:
        raise NotApplicable(f"only {', '.join(places) or 'none'} of {len(STAGES)} tasks have enough labelled words")
    answers = yield from together(
        *[measure(Cumulative(task), over=corpus) for task, corpus in places.items()],
        *[measure(Cumulative(task), over=corpus, twin=True) for task, corpus in places.items()],
    )
    n, third = len(places), max(1, encoder.n_layers // 3)
    real, twin = ([a.correct for a in part] for part in (answers[:n], answers[n:]))
    picked = [chosen(c.on("dev").rate(), third) for c in real]
    test, test_twin = ([c.on("test") for c in part] for part in (real, twin))
    change = lambda r, layer: r[..., layer] - r[..., layer - 1]
    gain = lambda rates: np.mean([r[..., -1] - r[..., 0] for r in rates], axis=0)
    changes = lambda rates: np.stack([change(r, k) for r, k in zip(rates, picked, strict=True)], -1)
    unit = {"unit": "accuracy", "seed": seed}
    values = {
        "median change by the layer chosen on dev": bootstrap(lambda *r: np.median(changes(r), -1), *test, **unit),
        "gain of all layers over the embeddings, beyond the random twin": bootstrap(
            lambda *r: gain(r[:n]) - gain(r[n:]), *test, *test_twin, **unit
        ),
        "share of tasks that lose": bootstrap(lambda *r: (changes(r) < 0).mean(-1), *test, unit="share of tasks", seed=seed),
    }  # fmt: skip
    rows = []
    for k, task in enumerate(places):
        e = bootstrap(lambda r, k=k: change(r, picked[k]), test[k], **unit)
        rows.append(Row("change by the layer chosen on dev", e.value, e.low, e.high, e.n, picked[k], label=task))
        rows += curve_rows("accuracy of layers 0 to l", task, test[k], seed)
    note = f"Tasks: {', '.join(places)}; last third: layers {encoder.n_layers - third + 1} to {encoder.n_layers}."
    return Finding(values, rows=rows, note=note)


def chosen(rates: NDArray[np.float64], third: int) -> int:
    """The layer among the last `third` whose probe changes most downwards, from (layer 0 to L,) rates."""
    return len(rates) - third + int(np.diff(rates)[-third:].argmin())
