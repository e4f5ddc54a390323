"""Fine-tuning beats frozen features (Peters et al. 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.techniques import FreezeBottom, ScalarMix

NAMES = ("next sentence", "number of the subject", "tense", "parts of speech")


@claim(
    id="ft-10",
    section="5.4",
    says="Fine-tuning beats frozen features, most of all on sentence pairs.",
    cites=("peters-2019b",),
    method="""Score after fine-tuning minus score of the frozen encoder, whose layers are mixed by learned weights under a trained
    head, on a task of sentence pairs, two of single sentences and one of words. Holds if the mean gain is positive, if
    more than half of the tasks gain, and if pairs gain more than the others. Control: fine-tuned, the encoder must beat its
    random twin, so that there were features to begin with.""",
    expects={
        "gain over frozen features": above(0.0),
        "share of tasks that gain": above(0.5),
        "gain on pairs − gain on other tasks": above(0.0),
        "gain of pre-trained over random weights, fine-tuned": above(0.0),
    },
    needs=("training", "segments", "treebank:upos"),
)
def fine_tuning_beats_frozen_features(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    tasks = [fine_tuned.small(corpora, name) for name in NAMES]
    mixed = fine_tuned.using(FreezeBottom(), ScalarMix(), rate=fine_tuned.FROZEN.rate)
    arms = [(encoder, fine_tuned.STANDARD), (encoder, mixed), (encoder.randomised(seed), fine_tuned.STANDARD)]
    found = yield from fine_tuned.scored([(who, t, recipe) for who, recipe in arms for t in tasks], seed)
    full, frozen, random = np.array([s.values for s in found]).reshape(len(arms), len(tasks), -1)
    gain = full - frozen
    values = {
        "gain over frozen features": repeats.mean(gain.mean(0), unit="score"),
        "share of tasks that gain": repeats.mean((gain > 0).mean(0), unit="share"),
        "gain on pairs − gain on other tasks": repeats.difference(gain[0], gain[1:].mean(0), unit="score"),
        "gain of pre-trained over random weights, fine-tuned": repeats.difference(full.mean(0), random.mean(0), unit="score"),
        **{f"gain on {name}": repeats.mean(g, unit="score") for name, g in zip(NAMES, gain, strict=True)},
    }  # fmt: skip
    names = ("fine-tuned", "frozen, layers mixed", "random weights, fine-tuned")
    rows = fine_tuned.rows("score", {f"{t}: {arm}": found[k * len(tasks) + i].values
                                for i, t in enumerate(NAMES) for k, arm in enumerate(names)})  # fmt: skip
    return Finding(values, rows=rows, note=fine_tuned.note(encoder, tasks, fine_tuned.STANDARD, full[0]))
