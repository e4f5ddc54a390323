"""Semantic tasks draw on all layers, syntactic ones on few (Tenney, Das & Pavlick 2019)."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.readings import FOLDS, Cumulative, MixFolds, gains
from bertology.probe.tasks import TASKS, pipeline
from bertology.record.claim import Published, above, below
from bertology.record.errors import NotApplicable
from bertology.record.estimate import Estimate
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap

CHOSEN = ("part of speech", "chunk", "relation", "entity", "role", "coreference")


@claim(
    id="lay-08",
    section="4.3",
    says="Semantics is spread over the whole model; syntax is concentrated in few layers.",
    cites=("tenney-2019a",),
    method="""A linear probe on a learnt mixture of all layers for each task; the divergence (KL, in nats) of the mixing weights from
    uniform is 0 when all layers count alike. Its mean over semantic tasks (entity, role, coreference) must be below that over
    syntactic ones (part of speech, chunk, relation); interval by a jackknife over five parts of the training blocks. Every probe learns
    from the same number of words, since weights move further from uniform the more there are; tasks without a gain over
    the embeddings on dev blocks are left out. On semantic tasks the mixture must beat the random twin's: layers that say nothing
    weigh alike, too.""",
    published=(
        Published(1.60, "divergence of the gains from uniform, part of speech", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figure 2", "verified", "divergence of the gains, part of speech"),
        Published(1.57, "divergence of the gains from uniform, constituents", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figure 2", "verified", "divergence of the gains, chunk"),
        Published(1.15, "divergence of the gains from uniform, dependencies", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figure 2", "verified", "divergence of the gains, relation"),
        Published(1.61, "divergence of the gains from uniform, entities", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figure 2", "verified", "divergence of the gains, entity"),
        Published(1.31, "divergence of the gains from uniform, semantic roles", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figure 2", "verified", "divergence of the gains, role"),
        Published(0.60, "divergence of the gains from uniform, coreference", "BERT-large", "edge probing, development sets", "Tenney et al. 2019a, figure 2", "verified", "divergence of the gains, coreference"),
    ),
    expects={"semantic − syntactic divergence": below(0.0), "gain over the random twin on semantic tasks": above(0.0)},
    needs=("treebank:upos", "treebank:deprel", "roles:role", "coref:coref"),
)  # fmt: skip
def semantics_is_spread(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer: nothing to mix")
    places = pipeline(corpora, CHOSEN)
    levels = {task: TASKS[task].level for task in places}
    if len(set(levels.values())) < 2:
        raise NotApplicable("no syntactic or no semantic task has enough labelled words")
    semantic, syntactic = ([task for task in places if levels[task] == level] for level in ("semantics", "syntax"))
    every = yield from together(
        *[measure(Cumulative(task), MixFolds(task), over=corpus) for task, corpus in places.items()],
        *[measure(Cumulative(task), over=places[task], twin=True) for task in semantic],
    )
    answers, random = every[: len(places)], every[len(places) :]
    folds = {task: divergence(mixes) for task, (_, mixes) in zip(places, answers, strict=True)}
    located = [task for task, (one, _) in zip(places, answers, strict=True) if gains(one.correct.on("dev"), seed)]
    few_semantic, few_syntactic = ([task for task in group if task in located] for group in (semantic, syntactic))
    if not few_semantic or not few_syntactic:
        raise NotApplicable("no semantic or no syntactic task gains from the layers over the embeddings")
    difference = lambda d: (
        np.mean([d[t] for t in few_semantic], axis=0) - np.mean([d[t] for t in few_syntactic], axis=0)
    )
    tallies = dict(zip(places, (one.correct.on("test") for one, _ in answers), strict=True))
    twins = [one.correct.on("test") for one in random]
    n = min(t.n for t in tallies.values())
    k = len(semantic)
    values = {
        "semantic − syntactic divergence": jackknife(difference(folds), n=n),
        "gain over the random twin on semantic tasks": bootstrap(
            lambda *r: sum(r[i][:, -1] - r[k + i][:, -1] for i in range(k)) / k,
            *[tallies[task] for task in semantic], *twins, unit="accuracy", seed=seed,
        ),
    }  # fmt: skip
    rows = []
    for task, (_, mixes) in zip(places, answers, strict=True):
        e = jackknife(folds[task], n=tallies[task].n)
        values[f"divergence of the weights, {task}"] = e
        values[f"divergence of the gains, {task}"] = bootstrap(gains_divergence, tallies[task], unit="nats", seed=seed)
        steps = np.diff(tallies[task].rate())
        rows += [
            Row("divergence of the weights from uniform", e.value, e.low, e.high, e.n, label=f"{task} ({levels[task]})")
        ]
        rows += [Row("mixing weight", float(w), n=e.n, layer=i, label=task) for i, w in enumerate(mixes[0])]
        rows += [Row("gain of layer l", float(g), n=e.n, layer=i, label=task) for i, g in enumerate(steps, start=1)]
    left_out = [task for task in places if task not in located]
    note = (
        f"{'Left out, without a gain: ' + ', '.join(left_out) + '. ' if left_out else ''}Judged by the weights, as the claim is worded; the published divergences are of the gains, shown beside it, which noise "
        "inflates where a task has few words. Features are standardised per layer, which the study does not do."
    )
    return Finding(values, {}, rows, note)


def divergence(mix: NDArray[np.float64]) -> NDArray[np.float64]:
    """KL(mix ‖ uniform) over the last axis, in nats."""
    return (mix * np.log(np.maximum(mix, 1e-300) * mix.shape[-1])).sum(-1)


def gains_divergence(accuracy: NDArray[np.float64]) -> NDArray[np.float64]:
    """KL of the layers' gains from uniform, (draw, layer) to (draw,); losses count as no gain; nan without any gain."""
    gain = np.diff(accuracy, axis=-1).clip(0)
    with np.errstate(all="ignore"):
        return divergence(gain / gain.sum(-1, keepdims=True))


def jackknife(values: NDArray[np.float64], *, n: int) -> Estimate:
    """The first value with its interval from the others, found without each of FOLDS parts (Efron & Tibshirani 1993,
    chapter 11; Student's t)."""
    value, folds = values[0], values[1:]
    error = float(np.sqrt((FOLDS - 1) / FOLDS * ((folds - folds.mean()) ** 2).sum()))
    half = float(student.ppf(0.975, FOLDS - 1)) * error
    return Estimate(float(value), float(value - half), float(value + half), n, "nats", f"jackknife over {FOLDS} parts")
