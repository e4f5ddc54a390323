"""One stream of seeded draws, cheap enough for a dozen decisions a word and the same on any machine."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from typing import TypeVar

import numpy as np

T = TypeVar("T")
_AHEAD = 4096


class Chance:
    """Draws from PCG64. Uniforms are drawn ahead in blocks: a call of the generator costs more than the decision."""

    def __init__(self, *seed: int) -> None:
        self._generator = np.random.default_rng(list(seed))
        self._ahead: list[float] = []

    def uniform(self) -> float:
        """A number in [0, 1)."""
        if not self._ahead:
            self._ahead = self._generator.random(_AHEAD).tolist()
        return self._ahead.pop()

    def happens(self, probability: float) -> bool:
        return self.uniform() < probability

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, all equally likely."""
        return options[int(self.uniform() * len(options))]

    def zipf(self, options: Sequence[T]) -> T:
        """One of the options, the k-th with weight 1 / (k + 3): few words are common, many are rare."""
        steps = _zipf(len(options))
        return options[bisect_right(steps, self.uniform() * steps[-1])]

    def weighted(self, options: Sequence[tuple[T, float]]) -> T:
        """One of (option, weight)."""
        at = self.uniform() * sum(weight for _, weight in options)
        for option, weight in options:
            at -= weight
            if at < 0:
                return option
        return options[-1][0]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        rest = list(options)
        for i in range(len(rest) - 1, 0, -1):
            j = int(self.uniform() * (i + 1))
            rest[i], rest[j] = rest[j], rest[i]
        return rest


@cache
def _zipf(n: int) -> list[float]:
    return list(accumulate(1 / (k + 3) for k in range(n)))
