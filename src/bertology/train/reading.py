"""A model in training, read as objectives need it: hidden states of a batch, and logits at chosen positions only."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from bertology.encoder.families import AFTER_PADDING, kind
from bertology.record.errors import BadRequest
from bertology.train.batch import TrainingBatch


@dataclass(eq=False)
class Reading:
    """What a model makes of one batch; the trunk runs once, however many objectives look at it.

    `trunk` computes the model's base, compiled or not.
    """

    model: nn.Module
    batch: TrainingBatch
    trunk: Callable[..., Any] | None = None

    @cached_property
    def states(self) -> Float[Tensor, "row token width"]:
        """The trunk's last hidden states for the batch as drafted."""
        return self.read(self.batch.ids)

    def read(self, ids: Int[Tensor, "row token"], model: nn.Module | None = None) -> Float[Tensor, "row token width"]:
        """Hidden states of the same rows with other symbols, or by another model."""
        compiled: Any = self.trunk if model is None else None
        model = self.model if model is None else model
        trunk: Any = model.base_model if compiled is None else compiled
        return trunk(**inputs(model, self.batch, ids))[0]

    @cached_property
    def firsts(self) -> Float[Tensor, "draft width"]:
        """The state of each draft's [CLS]."""
        return self.states[self.batch.firsts[:, 0], self.batch.firsts[:, 1]]


def inputs(model: nn.Module, batch: TrainingBatch, ids: Tensor) -> dict[str, Tensor]:
    """Keyword arguments of a model's trunk for a batch: masks, positions and segments as its family takes them."""
    config: Any = model.config
    given: dict[str, Tensor] = {"input_ids": ids}
    takes = _parameters(type(model.base_model))  # type: ignore[arg-type]
    if "token_type_ids" in takes and int(getattr(config, "type_vocab_size", 0) or 0) > 1:
        given["token_type_ids"] = batch.segments
    counted_anew = _counted_anew(batch)
    if counted_anew and (kind(config) in _ROW_ALONE or kind(config) == "mpnet" or "position_ids" not in takes):
        raise BadRequest(
            f"{config.model_type} counts positions along the row, so a second piece cannot count its own.",
            "Train a family that takes position ids.",
        )
    # always given to families that would count positions from the ids: a sampled token may look like padding
    if "position_ids" in takes and (batch.visible is not None or counted_anew or kind(config) in AFTER_PADDING):
        given["position_ids"] = batch.positions + position_offset(config)
    if batch.visible is None:
        return given
    if kind(config) in _MIX_PADDING:
        raise BadRequest(f"{config.model_type} {_MIX_PADDING[kind(config)]}, so rows must be full and unshared.",
                         "Use the layout Blocks and an objective that keeps the length.")  # fmt: skip
    real = batch.real
    if torch.equal(batch.visible, (real[:, :, None] & real[:, None, :]) | torch.diag_embed(~real)):
        given["attention_mask"] = real.long()  # padding only
        return given
    _need_free_rows(model, batch, takes)
    mask = batch.visible[:, None]
    if config._attn_implementation == "eager":
        mask = torch.zeros(mask.shape, dtype=torch.float32, device=mask.device).masked_fill(
            ~mask, torch.finfo(torch.float32).min
        )
    given["attention_mask"] = mask  # type: ignore[assignment]
    if kind(config) == "modernbert":
        reach = (batch.positions[:, :, None] - batch.positions[:, None, :]).abs() <= config.local_attention // 2
        near = batch.visible & reach
        near = (
            near[:, None]
            if mask.dtype == torch.bool
            else mask.masked_fill(~near[:, None], torch.finfo(torch.float32).min)
        )
        given["attention_mask"] = {"full_attention": mask, "sliding_attention": near}  # type: ignore[assignment]
    return given


def _counted_anew(batch: TrainingBatch) -> bool:
    """Whether positions begin again within an example, while no position is read twice."""
    inside = (batch.example[:, 1:] == batch.example[:, :-1]) & (batch.example[:, 1:] >= 0)
    return bool((inside & (batch.segments[:, 1:] > batch.segments[:, :-1]) & (batch.positions.diff(dim=1) < 0)).any())


def position_offset(config: Any) -> int:
    """RoBERTa's positions start behind the padding id, MPNet's behind 1, whatever its padding id is."""
    if kind(config) == "mpnet":
        return 2
    return int(config.pad_token_id or 0) + 1 if kind(config) in AFTER_PADDING else 0


_MIX_PADDING = {
    "convbert": "convolves over padding",
    "nystromformer": "convolves over padding",
    "fnet": "mixes all positions of a row without a mask",
}
_ROW_ALONE = {
    "mobilebert": "mixes neighbouring subwords in its embeddings",
    **dict.fromkeys(("longformer", "esm", "deberta", "deberta-v2"), "takes no attention mask but for padding"),
}
"""Families in which who attends to whom cannot be chosen; tests compare every family's packed rows with single ones."""


def _need_free_rows(model: nn.Module, batch: TrainingBatch, takes: frozenset[str]) -> None:
    """Raises BadRequest unless the model can attend to chosen positions of a row only, at chosen places."""
    family = kind(model.config)
    reason = _ROW_ALONE.get(family) or ("takes no position ids" if "position_ids" not in takes else None)
    if reason:
        raise BadRequest(
            f"{family} {reason}, so rows cannot be shared.", "Train it with packed=False, without two streams."
        )
    same = (batch.example[:, 1:] == batch.example[:, :-1]) & (batch.example[:, 1:] >= 0)
    if family == "mpnet" and bool((same & (batch.positions.diff(dim=1) != 1)).any()):
        raise BadRequest(
            "mpnet counts distances along the row, so a position cannot be read twice.",
            "Train another family on two streams.",
        )


def _parameters(kind: type[nn.Module]) -> frozenset[str]:
    return frozenset(inspect.signature(kind.forward).parameters)
