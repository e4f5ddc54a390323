"""One head finds antecedents about as well as rules do (Clark et al. 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.antecedents import RULES, AntecedentAttention, Antecedents
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import Tally, bootstrap

FEWEST = 40  # anaphors to estimate on


@claim(
    id="head-07",
    section="4.2.1",
    says="One head finds antecedents about as well as a rule-based system.",
    cites=("clark-2019",),
    method="""A head is right when an anaphor's most attended word is one of its antecedents. The best head is chosen
    on train blocks and scored on the rest, which anaphors are rare enough to need. It must beat the rule "closest
    mention before of the same form, else of the same number and gender, else the closest" and the random twin's best
    head.""",
    published=(
        Published(
            0.65,
            "antecedent accuracy of head 5-4, all mentions",
            "BERT-base",
            "CoNLL-2012",
            "Clark et al. 2019",
            "verified",
            "best head",
        ),
        Published(
            0.64,
            "antecedent accuracy of head 5-4, pronouns",
            "BERT-base",
            "CoNLL-2012",
            "Clark et al. 2019",
            "verified",
            "best head, pronoun",
        ),
        Published(
            0.73,
            "antecedent accuracy of head 5-4, proper names",
            "BERT-base",
            "CoNLL-2012",
            "Clark et al. 2019",
            "verified",
            "best head, proper",
        ),
        Published(
            0.58,
            "antecedent accuracy of head 5-4, nominals",
            "BERT-base",
            "CoNLL-2012",
            "Clark et al. 2019",
            "verified",
            "best head, nominal",
        ),
        Published(
            0.69,
            "antecedent accuracy of the rule-based system",
            "rule sieve",
            "CoNLL-2012",
            "Clark et al. 2019",
            "verified",
        ),
        Published(
            0.52,
            "antecedent accuracy of head matching",
            "head match",
            "CoNLL-2012",
            "Clark et al. 2019",
            "verified",
            "matching mention",
        ),
        Published(
            0.27,
            "antecedent accuracy of the nearest mention",
            "nearest mention",
            "CoNLL-2012",
            "Clark et al. 2019",
            "verified",
            "nearest mention",
        ),
        Published(
            0.83,
            "antecedent accuracy of a neural system",
            "neural coreference",
            "CoNLL-2012",
            "Clark et al. 2019",
            "verified",
        ),
    ),
    expects={"gain over the matching mention": above(0.0), "gain over the random twin": above(0.0)},
    needs=("attention", "coref:coref"),
)
def a_head_finds_antecedents(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    real, random = yield from together(
        measure(AntecedentAttention(), over=corpora.coref),
        measure(AntecedentAttention(), over=corpora.coref, twin=True),
    )
    hits, chosen = _chosen(real)
    rules = real.rules.pooled(0).on("dev+test")
    if hits.n < FEWEST:
        raise NotApplicable(f"{hits.n} anaphors to estimate on in {corpora.coref.name}, {FEWEST} are due")
    twin, _ = _chosen(random)
    gap = lambda a, b: a - b
    unit = "accuracy"
    values = {
        "gain over the matching mention": bootstrap(
            gap, hits, rules[RULES.index("matching mention")], unit=unit, seed=seed
        ),
        "gain over the random twin": bootstrap(gap, hits, twin, unit=unit, seed=seed),
        "best head": hits.estimate(unit=unit, seed=seed),
    } | {name: rules[k].estimate(unit=unit, seed=seed) for k, name in enumerate(RULES)}
    rows = []
    for i, kind in enumerate(real.kinds):
        of_kind = real.hits[(i, *chosen)].on("dev+test")
        if of_kind.n:
            values[f"best head, {kind}"] = e = of_kind.estimate(unit=unit, seed=seed)
            rows.append(Row("best head's accuracy", e.value, e.low, e.high, e.n, label=kind))
    overall = real.hits.pooled(0).on("dev+test")
    rows += [
        Row("antecedent accuracy", rate, n=overall.n, layer=layer + 1, head=head)
        for (layer, head), rate in np.ndenumerate(overall.rate())
    ]
    baselines = {name: values[name] for name in RULES} | {
        "random twin's best head": twin.estimate(unit=unit, seed=seed)
    }
    note = (
        f"best head: layer {chosen[0] + 1} · head {chosen[1]}. Antecedents are sought within a sentence, among words; "
        "the corpus is not CoNLL-2012."
    )
    return Finding(values, baselines, rows, note)


def _chosen(found: Antecedents) -> tuple[Tally, tuple[int, ...]]:
    """The held-out hits of the head that is best on train blocks, over all kinds, and which head it is."""
    hits = found.hits.pooled(0)
    train = hits.on("train")
    if not train.n:
        raise NotApplicable("no anaphor in the train blocks")
    best = argmax(train.rate())
    return hits[best].on("dev+test"), best
