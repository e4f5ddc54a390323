"""Smoothness regularisation with a proximal step improves fine-tuning (Jiang et al. 2020)."""

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.claims.training.attacks import attacked
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above, below
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.techniques import SMART

COST = 3
"""What a step of SMART costs in standard steps: two more passes forward and backward."""
SEEDS = tuple(range(8))


@claim(
    id="ft-07",
    section="5.4",
    says="Smoothness regularisation with a proximal step improves fine-tuning.",
    cites=("jiang-2019a",),
    method="""SMART against standard fine-tuning of three times as many passes, which cost the same; eight seeds, scores on clean test texts
    and on the same texts with swapped letters in three words of ten, mean of three tasks. Holds if SMART gains on the changed texts, loses less than half
    a point on the clean ones, and its standard deviation over seeds is less than 1.5 times the standard one's.""",
    published=(
        Published(84.5, "accuracy, %, standard", "BERT-base", "MNLI", "jiang-2019a", "memory"),
        Published(85.6, "accuracy, %, SMART", "BERT-base", "MNLI", "jiang-2019a", "memory"),
    ),
    expects={
        "gain on changed texts": above(0.0),
        "gain on clean texts": above(-0.005),
        "spread over seeds, SMART over standard": below(1.5),
    },
    needs=("training", "segments", "treebank"),
)
def smoothness_improves(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    long = fine_tuned.using(name="longer", epochs=COST * fine_tuned.STANDARD.epochs)
    found = yield from attacked(encoder, corpora, [long, fine_tuned.using(SMART())], seed, seeds=SEEDS)
    (clean, clean_smart), (changed, changed_smart) = found.clean.mean(1), found.changed.mean(1)
    return Finding(
        values={
            "gain on changed texts": repeats.difference(changed_smart, changed, unit="score"),
            "gain on clean texts": repeats.difference(clean_smart, clean, unit="score"),
            "spread over seeds, SMART over standard": repeats.spread_ratio(clean_smart, clean),
        },
        rows=found.rows(("standard", "SMART")),
        note=fine_tuned.note(encoder, found.tasks, fine_tuned.STANDARD, clean),
    )
