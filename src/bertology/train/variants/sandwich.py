"""Sandwich order: the same sublayers in another order, attention below and feed-forward on top (Press et al. 2020).

Of n layers' sublayers s (attention) and f (feed-forward), a coefficient k makes s^k (sf)^(n-k) f^k. The weights are BERT's, by
BERT's names: for every k a model has the same parameters and, drawn with one seed, the same values; k = 0 is BERT.
"""

from typing import Any

from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
)
from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions
from transformers.models.bert.modeling_bert import BertEncoder, BertLayer

from bertology.encoder.families import FAMILIES, Family
from bertology.record.errors import BadRequest

ROW: Family = FAMILIES["bert"]._replace(
    caveat="feed-forward sublayers run later than their layer's attention: neurons(l) are those of module l - k"
)
"""The family table's row: a layer is one attention and what runs between it and the next."""


class SandwichBertConfig(BertConfig):
    """BERT's config and `sandwich`, the coefficient k, from 0 to layers - 1."""

    model_type = "sandwich_bert"
    sandwich: int = 0


class SandwichLayer(BertLayer):
    """Its own attention, then the feed-forward sublayers of the modules that are due."""

    def forward(  # type: ignore[override]
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        due: tuple[BertLayer, ...] = (),
        **kwargs: Any,
    ) -> Tensor:
        hidden_states, _ = self.attention(hidden_states, attention_mask, **kwargs)
        for layer in due:
            hidden_states = layer.feed_forward_chunk(hidden_states)
        return hidden_states


class SandwichEncoder(BertEncoder):
    """Calls its layers in turn; module l's feed-forward is due after attention l + k, the last k after the last attention."""

    def forward(  # type: ignore[override]
        self, hidden_states: Tensor, attention_mask: Tensor | None = None, **kwargs: Any
    ) -> BaseModelOutputWithPastAndCrossAttentions:
        layers, k = tuple(self.layer), self.config.sandwich
        for name in ("encoder_hidden_states", "encoder_attention_mask", "cache", "use_cache"):
            kwargs.pop(name, None)
        for i, layer in enumerate(layers):
            end = len(layers) if i + 1 == len(layers) else max(0, i - k + 1)
            due = layers[max(0, i - k) : end]
            hidden_states = layer(hidden_states, attention_mask, due=due, **kwargs)
        return BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=hidden_states)


class SandwichBertModel(BertModel):
    config: SandwichBertConfig  # type: ignore[assignment]

    def __init__(self, config: SandwichBertConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config, add_pooling_layer)
        _reorder(self)


class SandwichBertForMaskedLM(BertForMaskedLM):
    config: SandwichBertConfig  # type: ignore[assignment]

    def __init__(self, config: SandwichBertConfig) -> None:
        super().__init__(config)
        _reorder(self.bert)


class SandwichBertForSequenceClassification(BertForSequenceClassification):
    config: SandwichBertConfig  # type: ignore[assignment]

    def __init__(self, config: SandwichBertConfig) -> None:
        super().__init__(config)
        _reorder(self.bert)


class SandwichBertForTokenClassification(BertForTokenClassification):
    config: SandwichBertConfig  # type: ignore[assignment]

    def __init__(self, config: SandwichBertConfig) -> None:
        super().__init__(config)
        _reorder(self.bert)


def _reorder(base: BertModel) -> None:
    """Another class for the modules that stand: built twice, they would draw other weights than BERT."""
    config: Any = base.config
    if not 0 <= config.sandwich < config.num_hidden_layers or config.is_decoder:
        raise BadRequest(
            f"a sandwich coefficient of {config.sandwich} for {config.num_hidden_layers} layers.",
            "Give one from 0 to the number of layers less 1, for an encoder.",
        )
    base.encoder.__class__ = SandwichEncoder
    for layer in base.encoder.layer:
        layer.__class__ = SandwichLayer


AutoConfig.register(SandwichBertConfig.model_type, SandwichBertConfig)
for _auto, _model in (
    (AutoModel, SandwichBertModel),
    (AutoModelForMaskedLM, SandwichBertForMaskedLM),
    (AutoModelForSequenceClassification, SandwichBertForSequenceClassification),
    (AutoModelForTokenClassification, SandwichBertForTokenClassification),
):
    _auto.register(SandwichBertConfig, _model)
