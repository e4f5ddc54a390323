"""Claims about pre-training driven with made-up answers: a loss for each training asked for, a score for each fine-tuning."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bertology.claims.registry import experiment, survey
from bertology.record.result import Finding, judge
from bertology.train.artefacts import Scored, Scoring, Trained, Training
from tests.claims.driving import driven


class FakeEncoder(NamedTuple):
    """What a made-up answer needs to know of the encoder that it stands for."""

    training: Training
    loss: float
    twin: bool = False
    tokenizer: Any = None

    def randomised(self, seed: int = 0) -> "FakeEncoder":
        return self._replace(twin=True)


def finding(
    claim_id: str,
    loss: Callable[[Training], Any],
    corpora: Any,
    score: Callable[[Any, Scoring], float] = lambda e, s: 0.5,
) -> Finding:
    """What a claim makes of made-up answers: `loss` gives a training's held-out loss, or a mapping of its parts."""
    asking = experiment(claim_id)(None, corpora, 0)
    return driven(asking, lambda one: _answer(one, loss, score))


def verdict(claim_id: str, *given: Any, **named: Any) -> str:
    return judge(survey()[claim_id].claim, finding(claim_id, *given, **named))[0]


def _answer(asked: Any, loss: Callable[[Training], Any], score: Callable[[Any, Scoring], float]) -> Any:
    if isinstance(asked, Training):
        found = loss(asked)
        parts = found if isinstance(found, dict) else {"mlm": found}
        encoder = FakeEncoder(asked, parts["mlm"])
        return Trained(encoder, [{f"valid {name}": value for name, value in parts.items()}], Path("nowhere") / "run")  # type: ignore[arg-type]
    made = score(asked.encoder.training, asked)
    if not isinstance(asked, Scoring):
        return made
    value = np.array([made])
    return Scored(value, np.ones((1, 1)), [[0.0]], 0, 0.0, 0.5)
