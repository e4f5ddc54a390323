"""Fixed attention patterns: some heads of each layer look at set places and learn only what to read there (Raganato et al. 2020)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from bertology.record.errors import BadRequest
from bertology.train.variants.variant import Part, Variant, hidden_from, register, visible


@register
@dataclass(frozen=True)
class FixedHeads(Variant):
    """Head h of every layer has `patterns[h]`; the heads beyond are learned. Raganato et al. fix all but one.

    "current", "previous" and "next" look at one subword. "left" and "right" look at all that is at least two subwords away,
    "start" and "end" at the whole example; their weights grow with the cube of the rank towards their side ("left": the
    nearer, the more; "right" likewise). A pattern that finds nothing, as "previous" at the first subword, looks at the
    subword itself. Places are columns of a row, ranks are counted among what the query may see: padding and
    other examples of a shared row do not count. Query and key weights of fixed heads stay in the model, idle.
    """

    name: ClassVar[str] = "fixed_heads"
    patterns: tuple[str, ...] = ("current", "previous", "next", "left", "right", "start", "end")

    def __post_init__(self) -> None:
        unknown = [pattern for pattern in self.patterns if pattern not in PATTERNS]
        if unknown or not self.patterns:
            found = f"there is no pattern {unknown[0]!r}" if unknown else "no pattern was given"
            raise BadRequest(f"{found}.", f"Choose from {', '.join(PATTERNS)}.")

    def part(self, heads: int) -> Part:
        if len(self.patterns) > heads:
            raise BadRequest(f"{len(self.patterns)} patterns for {heads} heads.", "Give at most one pattern a head.")
        return _FixedHeads(self.patterns)


def pattern_weights(
    patterns: tuple[str, ...], sees: Bool[Tensor, "row 1 query key"]
) -> Float[Tensor, "row pattern query key"]:
    """Each pattern's attention weights where `sees` lets a query look; every row sums to 1."""
    n_query, n_key = sees.shape[-2:]
    query = torch.arange(n_query, device=sees.device)[:, None]
    offset = torch.arange(n_key, device=sees.device)[None] - query
    from_start = sees[:, 0].cumsum(-1).float()
    from_end = sees[:, 0].flip(-1).cumsum(-1).flip(-1).float()
    made = torch.stack([PATTERNS[name](offset, from_start, from_end) for name in patterns], dim=1) * sees
    # what sees nothing by its pattern sees itself; where it may not see itself, all it may see; where that is nothing, anything
    for instead in ((offset == 0).float() * sees, sees.float(), torch.ones_like(sees, dtype=torch.float32)):
        made = torch.where(made.sum(-1, keepdim=True) > 0, made, instead)
    return made / made.sum(-1, keepdim=True)


_Pattern = Callable[[Tensor, Tensor, Tensor], Tensor]

PATTERNS: dict[str, _Pattern] = {
    "current": lambda offset, from_start, from_end: (offset == 0).float().expand_as(from_start),
    "previous": lambda offset, from_start, from_end: (offset == -1).float().expand_as(from_start),
    "next": lambda offset, from_start, from_end: (offset == 1).float().expand_as(from_start),
    "left": lambda offset, from_start, from_end: (offset <= -2) * from_start**3,
    "right": lambda offset, from_start, from_end: (offset >= 2) * from_end**3,
    "start": lambda offset, from_start, from_end: from_end**3,
    "end": lambda offset, from_start, from_end: from_start**3,
}
"""Unnormalised weights from the key's offset to the query and its rank among visible keys, from the start and from the end."""


class _FixedHeads(Part):
    def __init__(self, patterns: tuple[str, ...]) -> None:
        super().__init__()
        self.patterns = patterns

    def weights(self, scores: Tensor, mask: Tensor | None) -> Tensor:
        n = len(self.patterns)
        fixed = (
            pattern_weights(self.patterns, visible(mask, scores.shape[2], scores.shape[3], scores.device))
            .log()
            .clamp(min=torch.finfo(torch.float32).min)
        )
        learned = hidden_from(scores[:, n:], mask)
        return torch.softmax(torch.cat([fixed.expand(len(scores), -1, -1, -1), learned], dim=1), dim=-1)

    def mixed(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, dropout: float
    ) -> Tensor:
        n = len(self.patterns)
        weights = pattern_weights(self.patterns, visible(mask, query.shape[2], key.shape[2], query.device))
        weights = torch.nn.functional.dropout(weights, dropout, training=dropout > 0)
        parts = [weights.to(value.dtype) @ value[:, :n]]
        if n < query.shape[1]:
            learned = (query[:, n:], key[:, n:], value[:, n:])
            parts.append(scaled_dot_product_attention(*learned, mask, dropout, scale=scaling))
        return torch.cat(parts, dim=1)
