"""Attention followed through the layers (Abnar & Zuidema 2020): rollout, and the attention a token receives."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Maps = Float[Tensor, "batch head query key"]


def rollout(attention: Sequence[Maps]) -> Float[Tensor, "batch query key"]:
    """How much of each input token reaches each output token: the product over layers of ½ A + ½ I, first layer
    innermost.

    `attention` is per layer, from the first; A is the mean over heads and ½ I stands for the residual connection. Rows
    of real queries sum to 1. It assumes that what is mixed keeps its identity, and knows nothing of values or neurons.
    """
    joint = None
    for maps in attention:
        mixed = maps.mean(1) / 2
        mixed = mixed + torch.eye(maps.shape[-1], dtype=maps.dtype, device=maps.device) / 2
        mixed = mixed / mixed.sum(-1, keepdim=True)
        joint = mixed if joint is None else mixed @ joint
    if joint is None:
        raise ValueError("rollout needs the attention of at least one layer")
    return joint


def received(flow: Float[Tensor, "batch query key"], mask: Bool[Tensor, "batch token"]) -> Float[Tensor, "batch key"]:
    """Mean over the real queries: what each token gives to a mean-pooled sentence vector, to the first order of
    mixing."""
    asks = mask.to(flow.dtype)
    return torch.einsum("bqk,bq->bk", flow, asks) / asks.sum(1, keepdim=True) * asks
