"""Hard-concrete gates: random numbers from 0 to 1 that are exactly 0 or 1 most of the time, and still have a slope (Louizos et al. 2018).

With u uniform, s = sigmoid((log u - log(1 - u) + log_alpha) / temperature), stretched to (low, high) and clamped to [0, 1]. How many
gates are not 0 is known in expectation, and differentiable in log_alpha: a penalty or a constraint on it closes gates.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bertology.record.errors import BadRequest


@dataclass(frozen=True)
class HardConcrete:
    """The distribution of a gate, given its `log_alpha`; the defaults are the paper's.

    Raises BadRequest unless low < 0 < 1 < high and the temperature is from above 0 to below 1, where 0 and 1 have mass.
    """

    temperature: float = 2 / 3
    low: float = -0.1
    high: float = 1.1

    def __post_init__(self) -> None:
        if not (self.low < 0 and self.high > 1 and 0 < self.temperature < 1):
            raise BadRequest(
                f"a hard-concrete gate stretched to ({self.low:g}, {self.high:g}) at temperature {self.temperature:g}.",
                "Give low below 0, high above 1, and a temperature between 0 and 1.",
            )

    def sample(self, log_alpha: Tensor, uniform: Tensor | None = None) -> Tensor:
        """A draw for each gate, from 0 to 1 with 0 and 1 included; `uniform` gives the random numbers (0 to 1) by hand."""
        u = torch.rand_like(log_alpha) if uniform is None else uniform
        u = u.clamp(1e-6, 1 - 1e-6)
        return self._stretched(torch.sigmoid((u.log() - (1 - u).log() + log_alpha) / self.temperature))

    def p_open(self, log_alpha: Tensor) -> Tensor:
        """The probability that a gate is not 0: sigmoid(log_alpha - temperature · log(-low / high)). Their sum is the expected L0."""
        return torch.sigmoid(log_alpha - self._shift)

    def value(self, log_alpha: Tensor) -> Tensor:
        """What stands for a gate at test: sigmoid(log_alpha), stretched and clamped."""
        return self._stretched(torch.sigmoid(log_alpha))

    def log_alpha(self, p_open: float) -> float:
        """The log_alpha of a gate that is open with a probability (0 < p < 1)."""
        return math.log(p_open / (1 - p_open)) + self._shift

    @property
    def _shift(self) -> float:
        return self.temperature * math.log(-self.low / self.high)

    def _stretched(self, s: Tensor) -> Tensor:
        return (s * (self.high - self.low) + self.low).clamp(0, 1)
