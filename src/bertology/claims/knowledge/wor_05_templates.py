"""Which template is asked decides how many facts are recalled (Bouraoui et al. 2019; Jiang et al. 2019)."""

import numpy as np

from bertology.behave import facts as recall
from bertology.claims.registry import claim
from bertology.corpus.cloze import of_set
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import above
from bertology.record.estimate import Estimate
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap

TEMPLATES = 5
SHUFFLES = 400


@claim(
    id="wor-05",
    section="3.3",
    says="Recall of facts depends on the template; mined or paraphrased templates recall more.",
    cites=("bouraoui-2019", "jiang-2019b"),
    method="""Relations with at least five templates; precision at 1 among the whole vocabulary for objects of one subword, averaged over relations.
    The spread of a relation is the precision of its best template minus that of its worst; noise makes one, too, which is measured by
    shuffling the templates of each fact, and the spread must exceed 97.5 % of what shuffles leave. The best template chosen on half of a
    relation's facts must beat the mean over all templates on the other half, and by more than it does when the subject is masked: a template
    that merely calls for the commonest object recalls nothing. Both ways; intervals of the gains resample facts.""",
    expects={
        "spread beyond that of shuffled templates": above(0.0),
        "best template's gain on held-out facts": above(0.0),
        "gain beyond that without a subject": above(0.0),
    },
    needs=("mlm", "mask", "cloze:FACT"),
)  # fmt: skip
def templates_matter(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    facts = recall.gather(encoder, of_set(corpora.cloze, "FACT"), templates=TEMPLATES)
    twin = encoder.randomised(seed)
    asked = recall.questions(facts)
    wishes = (recall.filling(encoder, asked), recall.filling_hidden(encoder, facts), recall.filling(twin, asked))
    found = yield from make(*wishes)
    own, blind, random = (
        recall.right(facts, recall.answers(who, wish, one))
        for who, wish, one in zip((encoder, encoder, twin), wishes, found, strict=True)
    )
    half = recall.halves(facts, seed)
    best, worst = recall.chosen(facts, own, half), recall.chosen(facts, own, half, np.argmin)
    table = np.stack(
        [
            recall.at(own, best),
            recall.at(own, worst),
            _mean(own),
            own[:, 0],
            recall.at(blind, best),
            _mean(blind),
            recall.at(random, recall.chosen(facts, random, half)),
            recall.at(random, recall.chosen(facts, random, half, np.argmin)),
        ]
    )
    tallies = [recall.by_relation(facts, values) for values in table]
    how = {"seed": seed, "unit": "points", "method": f"mean over {len(facts.names)} relations; bootstrap over facts"}

    def gap(*places: int) -> Estimate:
        signs = (1, -1, -1, 1)[: len(places)]
        return bootstrap(
            lambda *rates: 100 * sum(sign * recall.macro(r) for sign, r in zip(signs, rates, strict=True)),
            *[tallies[k] for k in places],
            **how,
        )

    percent = lambda k: bootstrap(lambda r: 100 * recall.macro(r), tallies[k], **{**how, "unit": "%"})
    rng = np.random.default_rng([seed, 35])
    spread, shuffled = _spread(facts, own), [_spread(facts, _shuffled(own, rng)) for _ in range(SHUFFLES)]
    low, high = np.percentile(shuffled, [2.5, 97.5])
    value, least, most = (100 * (spread - at) for at in (float(np.mean(shuffled)), high, low))
    values = {
        "spread beyond that of shuffled templates": Estimate(
            value, least, most, len(own), "points", f"{SHUFFLES} shuffles"
        ),
        "best template's gain on held-out facts": gap(0, 2),
        "gain beyond that without a subject": gap(0, 2, 4, 5),
        "gain over the first template": gap(0, 3),
        "best − worst template on held-out facts": gap(0, 1),
        "precision at 1, best template": percent(0),
        "precision at 1, mean over templates": percent(2),
    }
    baselines = {"best − worst template on held-out facts, random twin": gap(6, 7)}
    rows = [
        Row("precision at 1", 100 * float(np.nanmean(column)), n=int(np.isfinite(column).sum()), label=f"{name}, template {t}")
        for r, name in enumerate(facts.names)
        for t, column in enumerate(own[facts.relation == r].T)
        if np.isfinite(column).any()
    ]  # fmt: skip
    note = (
        f"{len(own)} facts of {len(facts.names)} relations. Spread {100 * spread:.1f} points.{recall.left_out(facts)}"
    )
    return Finding(values, baselines, rows, note)


def _mean(table: np.ndarray) -> np.ndarray:
    """(fact,): over the templates that it can be read under."""
    there = np.isfinite(table).sum(1)
    return np.where(there > 0, np.nansum(table, axis=1) / np.maximum(there, 1), np.nan)


def _spread(facts: recall.Facts, table: np.ndarray) -> float:
    """Largest minus smallest precision over a relation's templates, averaged over relations; biased upwards by noise."""
    spreads = []
    for r in range(len(facts.names)):
        own = table[facts.relation == r]
        rates = [column[np.isfinite(column)].mean() for column in own.T if np.isfinite(column).any()]
        spreads.append(max(rates) - min(rates) if rates else 0.0)
    return float(np.mean(spreads))


def _shuffled(table: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each fact's values handed out anew among its templates."""
    found = table.copy()
    for row in found:
        there = np.flatnonzero(np.isfinite(row))
        row[there] = row[rng.permutation(there)]
    return found
