"""Claims about size driven with made-up answers: what silencing costs, what is important, what stays open, what scores."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertology.claims.registry import experiment, survey
from bertology.compress.artefacts import GateSurvival, Importance, Silenced, Silencing
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.record.result import Finding, judge
from bertology.train.artefacts import Scored, Scoring, Tuned, TunedModel
from tests.claims.driving import driven, noise
from tests.planted import random_encoder

LAYERS, HEADS = 6, 4
EXAMPLES = 400


def tiny(corpora: Corpora, **sizes: Any) -> Encoder:
    return random_encoder(corpora, **{"layers": LAYERS, "heads": HEADS, "width": 16, **sizes})


def of_twin(encoder: Encoder) -> bool:
    return encoder.name.startswith("random twin")


@dataclass
class World:
    """What is true. `use` (layer, head) is the score that silencing a head costs, `score` that of a tuned model; a random twin scores `twin`."""

    use: NDArray[np.float64]
    score: float = 0.9
    twin: float = 0.6
    importance: Callable[[int], NDArray[np.float64]] | None = None
    """(seed) -> (layer, head); `use` with a little noise unless given."""
    open: Callable[[int], NDArray[np.float64]] | None = None
    kept: Callable[[Silencing, tuple, str], float] | None = None
    """(silencing, set, part) -> score; `use` decides unless given."""
    scoring: Callable[[Scoring, int], float] = lambda asked, seed: 0.5

    def answer(self, asked: Any) -> Any:
        if isinstance(asked, TunedModel):
            base = self.twin if of_twin(asked.encoder) else self.score
            return Tuned(
                asked.encoder.model, asked.encoder, base + 0.003 * noise("score", asked.seed, of_twin(asked.encoder))
            )  # type: ignore[arg-type]
        if isinstance(asked, Silencing):
            return Silenced(*(np.stack([self._right(asked, one, part) for one in ((), *asked.sets)]) for part in ("chosen", "test")))  # fmt: skip
        if isinstance(asked, Importance):
            seed = asked.asked.seed
            heads = self.importance(seed) if self.importance else self.use + 1e-4 * drawn(seed)
            return heads, np.random.default_rng(seed).random((LAYERS, 32))
        if isinstance(asked, GateSurvival):
            return self.open(asked.asked.seed)  # type: ignore[misc]
        assert isinstance(asked, Scoring), asked
        values = np.array([self.scoring(asked, s) + 0.003 * noise(asked.key, s) for s in asked.seeds])
        return Scored(values, np.zeros((len(values), 1)), [[0.0]] * len(values), 1, 0.0, 0.5)

    def _right(self, asked: Silencing, one: tuple, part: str) -> NDArray[np.float64]:
        """Examples that are right, the same ones first whatever is silenced."""
        if self.kept is not None:
            p = self.kept(asked, one, part)
        else:
            p = self.score - sum(
                self.use[layer - 1].sum() if head is None else self.use[layer - 1, head] for layer, head in one
            )
        return (np.random.default_rng(3).permutation(EXAMPLES) < round(p * EXAMPLES)).astype(float)


def drawn(*key: Any) -> NDArray[np.float64]:
    """(layer, head) uniform numbers that belong to a key."""
    return np.random.default_rng(zlib.crc32(repr(key).encode())).random((LAYERS, HEADS))


def finding(claim_id: str, world: World, corpora: Corpora, encoder: Encoder | None = None) -> Finding:
    asking = experiment(claim_id)(encoder or tiny(corpora), corpora, 0)
    return driven(asking, world.answer)


def verdict(claim_id: str, *given: Any, **named: Any) -> str:
    return judge(survey()[claim_id].claim, finding(claim_id, *given, **named))[0]


def half_used(cost: float = 0.03) -> NDArray[np.float64]:
    """Every other head costs something, the others nothing."""
    use = np.zeros((LAYERS, HEADS))
    use[:, ::2] = cost
    return use


def given(value: Any) -> Callable[..., Any]:
    """A generator function that asks nothing and returns a value: stands for what a claim measures first."""

    def asks(*args: Any) -> Any:
        return value
        yield

    return asks
