"""The models that claims of this section look into: an encoder and its random twin fine-tuned on inference, some seeds each."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.record.errors import NotApplicable
from bertology.record.estimate import Estimate
from bertology.train.artefacts import TunedModel
from bertology.train.finetune import FineTuning
from bertology.train.task import Example, Task
from bertology.train.tasks import inference

TRAIN, DEV, TEST = 2400, 100, 400
SEEDS = (0, 1, 2, 3)
RECIPE = FineTuning(name="inference", epochs=3, batch=16, rate=2e-4)
ENTAILED, NOT = "entailment", "not"


class Learners(NamedTuple):
    """One tuned model a seed, as artefacts: of the encoder and of its random twin."""

    task: Task
    real: tuple[TunedModel, ...]
    twin: tuple[TunedModel, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(one.seed for one in self.real)

    @property
    def test(self) -> tuple[tuple[str, ...], ...]:
        """The texts of the test part."""
        return tuple(e.texts for e in self.task.test)

    @property
    def note(self) -> str:
        return fine_tuned.note(self.real[0].encoder, [self.task], RECIPE, self.real)


def learners(encoder: Encoder, corpora: Corpora, seed: int) -> Learners:
    """Models tuned on the corpus `inference`; the same artefacts for all claims. Raises NotApplicable where it holds no pairs to train on."""
    task = cut(inference(corpora.inference), seed)
    numbers, twin = fine_tuned.numbered(seed, SEEDS), encoder.randomised(seed)
    return Learners(task, *(tuple(TunedModel(who, task, RECIPE, n) for n in numbers) for who in (encoder, twin)))


def cut(task: Task, seed: int) -> Task:
    """At most TRAIN, DEV and TEST examples of the three parts."""
    rng = np.random.default_rng([seed, 41])
    some = lambda part, most: tuple(part[i] for i in sorted(rng.permutation(len(part))[:most]))
    return replace(task.limited(TRAIN, seed), dev=some(task.dev, DEV), test=some(task.test, TEST))


def majority(examples: tuple[Example, ...]) -> float:
    """The share of the commonest label."""
    entailed = float(np.mean([e.label == ENTAILED for e in examples]))
    return max(entailed, 1 - entailed)


def must_be_learnt(score: Estimate, bar: float, what: str) -> None:
    """Raises NotApplicable unless the score's interval is above `bar`: nothing is to be said of a task that was not learnt."""
    if not score.low > bar:
        raise NotApplicable(
            f"the tuned models score {score} on the test part of {what}, {bar:.3g} is the score of the majority: it was not learnt; "
            "give a larger encoder or more pairs (--corpus inference=PATH)"
        )


def labels_of(examples: tuple[Example, ...]) -> NDArray[np.str_]:
    return np.array([e.label for e in examples])
