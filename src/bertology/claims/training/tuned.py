"""Fine-tuning at the scale of these claims: small tasks from the embedded corpora, one seed for each trained encoder."""

from dataclasses import replace

import numpy as np

from bertology.corpus.corpora import Corpora
from bertology.observe import Asking, make
from bertology.train.artefacts import Scored, Scoring, Trained
from bertology.train.finetune import FineTuning
from bertology.train.task import Task
from bertology.train.tasks import acceptability, parts_of_speech

TUNING = FineTuning("small", epochs=4, batch=16, rate=1e-3)
TRAIN, DEV, TEST = 400, 50, 400


def short(task: Task, seed: int) -> Task:
    """At most 400 examples to train on, 50 of dev and 400 of test, drawn with the seed."""
    few = task.limited(TRAIN, seed)
    rng = np.random.default_rng([seed, 5])
    draw = lambda part, n: tuple(part[i] for i in sorted(rng.permutation(len(part))[:n]))
    return replace(few, dev=draw(task.dev, DEV), test=draw(task.test, TEST))


def words_and_sentences(corpora: Corpora, seed: int) -> list[Task]:
    """Parts of speech, and acceptability of sentences."""
    return [short(parts_of_speech(corpora.treebank), seed), short(acceptability(corpora.pairs), seed)]


def tuned(runs: list[list[Trained]], tasks: list[Task], seed: int) -> Asking[np.ndarray]:
    """Test scores in %, (task, recipe, seed): each trained encoder fine-tuned once on each task."""
    asked = [Scoring(run.encoder, task, TUNING, (seed,)) for task in tasks for of_one in runs for run in of_one]
    scored: tuple[Scored, ...] = yield from make(*asked)
    return np.reshape([100 * s.values[0] for s in scored], (len(tasks), len(runs), -1))
