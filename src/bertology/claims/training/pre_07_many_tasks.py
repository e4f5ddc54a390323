"""Further objectives improve the encoder: many tasks (Sun et al. 2019)."""

from dataclasses import replace

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training.likelihood import log_likelihood
from bertology.claims.training.scale import TINY, held_out, scale_note, trained
from bertology.claims.training.tuned import tuned, words_and_sentences
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.train.artefacts import Trained
from bertology.train.layout import Pieces
from bertology.train.objectives.sentences import Reordering

PIECES = 3
PLAIN = replace(TINY, layout=Pieces(TINY.layout.length, PIECES))
MORE = replace(PLAIN, objectives=(*TINY.objectives, Reordering()))


@claim(
    id="pre-07",
    section="5.3",
    says="Further objectives (many tasks, retrieval, knowledge bases, span selection) improve the encoder.",
    cites=("sun-2019c", "guu-2020", "wang-2020c", "glass-2020"),
    method="""The same small encoder trained on the same pieces of text with masked language modelling alone, and with sentence reordering beside it, one of
    the many tasks of Sun et al.; tokens and lengths are equal. Of the survey's four kinds of objectives only this one is compared: retrieval and
    knowledge bases need collections that are not here, span selection needs questions. Compared by fine-tuning on parts of speech and
    acceptability. Holds if the gain is positive. Controls: the further objective must have been learnt (held-out loss below that of guessing), and
    pre-training must be worth something on these tasks.""",
    expects={
        "gain of the further objective": above(0.0),
        "reordering loss below guessing": above(0.0),
        "pre-trained − random twin": above(0.0),
    },
    needs=("training", "raw", "treebank", "pairs"),
)
def further_objectives_improve(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    plain, more = yield from trained([PLAIN, MORE], corpora, seed)
    guess = float(np.log(Reordering().classes))
    learnt = repeats.mean(guess - held_out(more, "reordering"), unit="nats")
    if learnt.value <= 0:
        raise NotApplicable("reordering was not learnt: its held-out loss is not below that of guessing")
    twins = [Trained(run.encoder.randomised(seed), run.log, run.place) for run in plain]
    tasks = words_and_sentences(corpora, seed)
    scores = yield from tuned([plain, more, twins], tasks, seed)
    alone, beside, random = scores.mean(0)
    values = {
        "gain of the further objective": repeats.difference(beside, alone, unit="points"),
        "reordering loss below guessing": learnt,
        "pre-trained − random twin": repeats.difference(alone, random, unit="points"),
        "cost in language modelling": repeats.difference(
            [-log_likelihood(run) for run in more], [-log_likelihood(run) for run in plain], unit="nats per word"
        ),
    }
    rows = [
        Row("score, %", float(x), n=1, label=f"{name}, {task.name}, seed {k}")
        for task, of_task in zip(tasks, scores, strict=True)
        for name, found in zip(("masking alone", "with reordering", "random twin"), of_task, strict=True)
        for k, x in enumerate(found)
    ]
    return Finding(values, rows=rows, note=scale_note(corpora.raw))
