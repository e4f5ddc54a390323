"""Claims of section 7 driven with made-up answers: what a tuned model says to each text."""

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from bertology.claims.directions.answers import Answers, Taught
from bertology.claims.registry import experiment, survey
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.record.result import Finding, judge
from bertology.train.artefacts import Scored, Scoring, Tuned, TunedModel
from tests.claims.driving import driven
from tests.planted import random_encoder

Says = Callable[[Any, tuple[str, ...]], float | str]
"""(artefact, texts) -> the label said, or the probability of the task's first label."""


def tiny(corpora: Corpora, **sizes: Any) -> Encoder:
    return random_encoder(corpora, **{"layers": 2, "heads": 2, "width": 16, **sizes})


def finding(
    claim_id: str, says: Says, corpora: Corpora, encoder: Encoder | None = None, *, score: Callable[[Any, int], float] = lambda asked, seed: 0.5,
    others: Callable[[Any], Any] = lambda asked: None,
) -> Finding:  # fmt: skip
    """What a claim makes of made-up answers; `others` answers what is neither a model, its answers nor its scores."""

    def answer(asked: Any) -> Any:
        if isinstance(asked, TunedModel):
            return Tuned(None, asked.encoder, score(asked, asked.seed))  # type: ignore[arg-type]
        if isinstance(asked, Scoring):
            values = np.array([score(asked, s) for s in asked.seeds])
            return Scored(values, np.zeros((len(values), 1)), [[0.0]] * len(values), 1, 0.0, 0.5)
        if isinstance(asked, Answers | Taught):
            labels = (asked.asked if isinstance(asked, Answers) else asked).task.labels
            return np.array([_row(says(asked, texts), labels) for texts in asked.texts])
        return others(asked)

    return driven(experiment(claim_id)(encoder or tiny(corpora), corpora, 0), answer)


def verdict(claim_id: str, *given: Any, **named: Any) -> str:
    return judge(survey()[claim_id].claim, finding(claim_id, *given, **named))[0]


def of_twin(asked: Any) -> bool:
    """Whether an artefact is the random twin's."""
    start = asked.asked if isinstance(asked, Answers) else asked.start if isinstance(asked, Taught) else asked
    encoder = start.encoder if isinstance(start, TunedModel) else start
    return encoder.name.startswith("random twin")


def seed_of(asked: Any) -> int:
    return asked.asked.seed if isinstance(asked, Answers) else asked.seed


def mostly(share: float, right: str, wrong: str, *key: Any) -> str:
    """The right label in this share of cases, each case always the same."""
    return right if zlib.crc32(repr(key).encode()) / 2**32 < share else wrong


def _row(said: float | str, labels: tuple[str, ...]) -> list[float]:
    if isinstance(said, str):
        return [float(name == said) for name in labels]
    return [said, *[(1 - said) / (len(labels) - 1)] * (len(labels) - 1)]
