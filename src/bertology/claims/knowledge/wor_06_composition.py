"""Properties and affordances are known, what follows from two of them is not (Forbes et al. 2019)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.behave import cloze
from bertology.behave.asks import Filling
from bertology.claims.registry import claim
from bertology.corpus.cloze import ClozeItem, of_set
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import BLOCKS
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap, of_items

FEWEST = 10
"""Composed facts both of whose single facts are known."""


class _Composed(NamedTuple):
    """Of each composed fact, whether it and the facts it follows from are answered correctly, (fact,) of 0, 1 or nan."""

    names: list[str]
    dimension: NDArray[np.str_]
    blocks: NDArray[np.int64]
    single: NDArray[np.float64]
    right: NDArray[np.float64]

    @property
    def after_known(self) -> NDArray[np.float64]:
        """(fact,): right where all single facts are, else nan."""
        return np.where((self.single == 1).all(1), self.right, np.nan)


@claim(
    id="wor-06",
    section="3.3",
    says="Properties and affordances of objects are known, their interaction is not.",
    cites=("forbes-2019",),
    method="""A single fact is a property or an affordance of a thing (a house is large, not small; a man can enter it, not carry it); a composed
    one follows from two of them (so a house is larger than a mouse, or than a man). A fact is right when its word is likelier than the
    opposite one, summed over templates; every word is true as often as it is false. Single facts must be answered above chance, and
    composed facts of which both single facts are right must be answered less often than the product of the two rates of single facts.
    Random weights answer half of the composed facts, twice that product. Intervals resample things.""",
    expects={
        "composed − product of the single facts": below(0.0),
        "single facts over chance": above(0.0),
    },
    needs=("mlm", "mask", "cloze:SINGLE", "cloze:COMPOSED"),
)  # fmt: skip
def facts_are_not_composed(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    single, composed = of_set(corpora.cloze, "SINGLE"), of_set(corpora.cloze, "COMPOSED")
    gaps = cloze.gaps(question for item in (*single, *composed) for question in cloze.asked(item))
    filled = yield from make(Filling(encoder, gaps), Filling(encoder.randomised(seed), gaps))
    answers, random = (cloze.Answers(encoder, gaps, one) for one in filled)
    own, twin = _composed(single, composed, answers), _composed(single, composed, random)
    known = int(np.isfinite(own.after_known).sum())
    if known < FEWEST:
        raise NotApplicable(f"both single facts are right of {known} composed facts; {FEWEST} are due")
    cells = lambda who: of_items(np.column_stack([who.after_known, who.single, who.right]), who.blocks)
    real, chance = cells(own), cells(twin)
    how = {"seed": seed, "method": "bootstrap over things"}
    percent = lambda k, tally: bootstrap(lambda r: 100 * r[..., k], tally, unit="%", **how)
    product = lambda r: 100 * r[..., 1] * r[..., 2]
    values = {
        "composed − product of the single facts": bootstrap(
            lambda r: 100 * r[..., 0] - product(r), real, unit="points", **how
        ),
        "single facts over chance": bootstrap(lambda r: 50 * (r[..., 1] + r[..., 2]) - 50, real, unit="points", **how),
        "composed, both single facts right": percent(0, real),
        "composed, all": percent(3, real),
        "product of the single facts": bootstrap(product, real, unit="%", **how),
    }
    baselines = {
        "composed − product, random twin": bootstrap(
            lambda r: 100 * r[..., 0] - product(r), chance, unit="points", **how
        ),
        "single facts over chance, random twin": bootstrap(
            lambda r: 50 * (r[..., 1] + r[..., 2]) - 50, chance, unit="points", **how
        ),
    }
    rows = []
    for name in dict.fromkeys(own.dimension.tolist()):
        some = own.dimension == name
        for measured, part in (
            ("composed, both single facts right", own.after_known[some]),
            ("single facts", own.single[some].ravel()),
        ):
            if np.isfinite(part).any():
                rows.append(Row(measured, 100 * float(np.nanmean(part)), n=int(np.isfinite(part).sum()), label=name))
    note = cloze.note(f"{len(own.names)} composed facts, of {known} of which both single facts are right.", {}, answers)
    return Finding(values, baselines, rows, note)


def _composed(single: tuple[ClozeItem, ...], composed: tuple[ClozeItem, ...], who: cloze.Answers) -> _Composed:
    facts, wholes = _right(single, who), _right(composed, who)
    first = {str(i.labels["fact"]): i for i in reversed(composed) if "fact" in i.labels}
    rows = []
    for name, right in wholes.items():
        needed = str(first[name].labels.get("from", "")).split("|")
        if len(needed) == 2 and all(fact in facts for fact in needed):
            rows.append((name, str(first[name].labels.get("dimension", "")), needed, right))
    things = list(dict.fromkeys(needed[0] for _, _, needed, _ in rows))
    blocks = np.array([things.index(needed[0]) % BLOCKS for _, _, needed, _ in rows], dtype=np.int64)
    answered = np.array([[facts[fact] for fact in needed] for _, _, needed, _ in rows]).reshape(len(rows), 2)
    dimensions = np.array([dimension for _, dimension, _, _ in rows], dtype=np.str_)
    return _Composed([r[0] for r in rows], dimensions, blocks, answered, np.array([r[3] for r in rows]))


def _right(items: tuple[ClozeItem, ...], who: cloze.Answers) -> dict[str, float]:
    """Each fact: 1 if its word is likelier than the other one, summed over templates, else 0; facts that cannot be compared are left out."""
    gains: dict[str, float] = {}
    for item in items:
        questions = cloze.asked(item)
        if "fact" in item.labels and len(questions) == 2 and who.comparable(questions):
            name = str(item.labels["fact"])
            gains[name] = gains.get(name, 0.0) + who.log(questions[0]) - who.log(questions[1])
    return {name: float(gain > cloze.TIE) for name, gain in gains.items()}
