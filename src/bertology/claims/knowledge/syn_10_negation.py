"""Predictions for a gap ignore negation (Ettinger 2020; Kassner & Schütze 2020)."""

import numpy as np

from bertology.behave import cloze
from bertology.behave.asks import Filling
from bertology.claims.registry import claim
from bertology.corpus.cloze import ClozeItem
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import Ability, Published, above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap

LICENSED = {"natural": "Y", "less natural": "N"}
"""Label "licensing" of NEG-136-NAT: whether a negation is what one would say there."""


@claim(
    id="syn-10",
    section="3.1",
    says="Cloze predictions ignore negation: the same completions stay preferred after 'not'.",
    cites=("ettinger-2019", "kassner-2020"),
    method="""Category statements with a gap at the end, affirmative and negated: "A robin is (not) a ...". Right is the item whose true
    completion (bird; after "not" another category) is likelier than the false one; in the embedded set each category is about as often
    true as false, and none is a kin of the true one. Ignored is negation when fewer than half of the negated statements are right though
    more than nine in ten of the affirmative ones are, which random weights do not reach. Beside it: how often the likeliest subword
    stays the same after "not". Statements whose negation somebody would say (label "licensing") are counted apart.""",
    published=(
        Published(0.0, "true completion preferred, negated SIMP items, %", "BERT-base", "NEG-136 SIMP", "ettinger-2019 (digest of the paper)", "verified", "true completion preferred, negated"),
        Published(0.0, "true completion preferred, negated SIMP items, %", "BERT-large", "NEG-136 SIMP", "ettinger-2019 (digest of the paper)", "verified", "true completion preferred, negated"),
        Published(100.0, "true completion preferred, affirmative SIMP items, %", "BERT-base", "NEG-136 SIMP", "ettinger-2019 (digest of the paper)", "verified", "true completion preferred, affirmative"),
        Published(100.0, "true completion preferred, affirmative SIMP items, %", "BERT-large", "NEG-136 SIMP", "ettinger-2019 (digest of the paper)", "verified", "true completion preferred, affirmative"),
        Published(100.0, "true completion preferred, natural negative items, %", "BERT-large", "NEG-136 NAT", "ettinger-2019 (digest of the paper)", "verified", "true completion preferred, natural negated"),
        Published(0.0, "true completion preferred, less natural negative items, %", "BERT-large", "NEG-136 NAT", "ettinger-2019 (digest of the paper)", "verified", "true completion preferred, less natural negated"),
    ),
    expects={"true completion preferred, negated": below(50.0), "true completion preferred, affirmative": above(90.0)},
    needs=("mlm", "mask", "cloze:NEG"),
    abilities=(
        Ability("negation", "true completion preferred, negated", chance=50.0),
        Ability("categories", "true completion preferred, affirmative", chance=50.0),
    ),
)  # fmt: skip
def negation_ignored(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    pairs, broken = cloze.negation_pairs(corpora.cloze)
    simple = [pair for pair in pairs if not pair[0].labels.get("licensing")]
    if not simple:
        raise NotApplicable("the cloze items hold no plain category statement with its negation (set NEG)")
    gaps = cloze.gaps(question for pair in pairs for item in pair for question in cloze.asked(item))
    filled = yield from make(Filling(encoder, gaps), Filling(encoder.randomised(seed), gaps))
    real, random = (cloze.Answers(encoder, gaps, one) for one in filled)
    percent = lambda values: bootstrap(
        lambda r: 100 * r, cloze.tally(values), unit="%", seed=seed, method="bootstrap over pairs"
    )
    right = {who: np.array([[_right(who, item) for item in pair] for pair in simple]) for who in (real, random)}
    kept = [_same_favourite(real, *pair) for pair in simple]
    values = {
        "true completion preferred, negated": percent(right[real][:, 1]),
        "true completion preferred, affirmative": percent(right[real][:, 0]),
        "same favourite after 'not'": percent(kept),
    }
    for name, licensing in LICENSED.items():
        if natural := [pair for pair in pairs if pair[0].labels.get("licensing") == licensing]:
            for k, polarity in enumerate(("affirmative", "negated")):
                scores = [_right(real, pair[k]) for pair in natural]
                values[f"true completion preferred, {name} {polarity}"] = percent(scores)
    baselines = {"random twin, negated": percent(right[random][:, 1])}
    rows = [
        Row("log-odds of the category", odds, label=f"{cloze.shared(*(i.context_with_mask for i in pair))}{cloze.SIDES}{side}")
        for pair in simple
        for side, odds in zip(("affirmative", "negated"), _odds(real, *pair), strict=True)
        if np.isfinite(odds)
    ]  # fmt: skip
    twin = percent(right[random][:, 0])
    rows += [
        Row("true completion preferred", e.value, e.low, e.high, e.n, label=f"{who}, {side}")
        for who, side, e in (
            ("encoder", "affirmative", values["true completion preferred, affirmative"]),
            ("encoder", "negated", values["true completion preferred, negated"]),
            ("random twin", "affirmative", twin),
            ("random twin", "negated", baselines["random twin, negated"]),
        )
        if e.n
    ]
    return Finding(values, baselines, rows, cloze.note(f"{len(simple)} pairs of statements.", broken, real))


def _right(who: cloze.Answers, item: ClozeItem) -> float:
    return who.prefers(*cloze.asked(item))


def _same_favourite(who: cloze.Answers, affirmative: ClozeItem, negated: ClozeItem) -> float:
    """1 if the likeliest subword is the same, both times with the article of the category; nan where there is none."""
    both = [who.favourite(c) for c in (cloze.contexts(affirmative)[0], cloze.contexts(negated)[1])]
    return float(both[0] == both[1]) if all(both) else np.nan


def _odds(who: cloze.Answers, affirmative: ClozeItem, negated: ClozeItem) -> tuple[float, float]:
    """Log-odds of the true category over the other one in both statements, in nats; nan where they cannot be compared."""
    category, other = cloze.asked(affirmative)
    other_negated, category_negated = cloze.asked(negated)
    if not (who.fair((category, other)) and who.fair((category_negated, other_negated))):
        return np.nan, np.nan
    return who.log(category) - who.log(other), who.log(category_negated) - who.log(other_negated)
