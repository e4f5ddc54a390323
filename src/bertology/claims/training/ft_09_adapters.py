"""Adapters come close to full fine-tuning (Houlsby et al. 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above, below
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.techniques import Adapters, FreezeBottom

NAMES = ("number of the subject", "tense", "parts of speech")
KEPT = 0.98


@claim(
    id="ft-09",
    section="5.4",
    says="Adapters come close to full fine-tuning with a small share of trained parameters.",
    cites=("houlsby-2019", "stickland-2019", "artetxe-2019"),
    method="""Adapters of a sixteenth of the width in a frozen encoder against full fine-tuning, the head alone and the top layer alone (which
    trains more parameters than the adapters do). Margin: full fine-tuning minus the head alone, mean of three tasks. Holds if the adapters
    keep .98 of it, if it is positive, and if they train less than a tenth of the parameters. Frozen encoders take a higher rate.""",
    published=(
        Published(26.0, "tasks tested", "BERT", "classification tasks and GLUE", "rogers-2020", "verified"),
        Published(0.4, "points of GLUE below full fine-tuning", "BERT-large", "GLUE", "houlsby-2019", "memory"),
        Published(3.6, "parameters added a task, %", "BERT-large", "GLUE", "houlsby-2019", "memory"),
        Published(
            7.0,
            "times fewer parameters with projected attention layers",
            "BERT-base",
            "GLUE",
            "stickland-2019",
            "memory",
        ),
    ),
    expects={
        "adapters − .98 of the margin of full fine-tuning": above(0.0),
        "margin of full fine-tuning over the head alone": above(0.0),
        "parameters that adapters train": below(0.1),
    },
    needs=("training", "treebank:upos"),
)
def adapters_come_close(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    tasks = [fine_tuned.small(corpora, name) for name in NAMES]
    arms = {
        "full": fine_tuned.STANDARD,
        "head alone": fine_tuned.FROZEN,
        "top layer alone": fine_tuned.using(FreezeBottom(encoder.n_layers - 1)),
        "adapters": fine_tuned.using(Adapters(max(1, encoder.width // 16)), rate=fine_tuned.FROZEN.rate),
    }
    found = yield from fine_tuned.scored([(encoder, t, recipe) for recipe in arms.values() for t in tasks], seed)
    full, head, top, adapted = np.array([s.values for s in found]).reshape(len(arms), len(tasks), -1).mean(1)
    trained = np.array([s.trained for s in found], dtype=float).reshape(len(arms), len(tasks)).mean(1)
    values = {
        "adapters − .98 of the margin of full fine-tuning": repeats.difference(adapted - head, KEPT * (full - head), unit="score"),
        "margin of full fine-tuning over the head alone": repeats.difference(full, head, unit="score"),
        "parameters that adapters train": fine_tuned.exactly(trained[3] / trained[0], "share"),
        "adapters − full fine-tuning": repeats.difference(adapted, full, unit="score"),
        "adapters − top layer alone": repeats.difference(adapted, top, unit="score"),
        "parameters that the top layer trains": fine_tuned.exactly(trained[2] / trained[0], "share"),
    }  # fmt: skip
    rows = fine_tuned.rows("score", {f"{t}: {arm}": found[k * len(tasks) + i].values
                                for i, t in enumerate(NAMES) for k, arm in enumerate(arms)})  # fmt: skip
    return Finding(values, rows=rows, note=fine_tuned.note(encoder, tasks, fine_tuned.STANDARD, full))
