"""Inference and knowledge of events are weak where knowledge of categories is strong (Ettinger 2020)."""

import numpy as np

from bertology.behave import cloze
from bertology.behave.asks import Filling
from bertology.claims.registry import claim
from bertology.corpus.cloze import of_set
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap


@claim(
    id="wor-01",
    section="3.3",
    says="Pragmatic inference and role-based event knowledge are weak while category knowledge is strong.",
    cites=("ettinger-2019",),
    method="""Sensitive is an item whose good completion is likelier than every bad one by more than .01 of probability. Pragmatic inference:
    the word that two sentences lead to, against one of its category and one of another. Role reversal: one and the same verb in "which
    customer the waiter had ..." and in "which waiter the customer had ...". Categories: the category of "A robin is a ...", against
    another one. The first two must stay below six in ten though the third is above nine in ten by the same threshold, which no random
    network reaches. Beside it, the plain preferences without a threshold (chance: one in three for inference, else one half).""",
    expects={
        "pragmatic inference, by .01": below(60.0),
        "role reversal, by .01": below(60.0),
        "categories, by .01": above(90.0),
    },
    needs=("mlm", "mask", "cloze:CPRAG", "cloze:ROLE", "cloze:NEG"),
)
def inference_and_roles_are_weak(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    roles, broken = cloze.role_pairs(corpora.cloze)
    statements, broken_too = cloze.negation_pairs(corpora.cloze)
    questions = {
        "pragmatic inference": [cloze.asked(i) for i in of_set(corpora.cloze, "CPRAG") if i.alternatives],
        "role reversal": [(cloze.asked(good)[0], cloze.asked(bad)[0]) for good, bad in roles],
        "categories": [cloze.asked(affirmative) for affirmative, _ in statements],
    }
    for name, part in questions.items():
        if not part:
            raise NotApplicable(f"the cloze items hold no usable item for {name}")
    gaps = cloze.gaps(question for part in questions.values() for item in part for question in item)
    filled = yield from make(Filling(encoder, gaps), Filling(encoder.randomised(seed), gaps))
    real, random = (cloze.Answers(encoder, gaps, one) for one in filled)

    def percent(who: cloze.Answers, name: str, margin: float = 0.0):  # type: ignore[no-untyped-def]
        scores = cloze.tally([who.prefers(*item, margin=margin) for item in questions[name]])
        return bootstrap(lambda r: 100 * r, scores, unit="%", seed=seed, method="bootstrap over items")

    values = {f"{name}, by .01": percent(real, name, cloze.MARGIN) for name in questions}
    note = cloze.note(
        f"{', '.join(f'{len(part)} {name}' for name, part in questions.items())}.", {**broken, **broken_too}, real
    )
    values |= {f"{name}, preferred": percent(real, name) for name in questions}
    baselines = {"random twin": percent(random, "pragmatic inference", cloze.MARGIN)}
    rows = [
        Row("log-probability of the verb", real.log(question), label=f"{_named(*pair)}{cloze.SIDES}{side}")
        for pair in questions["role reversal"]
        for side, question in zip(("fitting", "reversed"), pair, strict=True)
        if np.isfinite([real.log(q) for q in pair]).all()
    ]
    for name in questions:
        for measured, e in (
            ("sensitive by .01", values[f"{name}, by .01"]),
            ("preferred", values[f"{name}, preferred"]),
        ):
            rows.append(Row(measured, e.value, e.low, e.high, e.n, label=name))
        twin = percent(random, name)
        rows.append(Row("preferred", twin.value, twin.low, twin.high, twin.n, label=f"{name}, random twin"))
    return Finding(values, baselines, rows, note)


def _named(good: cloze.Asked, bad: cloze.Asked) -> str:
    """What differs between the fitting context and the reversed one, with the verb."""
    common = cloze.shared(good[0], bad[0])
    return f"{good[0].removeprefix(common).partition('[MASK]')[0].strip().removesuffix(' had')} … {good[1]}"
