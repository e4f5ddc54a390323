"""Deeper models have more layers that fine-tuning leaves alone (Rogers et al. 2020, from several studies)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training.rollback import RollBack, untouched
from bertology.claims.training.scale import scale_note, shaped, trained
from bertology.claims.training.tuned import TUNING, short
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking, WordVectors, make, summarise
from bertology.probe.identity import IdentityNeighbours
from bertology.record.claim import above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.train.tasks import parts_of_speech

DEPTHS = (2, 4, 8)


@claim(
    id="arch-03",
    section="5.1",
    says="Deeper models have more layers that fine-tuning leaves alone, the task's layers being a constant few at the top.",
    cites=("rogers-2020", "liu-2019a", "hao-2019", "brunner-2020"),
    method="""Encoders of 2, 4 and 8 layers, trained on the same text and tokens and fine-tuned on parts of speech. From the bottom up, layers
    are restored to what they were before fine-tuning; the task's layers are those above the last one that leaves 95 % of the score above
    the majority class. Their number against depth, one line a seed: 0 for a constant few, 1 where all layers are the task's. Holds
    if it grows by less than a quarter of a layer a layer, and by less than in random twins fine-tuned alike, which have
    nothing worth keeping. Beside it, how well words are told apart in each layer (nearest neighbours of another document).""",
    expects={
        "task's layers for each layer of depth": below(0.25),
        "random twins' − trained": above(0.0),
        "score above the majority class": above(0.0),
    },
    needs=("training", "raw", "treebank:upos", "text"),
)
def task_layers_are_few(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    runs = yield from trained([shaped(layers=n) for n in DEPTHS], corpora, seed)
    encoders = [run.encoder for of_one in runs for run in of_one]
    twins = [e.randomised(seed) for e in encoders]
    task = short(parts_of_speech(corpora.treebank), seed)
    curves = yield from make(*(RollBack(e, task, TUNING, seed) for e in (*encoders, *twins)))
    if min(c[0] for c in curves[: len(encoders)]) <= task.majority:
        raise NotApplicable(f"fine-tuning on {task.name} does not beat the majority class, so no layer is the task's")
    shape = (len(DEPTHS), -1)
    real, random = (
        np.reshape(
            [len(c) - 1 - untouched(c, task.majority) if c[0] > task.majority else len(c) - 1 for c in part], shape
        )
        for part in (curves[: len(encoders)], curves[len(encoders) :])
    )
    slope, twin_slope = (np.polyfit(DEPTHS, zones, 1)[0] for zones in (real, random))
    gains = np.reshape([100 * (c[0] - task.majority) for c in curves[: len(encoders)]], shape)
    values = {
        "task's layers for each layer of depth": repeats.mean(slope, unit="layers"),
        "random twins' − trained": repeats.difference(twin_slope, slope, unit="layers"),
        "score above the majority class": repeats.mean(gains.min(0), unit="points"),
    }
    for depth, zones in zip(DEPTHS, real, strict=True):
        values[f"task's layers of {depth}"] = repeats.mean(zones, unit="layers")
    rows = [
        Row("score with lower layers restored", float(x), n=len(task.test), layer=k, label=f"{len(c) - 1} layers, {who} {i}")
        for who, part in (("trained", curves[: len(encoders)]), ("random twin", curves[len(encoders) :]))
        for i, c in enumerate(part) for k, x in enumerate(c)
    ]  # fmt: skip
    for of_one, depth in zip(runs, DEPTHS, strict=True):
        for layer, x in enumerate(identity(of_one[0].encoder, corpora.text)):
            rows.append(Row("words told apart", float(x), layer=layer, label=f"{depth} layers, first seed"))
    return Finding(values, rows=rows, note=scale_note(corpora.raw))


def identity(encoder: Encoder, text: Corpus) -> np.ndarray:
    """Accuracy of the word form by nearest neighbour, (layer,), over up to 4,000 words of held-out text."""
    statistic = IdentityNeighbours(limit=4000)
    (words,) = summarise(encoder, text, WordVectors(statistic.limit, statistic.seed))
    found = statistic.finish(statistic.compute(encoder, encoder.encode(text), words=words))
    return found.correct.rate()
