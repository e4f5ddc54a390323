"""A model's own masked-language-model head on any hidden states: the trunk is stubbed, the model runs the rest."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


def mlm_logits(model: nn.Module, states: Float[Tensor, "position width"]) -> Float[Tensor, "position vocabulary"]:
    """Logits over the vocabulary at the given states alone; gradients flow through the head."""
    stub, base = _TrunkOutput(states[None]), model.base_model
    ids = torch.zeros(1, len(states), dtype=torch.long, device=states.device)
    base.forward = lambda *args, **kwargs: stub  # type: ignore[union-attr,assignment]
    try:
        return model(input_ids=ids).logits[0]
    finally:
        del base.forward  # type: ignore[union-attr]


class _TrunkOutput:
    """What a stubbed trunk returns: hidden states; any other field of the family's output class is None."""

    def __init__(self, states: Tensor) -> None:
        self.last_hidden_state = states

    def __getitem__(self, item: Any) -> Any:
        return (self.last_hidden_state,)[item]

    def __getattr__(self, name: str) -> None:
        return None
