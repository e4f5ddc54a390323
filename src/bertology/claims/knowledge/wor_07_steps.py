"""The more steps an inference takes, the fewer are right (Zhou et al. 2020; Richardson & Sabharwal 2019)."""

import numpy as np

from bertology.behave import cloze
from bertology.behave.asks import Filling
from bertology.claims.registry import claim
from bertology.corpus.cloze import of_set
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import BLOCKS
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import Ability, above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap, of_items

FEWEST = 10
"""Subjects that have answers at two steps or more."""


@claim(
    id="wor-07",
    section="3.3",
    says="Accuracy falls with the number of inference steps.",
    cites=("zhou-2020", "richardson-2019"),
    method="""Chains of categories: a spaniel is a dog (one step), a beast, an animal, a creature (four). At each step the category is compared with
    that of another chain at the same step, and each is true as often as it is false, so that neither the step nor a preference for a word
    pays. Right is an item whose category is the likelier one; templates of an item are averaged. The slope of accuracy over steps is
    taken within subjects, so that chains of other lengths are not compared, and must be negative; at one step accuracy must be above
    chance (50 %), or there is nothing to fall. Intervals resample subjects.""",
    expects={"slope over steps": below(0.0), "one step, over chance": above(0.0)},
    needs=("mlm", "mask", "cloze:CHAIN"),
    abilities=(
        Ability("inference, one step", "accuracy, 1 step", chance=50.0),
    ),
)  # fmt: skip
def accuracy_falls_with_steps(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    items = [i for i in of_set(corpora.cloze, "CHAIN") if {"subject", "steps"} <= i.labels.keys() and i.alternatives]
    gaps = cloze.gaps(question for item in items for question in cloze.asked(item))
    filled = yield from make(Filling(encoder, gaps), Filling(encoder.randomised(seed), gaps))
    real, random = (cloze.Answers(encoder, gaps, one) for one in filled)
    subjects = list(dict.fromkeys(str(i.labels["subject"]) for i in items))
    steps = sorted({int(i.labels["steps"]) for i in items})
    where = [(subjects.index(str(i.labels["subject"])), steps.index(int(i.labels["steps"]))) for i in items]

    def table(who: cloze.Answers) -> np.ndarray:
        """(subject, step): accuracy over templates."""
        right, weight = np.zeros((2, len(subjects), len(steps)))
        for place, item in zip(where, items, strict=True):
            value = who.prefers(*cloze.asked(item))
            right[place] += np.nan_to_num(value)
            weight[place] += np.isfinite(value)
        return np.where(weight > 0, right / np.maximum(weight, 1), np.nan)

    own, twin = table(real), table(random)
    enough = int((np.isfinite(own).sum(1) > 1).sum())
    if enough < FEWEST:
        raise NotApplicable(f"{enough} subjects of the set 'CHAIN' have answers at two steps or more; {FEWEST} are due")
    number = np.array(steps, dtype=np.float64)
    how = {"seed": seed, "method": "bootstrap over subjects"}
    slope = lambda cells: bootstrap(lambda r: 100 * r, _slope(cells, number), unit="points a step", **how)
    blocks = np.arange(len(subjects)) % BLOCKS
    accuracy = of_items(own, blocks)
    values = {
        "slope over steps": slope(own),
        "one step, over chance": bootstrap(lambda r: 100 * r - 50, accuracy[0], unit="points", **how),
    }
    values |= {
        f"accuracy, {step} step{'s' * (step > 1)}": bootstrap(lambda r: 100 * r, accuracy[k], unit="%", **how)
        for k, step in enumerate(steps)
    }
    baselines = {"slope over steps, random twin": slope(twin)}
    rows = [
        Row("accuracy", e.value, e.low, e.high, e.n, label=name.removeprefix("accuracy, "))
        for name, e in values.items()
        if name.startswith("accuracy")
    ]
    note = cloze.note(f"{len(subjects)} subjects, {enough} with two steps or more.", {}, real)
    return Finding(values, baselines, rows, note)


def _slope(cells: np.ndarray, steps: np.ndarray) -> Tally:
    """Accuracy per step by least squares within subjects: a rate whose weight is the variation of the steps."""
    there = np.isfinite(cells)
    count = np.maximum(there.sum(1, keepdims=True), 1)
    x = np.where(there, steps - (there * steps).sum(1, keepdims=True) / count, 0.0)
    y = np.where(there, np.nan_to_num(cells) - np.nansum(cells, axis=1, keepdims=True) / count, 0.0)
    total, weight = np.zeros(BLOCKS), np.zeros(BLOCKS)
    block = np.arange(len(cells)) % BLOCKS
    np.add.at(total, block, (x * y).sum(1))
    np.add.at(weight, block, (x * x).sum(1))
    return Tally(total, weight)
