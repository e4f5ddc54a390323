"""Most pre-trained weights are useful: even the worst subnetworks can be fine-tuned well (Prasanna et al. 2020)."""

from bertology.claims.registry import claim
from bertology.claims.size.subnetworks import subnetworks
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above
from bertology.record.result import Finding
from bertology.stats import repeats


@claim(
    id="pre-12",
    section="5.3",
    says="Most pre-trained weights are useful: even the worst subnetworks can be fine-tuned well.",
    cites=("prasanna-2020",),
    method="""The bad subnetworks of prune-05: the half of the heads and of the feed-forward neurons that matters least to a tuned model, tuned
    again from their pre-trained weights. Holds if they beat subnetworks of the same shape with random weights, and keep more than four
    fifths of what the whole scores above the majority class.""",
    expects={
        "bad, pre-trained − random weights": above(0.0),
        "kept of the score above the majority class": above(0.8),
    },
    needs=("training", "treebank", "head"),
)
def bad_subnetworks_are_useful(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    found = yield from subnetworks(encoder, corpora, seed)
    bad, random = found.arms["bad"], found.arms["bad, random weights"]
    margin = (found.whole - found.majority).clip(min=0.01)
    values = {
        "bad, pre-trained − random weights": repeats.difference(bad, random, unit="score"),
        "kept of the score above the majority class": repeats.mean((bad - found.majority) / margin, unit="share"),
    }
    return Finding(values, rows=found.rows(), note=found.note)
