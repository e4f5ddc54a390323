"""Adversarial perturbation of embeddings makes fine-tuned models more robust (Zhu et al. 2020)."""

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.claims.training.attacks import attacked
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.techniques import FreeLB

STEPS = 2


@claim(
    id="ft-06",
    section="5.4",
    says="Adversarial perturbation of embeddings in fine-tuning makes the model more robust.",
    cites=("zhu-2019",),
    method="""FreeLB with two ascent steps against standard fine-tuning of twice as many passes, which cost the same. Scores on the test texts and
    on the same texts with swapped letters in three words of ten, mean of three tasks. Holds if FreeLB gains on the changed texts
    and loses less than half a point on the clean ones. Control: the swaps must cost standard fine-tuning something.""",
    published=(
        Published(78.3, "GLUE score, standard", "BERT-base", "GLUE", "zhu-2019", "memory"),
        Published(79.4, "GLUE score, FreeLB", "BERT-base", "GLUE", "zhu-2019", "memory"),
    ),
    expects={
        "gain on changed texts": above(0.0),
        "gain on clean texts": above(-0.005),
        "what the changes cost standard fine-tuning": above(0.0),
    },
    needs=("training", "segments", "treebank"),
)
def perturbation_makes_robust(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    long = fine_tuned.using(name="longer", epochs=STEPS * fine_tuned.STANDARD.epochs)
    found = yield from attacked(encoder, corpora, [long, fine_tuned.using(FreeLB(steps=STEPS))], seed)
    (clean, clean_free), (changed, changed_free) = found.clean.mean(1), found.changed.mean(1)
    return Finding(
        values={
            "gain on changed texts": repeats.difference(changed_free, changed, unit="score"),
            "gain on clean texts": repeats.difference(clean_free, clean, unit="score"),
            "what the changes cost standard fine-tuning": repeats.difference(clean, changed, unit="score"),
        },
        rows=found.rows(("standard", "FreeLB")),
        note=fine_tuned.note(encoder, found.tasks, fine_tuned.STANDARD, clean),
    )
