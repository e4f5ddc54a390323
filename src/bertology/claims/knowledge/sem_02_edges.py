"""Token vectors encode entity types, relations, roles and proto-roles (Tenney et al. 2019a, 2019b)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.edge_readings import EDGES, MARGIN, EdgeCurve, annotated
from bertology.probe.readings import curve_rows
from bertology.record.claim import Ability, Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import bootstrap


@claim(
    id="sem-02",
    section="3.2",
    says="Token vectors encode entity types, relations, semantic roles and proto-roles.",
    cites=("tenney-2019b", "tenney-2019a"),
    method="""Edge probes (self-attentive pooling of one or two spans, a hidden layer, a softmax; proto-role properties each by a sigmoid) on
    every layer, for each of the four tasks that the corpus has enough examples of. Each task's layer is chosen on dev and its
    micro-averaged F1 estimated on test, less that of a convolution over layer 0 that sees two words to either side, and less that of the
    random twin's best layer. The least gain of all tasks must be positive: the claim is about each of them.""",
    published=(
        Published(90.6, "F1 from layer 0 alone, entities", "BERT-large", "edge probing, development sets", "tenney-2019a (values of its figures 1 and 2, in lecture notes)", "verified", "entity types, F1 of layer 0"),
        Published(96.1, "F1 from all 24 layers, entities", "BERT-large", "edge probing, development sets", "tenney-2019a (values of its figures 1 and 2, in lecture notes)", "verified"),
        Published(81.3, "F1 from layer 0 alone, semantic roles", "BERT-large", "edge probing, development sets", "tenney-2019a (values of its figures 1 and 2, in lecture notes)", "verified", "semantic roles, F1 of layer 0"),
        Published(91.4, "F1 from all 24 layers, semantic roles", "BERT-large", "edge probing, development sets", "tenney-2019a (values of its figures 1 and 2, in lecture notes)", "verified"),
        Published(77.7, "F1 from layer 0 alone, semantic proto-roles", "BERT-large", "edge probing, development sets", "tenney-2019a (values of its figures 1 and 2, in lecture notes)", "verified", "proto-roles, F1 of layer 0"),
        Published(83.7, "F1 from all 24 layers, semantic proto-roles", "BERT-large", "edge probing, development sets", "tenney-2019a (values of its figures 1 and 2, in lecture notes)", "verified"),
        Published(60.7, "F1 from layer 0 alone, relations", "BERT-large", "edge probing, development sets", "tenney-2019a (values of its figures 1 and 2, in lecture notes)", "verified", "relations, F1 of layer 0"),
        Published(84.2, "F1 from all 24 layers, relations", "BERT-large", "edge probing, development sets", "tenney-2019a (values of its figures 1 and 2, in lecture notes)", "verified"),
    ),
    expects={"least gain over the convolution": above(0.0), "least gain over the random twin": above(0.0)},
    needs=("spans",),
    abilities=(
        Ability("entity types", "entity types, F1", chance="entity types, F1 of the random twin"),
    ),
)  # fmt: skip
def vectors_encode_semantics(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    corpus = corpora.spans
    tasks = annotated(corpus)
    if not tasks:
        raise NotApplicable(f"{corpus.name} has too few examples of each of {', '.join(EDGES)}")
    real, random = yield from together(
        measure(*[EdgeCurve(task, window) for task in tasks for window in (0, MARGIN)], over=corpus),
        measure(*[EdgeCurve(task) for task in tasks], over=corpus, twin=True),
    )
    random = random if len(tasks) > 1 else (random,)
    values, rows, layers, best, local, twin = {}, [], [], [], [], []
    for k, task in enumerate(tasks):
        own, convolution, untrained = real[2 * k], real[2 * k + 1], random[k]
        (layer,), (twin_layer,) = argmax(own.f1.on("dev").rate()), argmax(untrained.f1.on("dev").rate())
        layers.append(f"{task} {layer} (of {own.learnt:,} examples, {len(own.labels)} labels)")
        test = own.f1.on("test")
        best.append(test[layer])
        local.append(convolution.f1.on("test")[0])
        twin.append(untrained.f1.on("test")[twin_layer])
        for name, tally in (
            ("F1", best[-1]), ("F1 of layer 0", test[0]), ("F1 of the convolution", local[-1]), ("F1 of the random twin", twin[-1]),
        ):  # fmt: skip
            values[f"{task}, {name}"] = bootstrap(lambda r: 100 * r, tally, unit="%", seed=seed)
        if own.majority.n:
            usual = own.majority.on("test")
            rows.append(Row(f"{task}, micro-F1", float(usual.rate()), n=usual.n, label="most frequent label"))
        rows += curve_rows(f"{task}, micro-F1", "encoder", test, seed)
        rows += curve_rows(f"{task}, micro-F1", "random twin", untrained.f1.on("test"), seed)
    n = len(tasks)
    least = lambda *rates: 100 * np.min([a - b for a, b in zip(rates[:n], rates[n:], strict=True)], axis=0)
    points = {"unit": "points of F1", "seed": seed}
    judged = {
        "least gain over the convolution": bootstrap(least, *best, *local, **points),
        "least gain over the random twin": bootstrap(least, *best, *twin, **points),
    }
    missing = [task for task in EDGES if task not in tasks]
    note = (
        f"Layers chosen on dev: {'; '.join(layers)}. {corpus.name} instead of OntoNotes, SemEval and SPR as in the studies, which mix "
        "all layers."
    )
    note += f" Not in this corpus: {', '.join(missing)}." if missing else ""
    return Finding(judged | values, {}, rows, note)
