"""Reasoning over known facts fails untaught, though fragments of it can be taught (Talmor et al. 2019; Richardson et al. 2020)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bertology.claims.directions import learners as tuning
from bertology.claims.directions.answers import Answers, Taught
from bertology.claims.directions.learners import learners, majority, must_be_learnt
from bertology.claims.directions.rates import Rates, rates, right
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.grammar.reasoning import FRAGMENTS, reasoning
from bertology.corpus.inference import Pair
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import above, below
from bertology.record.result import Finding, Row
from bertology.train.task import Example, Task

TAUGHT = (40, 160, 640)
EPOCHS = 5
EACH = 60
"""Test pairs of each fragment."""


@claim(
    id="dir-04",
    section="7",
    says="Reasoning over known facts fails untaught, though fragments of it can be taught.",
    cites=("talmor-2019", "richardson-2020"),
    method="""The encoder is fine-tuned on inference, then asked to reason: negation, booleans, quantifiers, conditionals, comparatives, and what
    follows for a thing whose kind must be known. Every hypothesis is entailed as often as not. Then the same models are taught 40, 160 and
    640 such pairs (inoculation: Liu et al. 2019) and tested on other names, places, nouns and adjectives. Holds if accuracy is below .65 before
    and above .8 after, by the intervals, and ends higher than in the random twin tuned and taught alike. Beside: each fragment, and what is
    kept of the score on the first task. Not applicable when the first task was not learnt.""",
    expects={
        "accuracy untaught": below(0.65),
        "accuracy taught": above(0.8),
        "accuracy taught beyond the random twin": above(0.0),
    },
    needs=("training", "inference"),
)
def reasoning_is_taught(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    found = learners(encoder, corpora, seed)
    labels = found.task.labels
    asked = reasoning(EACH, half=1, seed=seed)
    texts = (*found.test, *((p.premise, p.hypothesis) for p in asked))
    before = yield from make(*(Answers(one, texts) for one in found.real))
    n = len(found.test)
    hits = lambda p: right(p, (*(e.label for e in found.task.test), *(a.label for a in asked)), labels)
    groups = {"first task": np.arange(len(texts)) < n, "reasoning": np.arange(len(texts)) >= n}
    of_fragment = np.array([""] * n + [p.labels["fragment"] for p in asked])
    groups |= {name: of_fragment == name for name in FRAGMENTS}
    untaught = rates([hits(p) for p in before], groups)
    first = untaught.rate("first task", unit="accuracy", seed=seed)
    must_be_learnt(first, majority(found.task.test), found.task.name)

    recipe = replace(tuning.RECIPE, name="teaching", epochs=EPOCHS)
    lessons = [_lessons(found.task, asked, number, seed) for number in found.numbers]
    curve: list[Rates] = [untaught]
    answers = before
    for size in TAUGHT:
        answers = yield from make(
            *(
                Taught(model, lesson.limited(size, model.seed), recipe, model.seed, texts)
                for model, lesson in zip(found.real, lessons, strict=True)
            )
        )
        curve.append(rates([hits(p) for p in answers], groups))
    other = yield from make(
        *(
            Taught(m, x.limited(TAUGHT[-1], m.seed), recipe, m.seed, texts)
            for m, x in zip(found.twin, lessons, strict=True)
        )
    )
    taught, twin = curve[-1], rates([hits(p) for p in other], groups)
    beyond = rates([hits(a) - hits(b) for a, b in zip(answers, other, strict=True)], groups)
    gain = rates([hits(a) - hits(b) for a, b in zip(answers, before, strict=True)], groups)
    values = {
        "accuracy untaught": untaught.rate("reasoning", unit="accuracy", seed=seed),
        "accuracy taught": taught.rate("reasoning", unit="accuracy", seed=seed),
        "accuracy taught beyond the random twin": beyond.rate("reasoning", unit="accuracy", seed=seed),
        "gain by teaching": gain.rate("reasoning", unit="accuracy", seed=seed),
        "score on the first task": first,
        "change of the score on the first task": gain.rate("first task", unit="accuracy", seed=seed),
    }
    for name in FRAGMENTS:
        values[f"accuracy untaught, {name}"] = untaught.rate(name, unit="accuracy", seed=seed)
        values[f"accuracy taught, {name}"] = taught.rate(name, unit="accuracy", seed=seed)
    baselines = {
        "accuracy taught, random twin": twin.rate("reasoning", unit="accuracy", seed=seed),
        "score on the first task after teaching, random twin": twin.rate("first task", unit="accuracy", seed=seed),
    }
    rows = [
        Row(f"accuracy, {row.label}", row.value, row.low, row.high, row.n, label=f"{size} pairs taught")
        for size, one in zip((0, *TAUGHT), curve, strict=True)
        for row in one.rows("accuracy")
    ]
    note = (
        f"{len(asked)} test pairs of {len(FRAGMENTS)} fragments, generated; teaching takes {EPOCHS} epochs of reasoning pairs alone, none of the first "
        f"task's, so what is forgotten is an upper bound. {found.note}"
    )
    return Finding(values, baselines, rows, note)


def _lessons(first: Task, asked: Sequence[Pair], number: int, seed: int) -> Task:
    """Reasoning pairs to teach, fragments mixed, with the head's labels; the test part is `asked`."""
    each = -(-(TAUGHT[-1] + tuning.DEV) // len(FRAGMENTS))
    pairs = reasoning(each, half=0, seed=1000 * seed + number)
    mixed = np.random.default_rng([number, 46]).permutation(len(pairs))
    examples = tuple(_example(pairs[k]) for k in mixed)
    dev, train = examples[: tuning.DEV], examples[tuning.DEV :]
    return Task("reasoning", "pair", first.labels, train, dev, tuple(map(_example, asked)))


def _example(pair: Pair) -> Example:
    return Example((pair.premise, pair.hypothesis), pair.label)
