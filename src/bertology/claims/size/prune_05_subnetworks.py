"""Good subnetworks match the full model, random ones are worse, and even bad ones can be trained (Prasanna et al. 2020)."""

from bertology.claims.registry import claim
from bertology.claims.size.subnetworks import subnetworks
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above
from bertology.record.result import Finding
from bertology.stats import repeats


@claim(
    id="prune-05",
    section="6.3",
    says="Good subnetworks match the full model, random ones are worse, and even bad ones can be trained.",
    cites=("prasanna-2020",),
    method="""Half of the heads and half of the feed-forward neurons of the pre-trained encoder stay: the most important ones for a model tuned on
    the tense of sentences (slope of the loss at gates, training examples), as many at random, and the least important ones. Each is tuned
    again as the whole was. Holds if the good one loses less than two points on test, good beats random, random beats bad, and bad
    beats the majority class. The study keeps what 90 % of the score needs; its heads and whole feed-forward layers go, here neurons.""",
    expects={
        "good − random": above(0.0),
        "random − bad": above(0.0),
        "bad − majority class": above(0.0),
        "good − whole": above(-0.02),
    },
    needs=("training", "treebank", "head"),
)
def subnetworks_differ(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    found = yield from subnetworks(encoder, corpora, seed)
    good, random, bad = (found.arms[name] for name in ("good", "random", "bad"))
    values = {
        "good − random": repeats.difference(good, random, unit="score"),
        "random − bad": repeats.difference(random, bad, unit="score"),
        "bad − majority class": repeats.mean(bad - found.majority, unit="score"),
        "good − whole": repeats.difference(good, found.whole, unit="score"),
    }
    return Finding(values, rows=found.rows(), note=found.note)
