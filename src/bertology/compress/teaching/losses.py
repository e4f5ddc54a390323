"""What a student is made to copy: predictions, hidden states, attention, relations of values. Each a mean over real tokens."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, mse_loss, normalize, softmax

Mask = Bool[Tensor, "batch token"]


def soft_targets(
    student: Float[Tensor, "*batch label"], teacher: Float[Tensor, "*batch label"], *, temperature: float = 1.0
) -> Tensor:
    """T² KL(softmax(t / T) || softmax(s / T)), mean over predictions (Hinton et al. 2015); T² keeps the gradient's size."""
    t, s = (x.float().flatten(0, -2) / temperature for x in (teacher, student))
    return temperature**2 * kl_div(log_softmax(s, -1), log_softmax(t, -1), reduction="batchmean", log_target=True)


def logits_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of logits (Ba & Caruana 2014; Tang et al. 2019)."""
    return mse_loss(student.float(), teacher.float())


def hidden_distance(
    student: Float[Tensor, "batch token width"], teacher: Float[Tensor, "batch token width"], mask: Mask
) -> Tensor:
    """Mean squared difference of hidden states (TinyBERT: Jiao et al. 2020; the student's already in the teacher's width)."""
    return mse_loss(student[mask].float(), teacher[mask].float())


def direction(
    student: Float[Tensor, "batch token width"], teacher: Float[Tensor, "batch token width"], mask: Mask
) -> Tensor:
    """1 - cosine of hidden states (DistilBERT: Sanh et al. 2019)."""
    a, b = normalize(student[mask].float(), dim=-1), normalize(teacher[mask].float(), dim=-1)
    return 1 - (a * b).sum(-1).mean()


def patience(student: Float[Tensor, "batch width"], teacher: Float[Tensor, "batch width"]) -> Tensor:
    """Squared distance of [CLS] vectors of length 1, mean over examples (PKD: Sun et al. 2019, eq. 7)."""
    return (normalize(student.float(), dim=-1) - normalize(teacher.float(), dim=-1)).square().sum(-1).mean()


def attention_distance(
    student: Float[Tensor, "batch head query key"], teacher: Float[Tensor, "batch head query key"], mask: Mask
) -> Tensor:
    """Mean squared difference of attention weights, mean over heads and pairs of real tokens (TinyBERT, on weights).

    TinyBERT takes the scores before the softmax; weights are what every family shows.
    """
    pairs = (mask[:, None, :, None] & mask[:, None, None, :]).expand_as(student)
    return mse_loss(student[pairs].float(), teacher[pairs].float())


def attention_divergence(
    student: Float[Tensor, "batch head query key"], teacher: Float[Tensor, "batch head query key"], mask: Mask
) -> Tensor:
    """KL(teacher || student) of attention rows, mean over heads and real queries (MobileBERT; MiniLM: Wang et al. 2020)."""
    t, s = (x.float().clamp(min=1e-9) for x in (teacher, student))
    rows = (t * (t.log() - s.log())).masked_fill(~mask[:, None, None, :], 0.0).sum(-1)
    return rows.masked_select(mask[:, None, :].expand_as(rows)).mean()


def value_relations(
    student: Float[Tensor, "batch token width"], teacher: Float[Tensor, "batch token width"], mask: Mask, *, heads: int
) -> Tensor:
    """KL of softmax(V Vᵀ / sqrt(d)) over `heads` relation heads (MiniLM; MiniLMv2 for any number of heads: Wang et al. 2021).

    Widths may differ: relations are token x token.
    """
    made = [_relations(x.float(), mask, heads) for x in (student, teacher)]
    return attention_divergence(made[0], made[1], mask)


def _relations(values: Tensor, mask: Mask, heads: int) -> Tensor:
    split = values.unflatten(-1, (heads, -1)).transpose(1, 2)
    scores = split @ split.transpose(-1, -2) / split.shape[-1] ** 0.5
    lowest: Any = torch.finfo(scores.dtype).min
    return softmax(scores.masked_fill(~mask[:, None, None, :], lowest), -1)
