"""Static embeddings as a model of transformers: no layer, each text the mean of its subwords' vectors, with a linear head for a task.

So that what is left of an encoder without any layer stands in the same tables, and is read by the same claims, as every other smaller one. The
vectors are made by compress/teaching/static.py, whose folder the package model2vec reads.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedConfig,
)
from transformers.modeling_outputs import BaseModelOutput, SequenceClassifierOutput, TokenClassifierOutput

from bertology.compress.teaching.static import Static
from bertology.compress.teaching.without_attention import Read, Student, Table, fields_for, loss_of, make_known, sides
from bertology.encoder.encoder import Encoder
from bertology.encoder.families import Family
from bertology.encoder.load import wrap
from bertology.train.task import Task

ROW = Family(
    "layers.*",
    None,
    "vectors",
    None,
    caveat="no attention and no layer: a table; its neurons are the table's dimensions",
)
"""The family table's row."""


class StaticConfig(PreTrainedConfig):
    """`special` are the subwords that a text's mean leaves out; `pair` says that two texts are read apart, `separator` stands between them."""

    model_type = "static"
    vocab_size: int = 30522
    hidden_size: int = 256
    num_hidden_layers: int = 1
    num_attention_heads: int = 0
    type_vocab_size: int = 1
    pad_token_id: int | None = 0
    special: list[int] | None = None
    separator: int = -1
    pair: bool = False


class StaticLayer(nn.Module):
    """Gives on what it is given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.vectors = Read(width)

    def forward(self, hidden_states: Tensor) -> Tensor:
        return self.vectors(hidden_states)


class _Pretrained(Student):
    config_class = StaticConfig
    config: StaticConfig
    base_model_prefix = "static"


class StaticModel(Table, _Pretrained):
    """The table. Segment ids and the mask are taken and not read."""

    def __init__(self, config: StaticConfig) -> None:
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([StaticLayer(config.hidden_size)])
        self.post_init()

    def forward(
        self, input_ids: Tensor | None = None, inputs_embeds: Tensor | None = None, **kwargs: Any
    ) -> BaseModelOutput:
        states = self.embeddings(input_ids) if inputs_embeds is None else inputs_embeds
        for layer in self.layers:
            states = layer(states)
        return BaseModelOutput(last_hidden_state=states)  # type: ignore[arg-type]


class StaticForSequenceClassification(_Pretrained):
    """A linear map of the mean vector; of [a; b; |a - b|; a b] for a pair."""

    def __init__(self, config: StaticConfig) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        self.static = StaticModel(config)
        self.classifier = nn.Linear((4 if config.pair else 1) * config.hidden_size, config.num_labels)  # type: ignore[arg-type]
        self.post_init()

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None, **kwargs: Any
    ) -> SequenceClassifierOutput:
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        if self.config.pair:
            a, b = (self._mean(*side) for side in sides(input_ids, mask, self.config.separator))
            one = torch.cat([a, b, (a - b).abs(), a * b], dim=-1)
        else:
            one = self._mean(input_ids, mask)
        logits = self.classifier(one)
        loss = loss_of(logits, labels, self.config.num_labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)  # type: ignore[arg-type]

    def _mean(self, ids: Tensor, mask: Tensor) -> Tensor:
        special = torch.tensor(self.config.special or [-1], device=ids.device)
        real = (mask.bool() & ~torch.isin(ids, special)).to(self.dtype)[..., None]
        states = self.static(input_ids=ids).last_hidden_state
        return (states * real).sum(1) / real.sum(1).clamp(min=1)


class StaticForTokenClassification(_Pretrained):
    """A linear map of each subword's vector."""

    def __init__(self, config: StaticConfig) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        self.static = StaticModel(config)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)  # type: ignore[arg-type]
        self.post_init()

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None, **kwargs: Any
    ) -> TokenClassifierOutput:
        logits = self.classifier(self.static(input_ids=input_ids).last_hidden_state)
        loss = None if labels is None else cross_entropy(logits.flatten(0, 1), labels.flatten())
        return TokenClassifierOutput(loss=loss, logits=logits)  # type: ignore[arg-type]


def register() -> None:
    """Makes transformers' Auto classes and `bertology.load` know static models."""
    models = {
        AutoModel: StaticModel,
        AutoModelForSequenceClassification: StaticForSequenceClassification,
        AutoModelForTokenClassification: StaticForTokenClassification,
    }
    make_known(ROW, StaticConfig, models)


def static_model(
    encoder: Encoder,
    task: Task | None = None,
    *,
    width: int | None = 256,
    progress: Any = lambda what, done, total: None,
) -> Encoder:
    """The encoder's vocabulary as a table of at most `width` dimensions over the same tokenizer; with an untrained head where there is a task.

    Vectors are scaled to a mean length of 1, so that usual learning rates suit them. Raises as compress/teaching/static.py does, and
    NotApplicable for pairs without a token between the texts.
    """
    register()
    table = torch.from_numpy(Static(width=width)(encoder, progress).embeddings)
    table = table / table.norm(dim=1).mean().clamp(min=1e-12)
    tokenizer = encoder.tokenizer
    config = StaticConfig(
        vocab_size=len(table), hidden_size=table.shape[1], special=sorted(tokenizer.all_special_ids), **fields_for(encoder, task)
    )  # fmt: skip
    made = (
        StaticModel
        if task is None
        else StaticForTokenClassification
        if task.kind == "token"
        else StaticForSequenceClassification
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: Any = made(config)
    with torch.no_grad():
        model.base_model.embeddings.weight.copy_(table)
    return wrap(model.to(encoder.device), tokenizer, name=f"static embeddings of {encoder.name}", has_mlm=False)


__all__ = ["StaticForSequenceClassification", "StaticForTokenClassification", "StaticModel", "register", "static_model"]
