"""Claims about compression driven with made-up answers: a score for what each method makes, for wholes, random twins and tickets."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bertology.claims.registry import experiment, survey
from bertology.compress.compared import Compressed, Compressing, Found, Tickets
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.record.result import Finding, judge
from bertology.train.artefacts import Scored, Scoring, Trained
from tests.claims.driving import driven, noise
from tests.claims.training.answered import tiny

Score = Callable[[Any, int], float]
"""(artefact, seed) -> test score."""


def finding(
    claim_id: str, score: Score, corpora: Corpora, *, whole: float = 0.9, twin: float = 0.6, majority: float = 0.5, size: float = 0.002,
    fields: Callable[[Any], dict[str, float]] = lambda asked: {}, tickets: Callable[[Tickets, int], tuple[float, ...]] | None = None,
    trained: Callable[[Any], Trained] | None = None, encoder: Encoder | None = None,
) -> Finding:  # fmt: skip
    """What a claim makes of made-up scores. `fields` are other fields of a Compressed (dev, smaller, faster, ...); `size` is the noise of wholes and twins."""
    asking = experiment(claim_id)(encoder or tiny(corpora), corpora, 0)

    def compressed(asked: Compressing) -> Compressed:
        each = lambda of: np.array([of(seed) for seed in asked.seeds])
        given = {"calibration": 0.1, "whole_calibration": 0.1, "smaller": 4.0, "faster": 1.0, **fields(asked)}
        scores = each(lambda seed: score(asked, seed))
        wholes = each(lambda seed: whole + size * noise("whole", asked.task.name, seed))
        rest = {name: np.full(len(asked.seeds), value) for name, value in given.items()}
        return Compressed(scores=scores, whole=wholes, majority=majority, **{"dev": scores, **rest})

    def scored(asked: Scoring) -> Scored:
        middle = twin if asked.encoder.twin_seed is not None else whole
        values = np.array([middle + size * noise("twin", asked.task.name, seed) for seed in asked.seeds])
        return Scored(values, np.zeros((len(values), 1)), [[0.0]], 1, 0.0, majority)

    def answer(asked: Any) -> Any:
        if isinstance(asked, Compressing):
            return compressed(asked)
        if isinstance(asked, Scoring):
            return scored(asked)
        if isinstance(asked, Tickets):
            return Found(*np.transpose([tickets(asked, seed) for seed in asked.seeds]))  # type: ignore[misc]
        return trained(asked)  # type: ignore[misc]

    return driven(asking, answer)


def verdict(claim_id: str, *given: Any, **named: Any) -> str:
    return judge(survey()[claim_id].claim, finding(claim_id, *given, **named))[0]


def jitter(asked: Any, seed: int, size: float = 0.003) -> float:
    """Noise that belongs to a method, a task and a seed."""
    return size * noise(repr(getattr(asked, "method", "")), asked.task.name, seed)
