"""Recipes compared on clean and on mistyped test texts: what claims about robustness share."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.claims.training import fine_tuned
from bertology.claims.training.typos import mistyped
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.result import Row
from bertology.train.artefacts import Attack, Scoring
from bertology.train.finetune import FineTuning
from bertology.train.task import Task

NAMES = ("number of the subject", "tense", "next sentence")
SEEDS = (0, 1, 2, 3, 4)


class Robustness(NamedTuple):
    """Scores (recipe, task, seed) on clean and on changed test texts."""

    clean: NDArray[np.float64]
    changed: NDArray[np.float64]
    tasks: list[Task]

    def rows(self, names: Sequence[str]) -> list[Row]:
        """One row a recipe, task and kind of text."""
        kinds = {"clean": self.clean, "changed": self.changed}
        labels = {
            f"{task}: {name}, {kind}": table[k, i]
            for i, task in enumerate(NAMES) for k, name in enumerate(names) for kind, table in kinds.items()
        }  # fmt: skip
        return fine_tuned.rows("score", labels)


def attacked(
    encoder: Encoder, corpora: Corpora, recipes: Sequence[FineTuning], seed: int, *, seeds: Sequence[int] = SEEDS
) -> Asking[Robustness]:
    """Each recipe on each task of NAMES from each seed, scored on the test texts and on them with typing errors."""
    tasks = [fine_tuned.small(corpora, name) for name in NAMES]
    numbers = fine_tuned.numbered(seed, seeds)
    found = yield from make(
        *(Attack(Scoring(encoder, t, r, numbers), mistyped(t.test, seed=seed)) for r in recipes for t in tasks)
    )
    table = lambda values: np.array(values).reshape(len(recipes), len(tasks), len(numbers))
    return Robustness(table([f.clean.values for f in found]), table([f.changed for f in found]), tasks)
