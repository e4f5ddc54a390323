"""Adaptively sparse attention: alpha-entmax in place of softmax, alpha learned for each head (Correia et al. 2019)."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bertology.record.errors import BadRequest
from bertology.train.variants.variant import Part, Variant, hidden_from, register


@register
@dataclass(frozen=True)
class AdaptiveSparsity(Variant):
    """alpha = 1 would be softmax, alpha = 2 is sparsemax; above 1, low scores get weights of exactly 0.

    `start` is every head's first alpha, within (1, 2), which alpha never leaves; each layer has its own. (Correia et al. draw the first
    ones at random.) Needs the package entmax. Under sdpa it computes the same, since no fused kernel knows entmax: a step of a small
    model takes five times as long as with softmax.
    """

    name: ClassVar[str] = "adaptive_sparsity"
    start: float = 1.5

    def __post_init__(self) -> None:
        if not LEAST < self.start < 2:
            raise BadRequest(f"a first alpha of {self.start} is not within {LEAST} and 2.", "Take 1.5.")

    def part(self, heads: int) -> Part:
        _entmax()
        return _Entmax(heads, self.start)


LEAST = 1.01
"""Nearer to 1 the gradient towards alpha is a difference of nearly equal numbers."""


class _Entmax(Part):
    def __init__(self, heads: int, start: float) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.full((heads,), start - 1.0).logit())

    @property
    def alpha(self) -> Float[Tensor, " head"]:
        return (1 + self.logit.sigmoid()).clamp(min=LEAST)

    def weights(self, scores: Tensor, mask: Tensor | None) -> Tensor:
        """A softmax of log weights is the weights themselves: it makes them visible, and editable, like any attention."""
        sparse = self._sparse(scores, mask)
        nothing = torch.full_like(sparse, -torch.inf)
        return torch.softmax(torch.where(sparse > 0, sparse.clamp(min=1e-38).log(), nothing), dim=-1)

    def mixed(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, dropout: float
    ) -> Tensor:
        sparse = self._sparse(query @ key.transpose(2, 3) * scaling, mask)
        return nn.functional.dropout(sparse, dropout, training=dropout > 0).to(value.dtype) @ value

    def _sparse(self, scores: Tensor, mask: Tensor | None) -> Float[Tensor, "batch head query key"]:
        """In float32: bisection needs the bits."""
        return _entmax()(hidden_from(scores.float(), mask), self.alpha[:, None, None], dim=-1, n_iter=_STEPS)


_STEPS = 24
"""Halvings of an interval no longer than 1, down to the precision of float32."""


def _entmax() -> Any:
    try:
        from entmax import entmax_bisect
    except ImportError as error:
        raise BadRequest(
            "adaptively sparse attention needs the package entmax.", "Install it: pip install entmax."
        ) from error
    return entmax_bisect
