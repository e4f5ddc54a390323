"""Models that score well still fail simple tests: minimum functionality, invariance and direction (CheckList: Ribeiro et al. 2020)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bertology.claims.directions.answers import Answers
from bertology.claims.directions.learners import learners, majority, must_be_learnt
from bertology.claims.directions.rates import Rates, rates, right
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.suites import Case, cases
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row

GOOD, FAILING = 0.9, 0.2
TOLERANCE = 0.1
"""By how much a probability may go the wrong way (Ribeiro et al. 2020, section 2)."""
FEWEST = 20
"""Cases that a suite must have."""


@claim(
    id="dir-03",
    section="7",
    says="Models that score well still fail simple tests of linguistic ability.",
    cites=("ribeiro-2020", "ettinger-2019"),
    method="""The encoder is fine-tuned on inference (entailed or not) and answers suites of tests: of minimum functionality (the answer is given),
    invariance (the answer must stay when a text is changed), direction (a probability must not go the wrong way by more than a tenth).
    The suite that fails most is chosen on every second case and its failure rate estimated on the others. Holds if it is above .2 by its
    interval, while the models score above .9 on their task and beyond the random twin tuned alike. Beside: failure rates of all suites, the
    twin's, and sensitivity: how far the probability is from the right answer, or moves. Not applicable to models that do not score well.""",
    expects={
        "failure rate of the worst suite": above(0.2),
        "task accuracy": above(0.9),
        "task accuracy beyond the random twin": above(0.0),
    },
    needs=("training", "inference", "suites"),
)
def simple_tests_fail(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    found = learners(encoder, corpora, seed)
    given = [*cases(corpora.suites)]
    asked = [c for c in given if len(c.texts) == 2 and (c.kind == "INV" or c.label in found.task.labels)]
    suites = [s for s in dict.fromkeys(c.suite for c in asked) if sum(c.suite == s for c in asked) >= FEWEST]
    if not suites:
        raise NotApplicable(
            f"no suite of {corpora.suites.name} has {FEWEST} cases of two texts with a label of {', '.join(found.task.labels)}"
        )
    asked = [c for c in asked if c.suite in suites]
    texts = tuple(t for c in asked for t in ((c.texts, c.changed) if c.changed else (c.texts,)))
    wish = (*found.test, *texts)
    own = yield from make(*(Answers(one, wish) for one in found.real))
    twin = yield from make(*(Answers(one, wish) for one in found.twin))
    n, labels = len(found.test), found.task.labels
    hits = lambda p: right(p[:n], (e.label for e in found.task.test), labels)

    everything = {"test": np.ones(n, dtype=bool)}
    accuracy = rates([hits(p) for p in own], everything)
    beyond = rates([hits(a) - hits(b) for a, b in zip(own, twin, strict=True)], everything)
    score = accuracy.rate("test", unit="accuracy", seed=seed)
    must_be_learnt(score, majority(found.task.test), found.task.name)
    if score.high < GOOD:
        raise NotApplicable(
            f"the tuned models score {score}, below {GOOD:g}: the claim is about models that score well"
        )
    failures, moved = zip(*(_judged(asked, p[n:], labels) for p in own), strict=True)
    other, other_moved = zip(*(_judged(asked, p[n:], labels) for p in twin), strict=True)
    of, worst = _by_suite(asked, suites, failures)
    twins, _ = _by_suite(asked, suites, other)
    values = {
        "failure rate of the worst suite": of.rate(f"estimated {worst}", unit="rate", seed=seed),
        "task accuracy": score,
        "task accuracy beyond the random twin": beyond.rate("test", unit="accuracy", seed=seed),
        **{f"failure rate, {s}": of.rate(s, unit="rate", seed=seed) for s in suites},
    }
    baselines = {
        "failure rate of the same suite, random twin": twins.rate(f"estimated {worst}", unit="rate", seed=seed),
        **{f"failure rate, {s}, random twin": twins.rate(s, unit="rate", seed=seed) for s in suites},
    }
    rows = [
        *_rows(of, suites, "failure rate"), *_rows(twins, suites, "failure rate, random twin"),
        *_rows(_by_suite(asked, suites, moved)[0], suites, "sensitivity"), *_rows(_by_suite(asked, suites, other_moved)[0], suites, "sensitivity, random twin"),
    ]  # fmt: skip
    note = (
        f"{len(asked)} of {len(given)} cases in {len(suites)} suites of {corpora.suites.name}; the worst, chosen on every second case: {worst}. "
        "Sensitivity is 1 − the probability of the right answer (MFT), the absolute change of probabilities (INV), the change in the wrong "
        f"direction (DIR; negative is the right one). One task, inference. {found.note}"
    )
    return Finding(values, baselines, rows, note)


def _judged(
    asked: Sequence[Case], probability: NDArray[np.float64], labels: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(case,): 1 for a failure, and the sensitivity. `probability` has a row for each text, a case's changed one after its own."""
    failed, moved, at = np.zeros(len(asked)), np.zeros(len(asked)), 0
    for k, case in enumerate(asked):
        before, after = probability[at], probability[at + bool(case.changed)]
        at += 1 + bool(case.changed)
        place = labels.index(case.label) if case.label in labels else -1
        if case.kind == "MFT":
            failed[k], moved[k] = before.argmax() != place, 1 - before[place]
        elif case.kind == "INV":
            failed[k], moved[k] = before.argmax() != after.argmax(), np.abs(after - before).sum() / 2
        else:
            moved[k] = (before[place] - after[place]) * (1 if case.direction == "up" else -1)
            failed[k] = moved[k] > TOLERANCE
    return failed, moved


def _by_suite(
    asked: Sequence[Case], suites: Sequence[str], counted: Sequence[NDArray[np.float64]]
) -> tuple[Rates, str]:
    """Rates of each suite, on all its cases and ("estimated ...") on those it is not chosen on; and the suite with the highest mean on the others."""
    of = np.array([c.suite for c in asked])
    number = np.zeros(len(asked), dtype=int)
    for s in suites:
        number[of == s] = np.arange((of == s).sum())
    groups = {s: of == s for s in suites} | {f"estimated {s}": (of == s) & (number % 2 == 1) for s in suites}
    mean = np.mean(counted, axis=0)
    return rates(counted, groups), max(suites, key=lambda s: mean[(of == s) & (number % 2 == 0)].mean())


def _rows(of: Rates, suites: Sequence[str], measure: str) -> list[Row]:
    return [row for row in of.rows(measure) if row.label in suites]
