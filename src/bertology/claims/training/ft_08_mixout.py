"""Mixout stabilises fine-tuning on small data (Lee et al. 2020)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above, below
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.techniques import Mixout

SEEDS = tuple(range(20))
EXAMPLES = 120
MARGIN = 0.02
"""A run has failed that is not this much better than the majority class."""


@claim(
    id="ft-08",
    section="5.4",
    says="Mixing pre-trained weights back in at random stabilises fine-tuning on small data.",
    cites=("lee-2019",),
    method="""Standard fine-tuning and fine-tuning with mixout (p = .9) on half the usual examples of one task, twenty seeds each. Holds if the
    standard deviation over seeds falls (F distribution) and the mean score does not fall by a point: runs that all fail have no
    spread. Reported beside it: the share of failed runs, those less than two points above the majority class.""",
    expects={
        "spread over seeds, mixout over standard": below(1.0),
        "gain of mixout in mean score": above(-0.01),
    },
    needs=("training", "treebank"),
)
def mixout_stabilises(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    task = fine_tuned.small(corpora, "number of the subject", examples=EXAMPLES)
    cells = [(encoder, task, recipe) for recipe in (fine_tuned.STANDARD, fine_tuned.using(Mixout(0.9)))]
    plain, mixed = yield from fine_tuned.scored(cells, seed, seeds=SEEDS)
    failed = [(np.asarray(s.values) < s.majority + MARGIN).astype(float) for s in (plain, mixed)]
    values = {
        "spread over seeds, mixout over standard": repeats.spread_ratio(mixed.values, plain.values),
        "gain of mixout in mean score": repeats.difference(mixed.values, plain.values, unit="score"),
        "failed runs, mixout − standard": repeats.difference(failed[1], failed[0], unit="share"),
        "spread, standard": fine_tuned.spread(plain.values, unit="score"),
        "spread, mixout": fine_tuned.spread(mixed.values, unit="score"),
    }
    rows = fine_tuned.rows("score", {"standard": plain.values, "mixout": mixed.values})
    return Finding(values, rows=rows, note=fine_tuned.note(encoder, [task], fine_tuned.STANDARD, SEEDS))
