"""Fine-tuned models use shallow heuristics: pairs whose words overlap are taken for entailed (McCoy et al. 2019)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bertology.claims.directions import learners as tuning
from bertology.claims.directions.answers import Answers
from bertology.claims.directions.learners import ENTAILED, NOT, learners, majority, must_be_learnt
from bertology.claims.directions.rates import rates, right
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.grammar.inference import templates
from bertology.corpus.inference import Pair, halves, overlapping
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import above, below
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.stats.tally import in_split
from bertology.train.artefacts import Scored, Scoring
from bertology.train.task import Example, Task

EACH = 20
"""Pairs of each of the thirty subcases."""


@claim(
    id="dir-01",
    section="7",
    says="Fine-tuned models use shallow heuristics, failing where these mislead.",
    cites=(
        "mccoy-2019",
        "zellers-2019",
        "jin-2020",
        "si-2019",
        "rogers-2020b",
        "sugawara-2020",
        "yogatama-2019",
        "niven-2019",
    ),
    method="""The encoder is fine-tuned on inference (entailed or not). Then pairs whose hypothesis has only words of the premise: for each of
    three heuristics (lexical overlap, subsequence, constituent) five constructions in which it is right and five in which it misleads, as many
    pairs of each. Holds if most pairs in which the heuristics mislead are answered wrongly and most of the others rightly, by the
    intervals, in models that beat the majority and the random twin tuned alike on pairs like those they were trained on. Beside: what the
    hypothesis alone tells, and accuracy on revised pairs and by monotonicity where the corpus has such pairs. Not applicable when the
    task was not learnt.""",
    expects={
        "accuracy where heuristics mislead": below(0.5),
        "accuracy where heuristics are right": above(0.5),
        "accuracy beyond the majority": above(0.0),
        "accuracy beyond the random twin": above(0.0),
    },
    needs=("training", "inference"),
)
def heuristics_mislead(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    found = learners(encoder, corpora, seed)
    task, given = found.task, corpora.inference
    ours = list(challenge(given, seed))
    further = list(_further(given))
    texts = (*found.test, *((p.premise, p.hypothesis) for p in ours), *((p.premise, p.hypothesis) for _, p in further))
    own = yield from make(*(Answers(one, texts) for one in found.real))
    twin = yield from make(*(Answers(one, found.test) for one in found.twin))
    alone: Scored = yield from make(Scoring(encoder, _hypotheses(task), tuning.RECIPE, found.numbers))

    labels = [*(e.label for e in task.test), *(p.label for p in ours), *(p.label for _, p in further)]
    counted = [right(p, labels, task.labels) for p in _each(own)]
    place = np.arange(len(labels))
    at_test, at_ours = place < len(task.test), (place >= len(task.test)) & (place < len(task.test) + len(ours))
    groups = {"test": at_test}
    side = lambda label: at_ours & (np.array(labels) == label)
    groups |= {"right": side(ENTAILED), "mislead": side(NOT)}
    named = [("", "")] * len(task.test) + [(p.labels["heuristic"], p.labels.get("subcase", "")) for p in ours]
    named += [("", "")] * len(further)
    heuristics = tuple(dict.fromkeys(p.labels["heuristic"] for p in ours))
    for label, how in ((ENTAILED, "right"), (NOT, "misleads")):
        for name in heuristics:
            here = side(label) & np.array([h == name for h, _ in named])
            groups[f"{name} {how}"] = here
            for subcase in dict.fromkeys(s for (_, s), inside in zip(named, here, strict=True) if inside and s):
                groups[f"subcase {name} {how}: {subcase}"] = here & np.array([s == subcase for _, s in named])
    for name in dict.fromkeys(name for name, _ in further):
        groups[f"further {name}"] = np.array([False] * (len(labels) - len(further)) + [n == name for n, _ in further])
    of, usual = rates(counted, groups), majority(task.test)
    accuracy = of.rate("test", unit="accuracy", seed=seed)
    must_be_learnt(accuracy, usual, task.name)
    other = [right(p, labels[: len(task.test)], task.labels) for p in _each(twin)]
    everything = {"test": np.ones(len(task.test), dtype=bool)}
    beyond = rates([a[at_test] - b for a, b in zip(counted, other, strict=True)], everything)
    values = {
        "accuracy where heuristics mislead": of.rate("mislead", unit="accuracy", seed=seed),
        "accuracy where heuristics are right": of.rate("right", unit="accuracy", seed=seed),
        "accuracy beyond the majority": of.estimate(lambda r: r - usual, "test", unit="accuracy", seed=seed),
        "accuracy beyond the random twin": beyond.rate("test", unit="accuracy", seed=seed),
        "accuracy on pairs like those of training": accuracy,
        "accuracy of the hypothesis alone": repeats.mean(alone.values, unit="accuracy"),
        "accuracy of the hypothesis alone beyond the majority": repeats.mean(alone.values - usual, unit="accuracy"),
    }
    for name in heuristics:
        for how in ("right", "misleads"):
            if f"{name} {how}" in of.groups:
                values[f"accuracy, {name} {how}"] = of.rate(f"{name} {how}", unit="accuracy", seed=seed)
    for name in of.groups:
        if name.startswith("further "):
            values[f"accuracy, {name.removeprefix('further ')}"] = of.rate(name, unit="accuracy", seed=seed)
    twins = rates(other, everything).rate("test", unit="accuracy", seed=seed)
    baselines = {"accuracy of the random twin on pairs like those of training": twins}
    return Finding(values, baselines, of.rows("accuracy", prefix="subcase "), _note(given, task, ours) + found.note)


def challenge(given: Corpus, seed: int) -> Iterator[Pair]:
    """The corpus's own pairs with label "heuristic", both sides of each; without such, templates of the grammar."""
    told = [
        Pair(*halves(s), ENTAILED if s.labels["label"] == ENTAILED else NOT, s.labels)
        for s in given
        if s.labels.get("heuristic")
    ]
    sides = {(p.labels["heuristic"], p.label) for p in told}
    both = {name for name, _ in sides if {(name, ENTAILED), (name, NOT)} <= sides}
    yield from (p for p in told if p.labels["heuristic"] in both) if both else templates(EACH, seed=seed)


