"""The heads that matter most are not the interpretable ones (Prasanna et al. 2020)."""

import math

import numpy as np
from numpy.typing import NDArray

from bertology.claims.registry import claim
from bertology.claims.size.tuned_heads import advantage, beyond_twin, heterogeneous, models, retention
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above, between
from bertology.record.result import Finding, Row
from bertology.stats import repeats


@claim(
    id="spec-04",
    section="4.2.2",
    says="The heads that matter most are not the interpretable ones.",
    cites=("prasanna-2020", "kovaleva-2019"),
    method="""Heads of models tuned on the tense of sentences are silenced by importance, a tenth at a time, while nine tenths of the score on
    examples of dev blocks are kept; those left are the survivors. A head may be interpretable where most of its maps are heterogeneous (the
    rule of head-01, before tuning), for other patterns are positions and special tokens. Holds if the log odds ratio of the two lies within a
    factor of two of none, the order of importance beats random orders, and the tuned scores exceed those of the random twin.
    Interval over seeds; the heads are all there are. The study also weighs attention by norms.""",
    published=(
        Published(0.015, "Pearson correlation of surviving and being heterogeneous, raw attention", "BERT-base", "GLUE", "prasanna-2020 (notes on the full text)", "verified", "correlation of surviving and being heterogeneous"),
        Published(0.025, "Pearson correlation of surviving and being heterogeneous, norm-weighted attention", "BERT-base", "GLUE", "prasanna-2020 (notes on the full text)", "verified"),
    ),
    expects={
        "log odds ratio of surviving and being heterogeneous": between(-0.6931471805599453, 0.6931471805599453),
        "area by importance − area in random orders": above(0.0),
        "score beyond the random twin": above(0.0),
    },
    needs=("training", "treebank", "segments:segment", "attention", "head", "sep"),
)  # fmt: skip
def important_heads_are_not_interpretable(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    marked = yield from heterogeneous(encoder, corpora)
    found = models(encoder, corpora, seed)
    curves = yield from retention(found, seed)
    beyond = yield from beyond_twin(found, seed)
    left = curves.survivors()
    values = {
        "log odds ratio of surviving and being heterogeneous": repeats.mean([log_odds(s, marked) for s in left], unit="nats"),
        "area by importance − area in random orders": advantage(curves, seed),
        "score beyond the random twin": beyond,
        "correlation of surviving and being heterogeneous": repeats.mean([phi(s, marked) for s in left], unit="correlation"),
    }  # fmt: skip
    rows = [
        Row("share of heads", float(np.mean([(s == a)[marked == b].mean() for s in left])), n=len(left), label=f"{'survive' if a else 'go'}, {name}")
        for b, name in ((True, "heterogeneous"), (False, "other patterns")) for a in (True, False)
    ]  # fmt: skip
    told = f"{int(marked.sum())} of {marked.size} heads are heterogeneous; {np.mean([s.sum() for s in left]):.1f} survive on average."
    return Finding(values, rows=rows, note=f"{told} {found.note}")


def log_odds(survive: NDArray[np.bool_], marked: NDArray[np.bool_]) -> float:
    """Log odds ratio of a 2 × 2 table, a half added to each cell (Haldane)."""
    cell = lambda a, b: float(((survive == a) & (marked == b)).sum()) + 0.5
    return math.log(cell(True, True) * cell(False, False) / (cell(True, False) * cell(False, True)))


def phi(survive: NDArray[np.bool_], marked: NDArray[np.bool_]) -> float:
    """Pearson's correlation of two marks; 0 where one does not vary."""
    if survive.all() or not survive.any():
        return 0.0
    return float(np.corrcoef(survive.ravel(), marked.ravel())[0, 1])
