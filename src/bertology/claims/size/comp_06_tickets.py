"""Pre-trained encoders contain subnetworks that train to full accuracy in isolation (Chen et al. 2020)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.size import smaller
from bertology.claims.training import fine_tuned
from bertology.compress.compared import Found, Tickets
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import Published, above
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.artefacts import Scoring

SPARSITY = 0.5
ROUNDS = 2
SEEDS = fine_tuned.SEEDS


@claim(
    id="comp-06",
    section="6.2",
    says="Pre-trained encoders contain subnetworks that train to full accuracy in isolation.",
    cites=("chen-2020", "prasanna-2020"),
    method="""Half the weights of the layers' matrices go in two rounds of iterative magnitude pruning with rewinding to the pre-trained weights, on two tasks;
    what stays is tuned alone. Against it: random masks as dense in each matrix, the ticket's masks on fresh weights, and the masks of
    either task on the other. Holds if tickets score above the full encoder's mean less one standard deviation of its seeds (taken as it is found), and above random masks and fresh
    weights. How much of it transfers is told without a rule.""",
    published=(
        Published(
            40.0, "lowest sparsity of matching subnetworks, %", "BERT-base", "GLUE and SQuAD", "chen-2020", "verified"
        ),
        Published(
            90.0, "highest sparsity of matching subnetworks, %", "BERT-base", "GLUE and SQuAD", "chen-2020", "verified"
        ),
        Published(
            70.0,
            "sparsity at which the masked-language-model subnetwork transfers to all tasks, %",
            "BERT-base",
            "GLUE and SQuAD",
            "chen-2020",
            "verified",
        ),
    ),
    expects={
        "ticket − (full − one standard deviation)": above(0.0),
        "ticket − random mask": above(0.0),
        "ticket − fresh weights": above(0.0),
    },
    needs=("training", "treebank"),
)
def tickets_train_to_full_accuracy(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    over, numbers = smaller.tasks(corpora), fine_tuned.numbered(seed, SEEDS)
    found = yield from make(
        *(Scoring(encoder, task, fine_tuned.STANDARD, numbers) for task in over),
        *(
            Tickets(encoder, task, other, fine_tuned.STANDARD, SPARSITY, ROUNDS, numbers)
            for task, other in zip(over, reversed(over), strict=True)
        ),
    )
    full = np.mean([s.values for s in found[: len(over)]], axis=0)
    ticket, random, fresh, moved = (np.mean(each, axis=0) for each in zip(*found[len(over) :], strict=True))
    values = {
        "ticket − (full − one standard deviation)": repeats.mean(
            ticket - (full.mean() - full.std(ddof=1)), unit="score"
        ),
        "ticket − random mask": repeats.difference(ticket, random, unit="score"),
        "ticket − fresh weights": repeats.difference(ticket, fresh, unit="score"),
        "ticket of the other task − random mask": repeats.difference(moved, random, unit="score"),
        "ticket of the other task − ticket": repeats.difference(moved, ticket, unit="score"),
    }
    table = {"full": full, **dict(zip(Found._fields, (ticket, random, fresh, moved), strict=True))}
    note = fine_tuned.note(encoder, over, fine_tuned.STANDARD, SEEDS)
    return Finding(values, rows=fine_tuned.rows("score", table), note=note)
