"""Claims about fine-tuning driven with made-up answers: a score for each artefact, seed and order asked for."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bertology.claims.registry import experiment, survey
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.record.result import Finding, judge
from bertology.train.artefacts import Adapting, Attack, Attacked, Scored, Scoring, Staging, Tuned, TunedModel
from tests.claims.driving import driven, noise
from tests.planted import random_encoder

Score = Callable[[Any, int, int], float]
"""(artefact, seed, order) -> test score."""


def tiny(corpora: Corpora, **sizes: Any) -> Encoder:
    return random_encoder(corpora, **{"layers": 6, "heads": 2, "width": 16, **sizes})


def finding(
    claim_id: str, score: Score, corpora: Corpora, encoder: Encoder | None = None, *, changed: Score | None = None, dev: Score | None = None,
    trained: Callable[[Any], int] = lambda asked: 1, epochs: int = 3,
) -> Finding:  # fmt: skip
    """What a claim makes of made-up scores; `changed` are those on changed texts, `dev` those of every epoch on dev."""
    asking = experiment(claim_id)(encoder or tiny(corpora), corpora, 0)

    def scored(asked: Any) -> Scored:
        orders = getattr(asked, "order_seeds", None) or asked.seeds
        pairs = list(zip(asked.seeds, orders, strict=True))
        values = np.array([score(asked, s, o) for s, o in pairs])
        on_dev = [[(dev or score)(asked, s, o)] * epochs for s, o in pairs]
        return Scored(values, np.zeros((len(values), 1)), on_dev, trained(asked), 0.0, 0.5)

    def answer(asked: Any) -> Any:
        if isinstance(asked, Scoring | Staging | Adapting):
            return scored(asked)
        if isinstance(asked, Attack):
            inner = asked.scoring
            return Attacked(scored(inner), np.array([changed(inner, s, s) for s in inner.seeds]))  # type: ignore[misc]
        assert isinstance(asked, TunedModel)
        return Tuned(asked, asked, score(asked, asked.seed, asked.seed))  # type: ignore[arg-type]

    return driven(asking, answer)


def verdict(claim_id: str, *given: Any, **named: Any) -> str:
    return judge(survey()[claim_id].claim, finding(claim_id, *given, **named))[0]


def uses(asked: Any, *names: str) -> bool:
    """Whether the recipe has a technique of one of these names."""
    return any(type(t).__name__ in names for t in asked.recipe.techniques)


def random_weights(asked: Any) -> bool:
    return asked.encoder.twin_seed is not None


def jitter(asked: Any, seed: int, order: int, size: float) -> float:
    """Noise that belongs to an artefact, a seed and an order."""
    key = asked.key if not isinstance(asked, Scoring) else (asked.task.name, asked.recipe.name, random_weights(asked))
    return size * noise(key, seed, order)
