"""Probes find the types of names they have seen rather than of entities (Tenney et al. 2019a; Broscheit 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.edge_readings import EdgeCurve, annotated
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import Tally, bootstrap

TASK = "entity types"
HELD_OUT = 1 / 3


def by_type(rates: np.ndarray) -> np.ndarray:
    """Mean over types of the share found, (draw, ..., type) to (draw, ...); types that are absent do not count."""
    with np.errstate(all="ignore"):
        there = np.isfinite(rates)
        return np.where(there, rates, 0).sum(-1) / there.sum(-1)


@claim(
    id="sem-05",
    section="3.2",
    says="Probes find entity types, but of seen names rather than of entities in general; entity linking adds knowledge.",
    cites=("tenney-2019a", "broscheit-2019"),
    method="""Edge probes for the type of a marked entity, learnt without a random third of the entity strings. The layer with the highest
    share of found entities, averaged over types, is chosen on dev; on test that share is compared between strings that training held and
    strings that it did not. Only types with both kinds of strings count. The drop must exceed ten points, and all strings together must
    be found better than in the random twin's best layer, since random vectors drop by themselves: names can be learnt by heart from
    them. Entity linking is not tested.""",
    expects={"drop from seen to unseen names": above(10.0), "gain over the random twin": above(0.0)},
    needs=("spans:entity",),
)  # fmt: skip
def seen_names(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    corpus = corpora.spans
    if TASK not in annotated(corpus):
        raise NotApplicable(f"{corpus.name} has too few typed entities")
    real, random = yield from together(
        measure(EdgeCurve(TASK, held_out=HELD_OUT), over=corpus),
        measure(EdgeCurve(TASK, held_out=HELD_OUT), over=corpus, twin=True),
    )
    (best,), (twin_best,) = (argmax(by_type(one.known.pooled(1).on("dev").rate()[None])[0]) for one in (real, random))
    test, twin = real.known.on("test")[best], random.known.on("test")[twin_best]
    both = np.flatnonzero((test.weight.sum(0) > 0).all(0))
    if not len(both):
        raise NotApplicable(f"no type of {corpus.name} has both seen and unseen names to test on")
    test, twin = test[:, both], twin[:, both]
    drop = lambda r: 100 * (by_type(r[:, 1]) - by_type(r[:, 0]))
    share = lambda r: 100 * by_type(r)
    whole = lambda tally: tally.pooled(0)
    values = {
        "drop from seen to unseen names": bootstrap(drop, test, unit="points", seed=seed),
        "gain over the random twin": bootstrap(
            lambda a, b: share(a) - share(b), whole(test), whole(twin), unit="points", seed=seed
        ),
        "seen names": bootstrap(share, test[1], unit="%", seed=seed),
        "unseen names": bootstrap(share, test[0], unit="%", seed=seed),
    }
    baselines = {"random twin's drop": bootstrap(drop, twin, unit="points", seed=seed)}
    labels = [real.labels[k] for k in both]
    rows = [
        Row("entities found", float(rate), n=round(float(n)), layer=layer, label=f"{label}, {kind} names, {who}")
        for who, layer, tally in (("encoder", best, test), ("random twin", twin_best, twin))
        for k, label in enumerate(labels)
        for kind, rate, n in zip(("unseen", "seen"), tally.rate()[:, k], _counts(tally)[:, k], strict=True)
    ]
    note = (
        f"Layer {best} was chosen on dev (twin: {twin_best}); {real.learnt:,} entities of {len(real.labels)} types to learn from. A string "
        "is the entity in lower case."
    )
    return Finding(values, baselines, rows, note)


def _counts(tally: Tally) -> np.ndarray:
    return tally.weight.sum(0)
