"""Syntax is clearest in the middle layers (Hewitt & Manning 2019; Liu et al. 2019a; Jawahar et al. 2019; Goldberg 2019)."""

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.readings import StructuralCurve, TagCurve, curve_rows
from bertology.record.claim import Published, above, between
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats.choose import argmax
from bertology.stats.tally import bootstrap

TASKS = ("relation", "part of speech")


@claim(
    id="lay-02",
    section="4.3",
    says="Syntax is most prominent in the middle layers.",
    cites=("hewitt-manning-2019", "goldberg-2019", "jawahar-2019", "liu-2019a"),
    method="""Two curves over layers: the share of gold edges found by a structural probe (UUAS), and the accuracy of a linear probe for the
    relation of a word to its governor. The depth of each curve's maximum (layer / number of layers, 0 the embeddings) must lie
    between .35 and .8, resampling included. The best layer chosen on dev sentences must beat the last on test sentences in both,
    and the best layer of the random twin in UUAS: random weights have a maximum, too, but of nothing.""",
    published=(
        Published(0.583, "relative depth of the best layer of the structural probe (7 of 12)", "BERT-base", "PTB WSJ test", "Hewitt & Manning 2019", "verified", "depth of the maximum, UUAS"),
        Published(0.625, "relative depth of the best layer of the distance probe (15 of 24)", "BERT-large", "PTB WSJ test", "Hewitt & Manning 2019", "verified", "depth of the maximum, UUAS"),
        Published(6.0, "first of the best layers for tree depth", "BERT-base", "PTB WSJ", "Rogers et al. 2020", "verified"),
        Published(9.0, "last of the best layers for tree depth", "BERT-base", "PTB WSJ", "Rogers et al. 2020", "verified"),
        Published(8.0, "first of the best layers for agreement", "BERT-base", "agreement", "Rogers et al. 2020", "verified"),
        Published(9.0, "last of the best layers for agreement", "BERT-base", "agreement", "Rogers et al. 2020", "verified"),
    ),
    expects={
        "depth of the maximum, UUAS": between(0.35, 0.8),
        "depth of the maximum, relation": between(0.35, 0.8),
        "loss from the maximum to the last layer, UUAS": above(0.0),
        "loss from the maximum to the last layer, relation": above(0.0),
        "gain over the random twin, UUAS": above(0.0),
    },
    needs=("treebank:head", "treebank:deprel"),
)  # fmt: skip
def syntax_in_the_middle(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer: no middle")
    treebank = corpora.treebank
    tasks = [task for task in TASKS if task == "relation" or treebank.having("upos")]
    real, random = yield from together(
        *[
            measure(StructuralCurve(), *[TagCurve(task) for task in tasks], over=treebank, twin=twin)
            for twin in (False, True)
        ]
    )
    curves = [
        dict(zip(["UUAS", *tasks], (one[0].hits, *[c.correct for c in one[1:]]), strict=True)) for one in (real, random)
    ]
    ours, twins = curves
    best = {name: argmax(tally.on("dev").rate())[0] for name, tally in ours.items()}
    values, rows, baselines = {}, [], {}
    for name, tally in ours.items():
        test = tally.on("test")
        values[f"depth of the maximum, {name}"] = bootstrap(
            lambda r: r.argmax(-1) / encoder.n_layers, test, unit="relative depth", seed=seed
        )
        values[f"loss from the maximum to the last layer, {name}"] = bootstrap(
            lambda r, k=best[name]: r[:, k] - r[:, -1], test, unit="share", seed=seed
        )
        twin_best = argmax(twins[name].on("dev").rate())[0]
        values[f"gain over the random twin, {name}"] = bootstrap(
            lambda r, t, k=best[name], j=twin_best: r[:, k] - t[:, j],
            test,
            twins[name].on("test"),
            unit="share",
            seed=seed,
        )
        baselines[f"random twin, {name}"] = bootstrap(
            lambda t: t.argmax(-1) / encoder.n_layers, twins[name].on("test"), unit="relative depth", seed=seed
        )
        rows += curve_rows("share correct", name, test, seed) + curve_rows(
            "share correct", f"random twin: {name}", twins[name].on("test"), seed
        )
    note = (
        "Linear probes for relations and parts of speech instead of the studies' sentence probes; agreement by masked "
        f"prediction is left to its own claim. Best layers on dev: {', '.join(f'{name} {k}' for name, k in best.items())}."
    )
    return Finding(values, baselines, rows, note)