def _further(given: Corpus) -> Iterator[tuple[str, Pair]]:
    """Revised pairs of test blocks with the originals of these, and pairs with a monotonicity, each with the name of its group."""
    revised = any("revised" in s.labels for s in given)
    for s, inside in zip(given, in_split(given.blocks, "test"), strict=True):
        label = ENTAILED if s.labels["label"] == ENTAILED else NOT
        pair = Pair(*halves(s), label, s.labels)
        if "monotonicity" in s.labels:
            yield f"{s.labels['monotonicity']} monotone, {'entailed' if label == ENTAILED else 'not entailed'}", pair
        elif revised and inside and "heuristic" not in s.labels:
            which = s.labels.get("revised")
            yield f"revised {which}" if which else "before revision", pair


def _hypotheses(task: Task) -> Task:
    """The task without its premises: what the annotation of hypotheses gives away (Gururangan et al. 2018; Poliak et al. 2018)."""
    less = lambda part: tuple(Example(e.texts[1:], e.label) for e in part)
    return replace(
        task,
        name=f"{task.name}, hypotheses alone",
        kind="sentence",
        train=less(task.train),
        dev=less(task.dev),
        test=less(task.test),
    )


def _note(given: Corpus, task: Task, ours: Sequence[Pair]) -> str:
    overlap = [e.label == ENTAILED for e in task.train if overlapping(*e.texts)]
    full = [overlapping(p.premise, p.hypothesis) for p in ours]
    made = "; half of the training pairs are entailed and overlap misleads in a tenth of the others by design, as is roughly so in MultiNLI"
    return (
        f"{len(ours)} pairs on heuristics, {np.mean(full):.0%} with full overlap. Of {len(overlap)} training pairs with full overlap "
        f"{np.mean(overlap) if overlap else 0:.0%} are entailed{made if given.name == 'grammar-inference' else ''}. Reading comprehension and argument "
        "reasoning, which the claim names too, are not tested. "
    )


def _each(answers: object) -> Sequence[np.ndarray]:
    return [answers] if isinstance(answers, np.ndarray) else list(answers)  # type: ignore[call-overload]
