"""Normalising the vector of [CLS] stabilises fine-tuning (Zhou et al. 2019)."""

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above, below
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.techniques import NormalisedCLS

SEEDS = tuple(range(15))
EXAMPLES = 120


@claim(
    id="reg-03",
    section="5.2",
    says="Normalising the vector of [CLS] stabilises fine-tuning.",
    cites=("zhou-2019",),
    method="""Fine-tuning with [CLS] centred and scaled by batch statistics before the head, and without, fifteen seeds each on half the usual examples.
    Holds if the standard deviation over seeds falls (F distribution) and the mean score does not fall by a point.""",
    expects={
        "spread over seeds, normalised over standard": below(1.0),
        "gain of normalising in mean score": above(-0.01),
    },
    needs=("training", "cls", "treebank"),
)
def normalised_cls_stabilises(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    task = fine_tuned.small(corpora, "number of the subject", examples=EXAMPLES)
    cells = [(encoder, task, recipe) for recipe in (fine_tuned.STANDARD, fine_tuned.using(NormalisedCLS()))]
    plain, normed = yield from fine_tuned.scored(cells, seed, seeds=SEEDS)
    values = {
        "spread over seeds, normalised over standard": repeats.spread_ratio(normed.values, plain.values),
        "gain of normalising in mean score": repeats.difference(normed.values, plain.values, unit="score"),
        "spread, standard": fine_tuned.spread(plain.values, unit="score"),
        "spread, normalised": fine_tuned.spread(normed.values, unit="score"),
    }
    rows = fine_tuned.rows("score", {"standard": plain.values, "normalised": normed.values})
    return Finding(values, rows=rows, note=fine_tuned.note(encoder, [task], fine_tuned.STANDARD, SEEDS))
