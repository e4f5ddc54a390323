"""Role fillers are graded: right, related, unrelated (Ettinger 2020)."""

import numpy as np

from bertology.behave import cloze, malformed
from bertology.behave.asks import Filling
from bertology.claims.registry import claim
from bertology.corpus.cloze import ClozeItem, of_set
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import Ability, Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap

ELSEWHERE = 8
"""Contexts of other items in which a word's own likelihood is measured."""
RIGHT, RELATED = "right over related", "related over unrelated"


@claim(
    id="sem-01",
    section="3.2",
    says="Role fillers are ranked: the right one above a related wrong one, and that above an unrelated one.",
    cites=("ettinger-2019",),
    method="""A gap in place of a role filler ("The guest left a tip for the ...") with three words: the right one (waiter), a related one (cook), an
    unrelated one (sheep). Items of the set TRIPLE, or where there are none those of CPRAG (expected, of its category, of another category).
    Counted are the items in which each word is likelier than the next. In the embedded set every word is once right, once related and once
    unrelated. Control for words that are likely anywhere: the same counts after each word's mean log-probability in eight contexts
    of other items is taken off. All four shares must be above one half; random weights come to one half. Beside it, for role-reversal items,
    how often an expected word of a single subword is among the five likeliest.""",
    published=(
        Published(37.5, "highest accuracy on role-reversal items, %", "BERT-large", "ROLE-88", "ettinger-2019 (digest of the paper)", "verified", "expected verb among the first five"),
    ),
    expects={
        "right over related": above(50.0),
        "related over unrelated": above(50.0),
        "right over related, beyond the word": above(50.0),
        "related over unrelated, beyond the word": above(50.0),
    },
    needs=("mlm", "mask", "cloze"),
    abilities=(
        Ability("role fillers", "right over related", chance=50.0),
    ),
)  # fmt: skip
def fillers_are_ranked(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    name = "TRIPLE" if of_set(corpora.cloze, "TRIPLE") else "CPRAG"
    items = [item for item in of_set(corpora.cloze, name) if len(item.alternatives) == 2]
    if len(items) <= ELSEWHERE:
        raise NotApplicable(
            f"{len(items)} cloze items with a related and an unrelated word; more than {ELSEWHERE} are due"
        )
    roles = of_set(corpora.cloze, "ROLE")
    others = [malformed.elsewhere(items, k, ELSEWHERE, seed) for k in range(len(items))]
    questions = [q for item in items for q in cloze.asked(item)]
    questions += [
        (c, word) for item, there in zip(items, others, strict=True) for c in there for _, word in cloze.asked(item)
    ]
    questions += [
        (item.context_with_mask, word) for item in roles for word in cloze.single(encoder, cloze.expected(item))
    ]
    gaps = cloze.gaps(questions)
    filled = yield from make(Filling(encoder, gaps), Filling(encoder.randomised(seed), gaps))
    real, random = (cloze.Answers(encoder, gaps, one) for one in filled)
    percent = lambda values, method="bootstrap over items": bootstrap(
        lambda r: 100 * r, cloze.tally(values), unit="%", seed=seed, method=method
    )
    won = {who: np.array([_won(who, *one) for one in zip(items, others, strict=True)]) for who in (real, random)}
    names = [RIGHT, RELATED, f"{RIGHT}, beyond the word", f"{RELATED}, beyond the word"]
    values = {name: percent(won[real][:, k]) for k, name in enumerate(names)}
    broken = {}
    if roles:
        first = np.array(
            [real.first(item.context_with_mask, cloze.single(encoder, cloze.expected(item))) for item in roles]
        )
        values["expected verb among the first five"] = percent(first)
        if lost := int(np.isnan(first).sum()):
            broken["role-reversal items none of whose expected words is a single subword"] = lost
    baselines = {"random twin": percent(won[random][:, 0])}
    rows = []
    for k, measured in enumerate(names):
        for who, scores in (("encoder", won[real]), ("random twin", won[random])):
            e = percent(scores[:, k])
            rows.append(Row(f"order of fillers, {who}", e.value, e.low, e.high, e.n, label=measured))
    return Finding(values, baselines, rows, cloze.note(f"{len(items)} items of the set {name}.", broken, real))


def _won(who: cloze.Answers, item: ClozeItem, elsewhere: list[str]) -> tuple[float, float, float, float]:
    """1 or 0 for right over related and related over unrelated, plain and with each word's own likelihood taken off."""
    questions = cloze.asked(item)
    if not who.comparable(questions):
        return np.nan, np.nan, np.nan, np.nan
    plain = np.array([who.log(q) for q in questions])
    usual = np.array(
        [np.mean([who.log((c, word)) for c in elsewhere]) if elsewhere else np.nan for _, word in questions]
    )
    steps = [*-np.diff(plain), *-np.diff(plain - usual)]
    right, related, right_beyond, related_beyond = (
        float(step > cloze.TIE) if np.isfinite(step) else np.nan for step in steps
    )
    return right, related, right_beyond, related_beyond
