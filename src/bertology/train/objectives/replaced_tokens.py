"""Replaced-token detection (ELECTRA: Clark et al. 2020): a small generator replaces, the model tells what was replaced."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers import AutoModelForMaskedLM

from bertology.encoder.head import mlm_logits
from bertology.train.batch import TrainingBatch
from bertology.train.draft import IGNORED, Draft, Source
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.objective import Objective
from bertology.train.reading import Reading


@dataclass(frozen=True)
class ReplacedTokens(Objective):
    """Loss: the generator's MLM plus `weight` x the discriminator's binary cross-entropy over all positions but special ones.

    The generator has `size` of the discriminator's width, heads and feed-forward and reads the same embeddings. A sampled token that
    equals the original counts as original. No gradient flows from the discriminator into the generator.
    """

    cites: ClassVar = ("clark-2020",)
    masking: Masking = field(default_factory=lambda: Masking(masked=1.0, random=0.0))
    size: float = 0.25
    weight: float = 50.0

    def corrupt(self, draft: Draft, source: Source, rng: np.random.Generator) -> None:
        self.masking.hide(draft, self.masking.choose(draft, source, rng), source, rng)

    def head(self, model: nn.Module) -> nn.Module:
        return _GeneratorAndDetector(model, self.size)

    def weights(self) -> Mapping[str, float]:
        return {"generator": 1.0, "discriminator": self.weight}

    def counts(self, batch: TrainingBatch) -> Mapping[str, int]:
        return {"generator": int((batch.labels != IGNORED).sum()), "discriminator": int((batch.words >= 0).sum())}

    def losses(self, reading: Reading, head: nn.Module | None) -> Mapping[str, Tensor]:
        assert isinstance(head, _GeneratorAndDetector)
        batch, where = reading.batch, reading.batch.labels != IGNORED
        head.share(reading.model)
        logits = mlm_logits(head.generator, reading.read(batch.ids, head.generator)[where]).float()
        ids, replaced = sampled(logits.detach(), batch)
        ordinary = batch.words >= 0  # no special tokens, no padding
        scores = head.detect(reading.read(ids)[ordinary])
        return {
            "generator": cross_entropy(logits, batch.labels[where], reduction="sum"),
            "discriminator": binary_cross_entropy_with_logits(
                scores.float(), replaced[ordinary].float(), reduction="sum"
            ),
        }


def sampled(logits: Tensor, batch: TrainingBatch) -> tuple[Tensor, Tensor]:
    """The clean text with the generator's samples at the masked positions, and where they differ from it."""
    where = batch.labels != IGNORED
    noise = -torch.log(
        -torch.log(torch.rand_like(logits).clamp(1e-20, 1 - 1e-7))
    )  # the Gumbel trick samples the softmax
    ids = batch.clean.clone()
    ids[where] = (logits + noise).argmax(-1)
    return ids, ids != batch.clean


class _GeneratorAndDetector(nn.Module):
    def __init__(self, model: nn.Module, size: float) -> None:
        super().__init__()
        config: Any = deepcopy(model.config)
        embedding = int(model.get_input_embeddings().weight.shape[1])  # type: ignore[operator,union-attr]
        heads = max(1, round(config.num_attention_heads * size))
        per_head = config.hidden_size // config.num_attention_heads
        config.num_attention_heads, config.hidden_size = heads, heads * per_head
        for name in ("intermediate_size", "hidden_dim"):  # the latter is DistilBERT's
            if hasattr(config, name):
                setattr(config, name, max(8, round(getattr(config, name) * size)))
        if hasattr(config, "embedding_size"):
            config.embedding_size = embedding
        self.generator = AutoModelForMaskedLM.from_config(config)
        self._same_embedding = (
            self.generator.get_input_embeddings().weight.shape == model.get_input_embeddings().weight.shape  # type: ignore[operator,union-attr]
        )
        width = int(model.config.hidden_size)  # type: ignore[union-attr,arg-type]
        self.dense, self.score = nn.Linear(width, width), nn.Linear(width, 1)

    def share(self, model: nn.Module) -> None:
        """The generator reads (and trains) the discriminator's token embeddings, where the shapes allow it."""
        if self._same_embedding:
            self.generator.get_input_embeddings().weight = model.get_input_embeddings().weight  # type: ignore[operator,union-attr]
            self.generator.tie_weights()

    def detect(self, states: Tensor) -> Tensor:
        return self.score(nn.functional.gelu(self.dense(states)))[:, 0]
