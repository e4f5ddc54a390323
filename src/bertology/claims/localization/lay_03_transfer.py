"""Middle layers transfer best over many tasks (Liu et al. 2019a)."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.readings import TagCurve, curve_rows
from bertology.probe.tasks import pipeline
from bertology.record.claim import Published, above, between
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap

FEWEST = 6


@claim(
    id="lay-03",
    section="4.3",
    says="The middle layers are the most transferable over tasks.",
    cites=("liu-2019a",),
    method="""A linear probe of each layer on six or more tasks on single words, syntactic and semantic. Layers are ranked within each
    task by accuracy on test blocks. The layer with the best mean rank must lie between .2 and .8 of the depth, resampling included. The
    layer with the best mean rank on dev blocks must beat the last layer on test blocks, averaged over tasks, and the random twin's
    layer chosen likewise.""",
    published=(Published(16.0, "probing tasks", "BERT-base", "sixteen tasks", "Rogers et al. 2020", "verified"),),
    expects={
        "depth of the best mean rank": between(0.2, 0.8),
        "gain over the last layer": above(0.0),
        "gain over the random twin": above(0.0),
    },
    needs=("treebank:upos", "treebank:deprel"),
)
def middle_layers_transfer(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer: no middle")
    places = pipeline(corpora)
    if len(places) < FEWEST:
        raise NotApplicable(f"{len(places)} tasks have enough labelled words, {FEWEST} are due")
    n = len(places)
    answers = yield from together(
        *[measure(TagCurve(task), over=corpus, twin=twin) for twin in (False, True) for task, corpus in places.items()]
    )
    real, random = answers[:n], answers[n:]
    best, twin_best = (
        int(mean_rank(*[one.correct.on("dev").rate()[None] for one in part])[0].argmin()) for part in (real, random)
    )
    test, twin = ([one.correct.on("test") for one in part] for part in (real, random))
    unit = {"unit": "accuracy", "seed": seed}
    values = {
        "depth of the best mean rank": bootstrap(
            lambda *r: mean_rank(*r).argmin(-1) / encoder.n_layers, *test, unit="relative depth", seed=seed
        ),
        "gain over the last layer": bootstrap(lambda *r: sum(x[:, best] - x[:, -1] for x in r) / n, *test, **unit),
        "gain over the random twin": bootstrap(
            lambda *r: sum(r[k][:, best] - r[n + k][:, twin_best] for k in range(n)) / n, *test, *twin, **unit
        ),
        "gain over layer 0": bootstrap(lambda *r: sum(x[:, best] - x[:, 0] for x in r) / n, *test, **unit),
    }
    baselines = {
        "random twin": bootstrap(
            lambda *r: mean_rank(*r).argmin(-1) / encoder.n_layers, *twin, unit="relative depth", seed=seed
        )
    }
    rows = []
    for who, part in (("encoder", test), ("random twin", twin)):
        ranks = mean_rank(*[tally.rate()[None] for tally in part])[0]
        rows += [Row("mean rank over tasks", float(r), n=n, layer=i, label=who) for i, r in enumerate(ranks)]
    for task, ours, theirs in zip(places, test, twin, strict=True):
        rows += curve_rows("accuracy", task, ours, seed) + curve_rows("accuracy", f"random twin: {task}", theirs, seed)
    note = f"Layer {best} has the best mean rank on dev. Tasks: {', '.join(places)}; intervals are not over the choice of tasks."
    return Finding(values, baselines, rows, note)


def mean_rank(*rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over tasks of the layers' ranks by accuracy, 1 the best: (draw, layer) each to (draw, layer)."""
    return np.mean([rankdata(-r, axis=-1) for r in rates], axis=0)
