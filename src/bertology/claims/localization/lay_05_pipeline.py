"""Layers follow the classical pipeline, from parts of speech to coreference (Tenney, Das & Pavlick 2019)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.readings import Cumulative, curve_rows, gains
from bertology.probe.scalar_mix import expected_layer
from bertology.probe.tasks import pipeline
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap

STAGES = {"part of speech": 0, "chunk": 1, "relation": 2, "entity": 3, "role": 3, "coreference": 4}
"""The classical order; entities and roles share a stage."""
FEW = 600
"""Words to learn from when all tasks learn from as many."""


@claim(
    id="lay-05",
    section="4.3",
    says="Layers follow the classical pipeline: part of speech, then syntax, then entities and roles, then coreference.",
    cites=("tenney-2019a",),
    method="""For each task, linear probes on a learnt mixture of layers 0 to l, for every l (cumulative scoring). The expected layer is
    the mean of l weighted by the gain in accuracy that layer l brings on test blocks. Kendall's τ between expected layers and the
    classical order, entities and roles tied, must be positive, also when every task learns from 600 words, and must exceed the
    random twin's. A task without a gain over the embeddings on dev blocks has no place and is left out; with under three places τ is
    0 for the twin and not measured for the encoder. Intervals are over blocks of sentences, not over the choice of tasks.""",
    published=(
        Published(0.141, "expected layer / number of layers, part of speech (3.39 of 24)", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figures 1 and 2", "verified", "expected depth, part of speech"),
        Published(0.158, "expected layer / number of layers, constituents (3.79 of 24)", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figures 1 and 2", "verified", "expected depth, chunk"),
        Published(0.237, "expected layer / number of layers, dependencies (5.69 of 24)", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figures 1 and 2", "verified", "expected depth, relation"),
        Published(0.193, "expected layer / number of layers, entities (4.64 of 24)", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figures 1 and 2", "verified", "expected depth, entity"),
        Published(0.273, "expected layer / number of layers, semantic roles (6.54 of 24)", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figures 1 and 2", "verified", "expected depth, role"),
        Published(0.395, "expected layer / number of layers, coreference (9.47 of 24)", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figures 1 and 2", "verified", "expected depth, coreference"),
        Published(0.487, "centre of gravity / number of layers, part of speech (11.68 of 24)", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figures 1 and 2", "verified"),
        Published(0.658, "centre of gravity / number of layers, coreference (15.80 of 24)", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figures 1 and 2", "verified"),
    ),
    expects={
        "rank correlation with the pipeline": above(0.0),
        "rank correlation at equal training size": above(0.0),
        "rank correlation beyond the random twin": above(0.0),
    },
    needs=("treebank:upos", "treebank:deprel", "roles:role", "coref:coref"),
)  # fmt: skip
def layers_follow_the_pipeline(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer: no order of layers")
    places = pipeline(corpora, tuple(STAGES))
    if len(places) < 4:
        raise NotApplicable(f"only {', '.join(places) or 'none'} of {len(STAGES)} tasks have enough labelled words")
    n = len(places)
    answers = yield from together(
        *[measure(Cumulative(task), over=corpus) for task, corpus in places.items()],
        *[measure(Cumulative(task, most=FEW), over=corpus) for task, corpus in places.items()],
        *[measure(Cumulative(task), over=corpus, twin=True) for task, corpus in places.items()],
    )
    thirds = answers[:n], answers[n : 2 * n], answers[2 * n :]
    full, few, twin = ([a.correct.on("test") for a in part] for part in thirds)
    placed, placed_few, placed_twin = (np.array([gains(a.correct.on("dev"), seed) for a in part]) for part in thirds)
    stages = np.array([STAGES[task] for task in places])

    def tau(rates: Sequence[NDArray[np.float64]], has_place: NDArray[np.bool_]) -> NDArray[np.float64]:
        return kendall(np.where(has_place, np.stack([expected_layer(r) for r in rates], -1), np.nan), stages)

    unit = {"unit": "Kendall's τ", "seed": seed}
    depth = {"unit": "relative depth", "seed": seed}
    values = {
        "rank correlation with the pipeline": bootstrap(lambda *r: tau(r, placed), *full, **unit),
        "rank correlation at equal training size": bootstrap(lambda *r: tau(r, placed_few), *few, **unit),
        "rank correlation beyond the random twin": bootstrap(
            lambda *r: tau(r[:n], placed) - np.nan_to_num(tau(r[n:], placed_twin)), *full, *twin, **unit
        ),
    }
    rows = []
    for k, task in enumerate(places):
        e = bootstrap(lambda r: expected_layer(r) / encoder.n_layers, full[k], **depth)
        values[f"expected depth, {task}"] = e
        gain = bootstrap(lambda r: r[:, -1] - r[:, 0], full[k], seed=seed)
        gravity = float(answers[k].mix @ np.arange(encoder.n_layers + 1)) / encoder.n_layers
        rows += [
            Row("expected depth", e.value, e.low, e.high, e.n, label=task),
            Row("depth of the centre of gravity of mixing weights", gravity, n=e.n, label=task),
            Row("gain of all layers over the embeddings", gain.value, gain.low, gain.high, gain.n, label=task),
        ]
        rows += [Row("mixing weight", float(w), n=e.n, layer=i, label=task) for i, w in enumerate(answers[k].mix)]
        rows += curve_rows("accuracy of layers 0 to l", task, full[k], seed)
        rows += curve_rows("accuracy of layers 0 to l", f"random twin: {task}", twin[k], seed)
    baselines = {"random twin": bootstrap(lambda *r: np.nan_to_num(tau(r, placed_twin)), *twin, **unit)}
    note = (
        f"Tasks: {', '.join(places)}. Probes read one word (the argument of a role, a candidate antecedent) and no pair of spans; "
        f"chunks stand for constituents. Corpora: {', '.join(sorted({c.name for c in places.values()}))}."
    )
    return Finding(values, baselines, rows, note)


def kendall(x: NDArray[np.float64], order: NDArray[np.int64]) -> NDArray[np.float64]:
    """Kendall's τ-b of (draw, item) with (item,), items that are nan left out; nan with under three items."""
    pairs = np.triu_indices(len(order), 1)
    a = x[:, pairs[0]] - x[:, pairs[1]]
    known = np.isfinite(a)
    a, b = np.sign(np.where(known, a, 0)), np.sign(order[pairs[0]] - order[pairs[1]]) * known
    with np.errstate(all="ignore"):
        tau = (a * b).sum(-1) / np.sqrt((a != 0).sum(-1) * (b != 0).sum(-1))
    return np.where(np.isfinite(x).sum(-1) >= 3, tau, np.nan)
