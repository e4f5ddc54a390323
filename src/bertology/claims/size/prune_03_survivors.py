"""The heads that survive pruning are not mainly those with a linguistic pattern (Prasanna et al. 2020)."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bertology.claims.registry import claim
from bertology.claims.size.tuned_heads import advantage, beyond_twin, heterogeneous, models, retention
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above, below
from bertology.record.result import Finding, Row
from bertology.stats import repeats


@claim(
    id="prune-03",
    section="6.3",
    says="The heads that survive pruning are not mainly those with a linguistic pattern.",
    cites=("prasanna-2020",),
    method="""Survivors as in spec-04: pruning by importance while nine tenths of the score are kept, in models tuned on the tense of sentences.
    Holds if the share of heterogeneous heads, which alone may follow language, is less than a tenth larger among survivors than among all
    heads, the order of importance beats random orders, and the tuned scores exceed those of the random twin tuned alike. How far
    the survivors of two seeds agree (Cohen's κ) is reported: the study finds them unstable.""",
    published=(
        Published(90.0, "score kept while pruning, %", "BERT-base", "GLUE", "prasanna-2020 (abstract)", "verified"),
        Published(0.015, "Pearson correlation of surviving and being heterogeneous, raw attention", "BERT-base", "GLUE", "prasanna-2020 (notes on the full text)", "verified"),
        Published(0.025, "Pearson correlation of surviving and being heterogeneous, norm-weighted attention", "BERT-base", "GLUE", "prasanna-2020 (notes on the full text)", "verified"),
    ),
    expects={
        "heterogeneous share of survivors − of all heads": below(0.1),
        "area by importance − area in random orders": above(0.0),
        "score beyond the random twin": above(0.0),
    },
    needs=("training", "treebank", "segments:segment", "attention", "head", "sep"),
)  # fmt: skip
def survivors_are_not_linguistic(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    marked = yield from heterogeneous(encoder, corpora)
    found = models(encoder, corpora, seed)
    curves = yield from retention(found, seed)
    beyond = yield from beyond_twin(found, seed)
    left = curves.survivors()
    shares = [float(marked[s].mean()) for s in left]
    values = {
        "heterogeneous share of survivors − of all heads": repeats.difference(shares, [marked.mean()] * len(shares), unit="share of heads"),
        "area by importance − area in random orders": advantage(curves, seed),
        "score beyond the random twin": beyond,
        "share of heads that survive": repeats.mean([s.mean() for s in left], unit="share of heads"),
    }  # fmt: skip
    agreement = [kappa(a, b) for a, b in combinations(left, 2)]
    rows = [Row("agreement of the survivors of two seeds, κ", k, n=marked.size, label=f"pair {i}") for i, k in enumerate(agreement)]  # fmt: skip
    rows += [
        Row("share of seeds in which the head survives", float(np.mean([s[layer, head] for s in left])), n=len(left), layer=layer + 1, head=head,
            label="heterogeneous" if marked[layer, head] else "other pattern")
        for layer in range(marked.shape[0]) for head in range(marked.shape[1])
    ]  # fmt: skip
    return Finding(values, rows=rows, note=f"Mean κ of two seeds: {np.mean(agreement):.2f}. {found.note}")


def kappa(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Cohen's κ of two markings of the same heads; 1 where both mark all or none."""
    chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
    return float(((a == b).mean() - chance) / (1 - chance)) if chance < 1 else 1.0
