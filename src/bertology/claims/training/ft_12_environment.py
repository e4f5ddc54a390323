"""Changes of environment alone move scores as much as published gains (Crane 2018)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import above, below
from bertology.record.result import Finding
from bertology.train.artefacts import Scoring

ORDERS = tuple(range(12))


@claim(
    id="ft-12",
    section="5.4",
    says="Changes of environment alone move scores as much as published gains.",
    cites=("crane-2018",),
    method="""One seed (head, dropout, data) with twelve orders of the data: standard deviation of the test score in points. Holds if it is
    at least half a point, which many published gains are. Control: the same run repeated in the same order moves less than that; else the
    machine itself is unsteady. Threads and hardware are not varied.""",
    expects={
        "spread over orders of the data": above(0.5),
        "spread with nothing changed": below(0.5),
    },
    needs=("training", "treebank"),
)
def environment_moves_scores(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    task = fine_tuned.small(corpora, "number of the subject")
    (head,) = fine_tuned.numbered(seed, (0,))
    orders = fine_tuned.numbered(seed, ORDERS)
    ordered, same = yield from make(
        Scoring(encoder, task, fine_tuned.STANDARD, (head,) * len(orders), orders),
        Scoring(encoder, task, fine_tuned.STANDARD, (head,) * 3, (orders[0],) * 3),
    )
    values = {
        "spread over orders of the data": fine_tuned.spread(100 * np.asarray(ordered.values), unit="points"),
        "spread with nothing changed": fine_tuned.spread(100 * np.asarray(same.values), unit="points"),
    }
    rows = fine_tuned.rows("score", {"other orders": ordered.values, "nothing changed": same.values})
    return Finding(values, rows=rows, note=fine_tuned.note(encoder, [task], fine_tuned.STANDARD, (head,)))
