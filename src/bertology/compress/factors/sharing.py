"""ALBERT from an encoder: its layers become one (or a few) that is used again and again, its embeddings thin (Lan et al. 2020).

A start for distillation, not a finished model: a mean of layers computes what none of them does. Only families whose block is BERT's (attention,
norm, feed-forward, norm) can be written as ALBERT. With as many groups as layers and embeddings of full width the result is the encoder itself.

The embeddings: a norm follows in both, over D dimensions in BERT, over E in ALBERT. It removes a row's mean, so rows are thinned without
it, to the principal axes V of the sum of word, position and segment embeddings, in coordinates that sum to zero; the map back takes √(D / E) and the
norm's scale. A row's mean is put where ALBERT's norm removes it and its tied decoder still reads it.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity
from transformers import (
    AlbertConfig,
    AlbertForMaskedLM,
    AlbertForSequenceClassification,
    AlbertForTokenClassification,
    AlbertModel,
)

from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.encoder.families import AFTER_PADDING, kind
from bertology.encoder.load import wrap
from bertology.intervene.inputs import MaskWords, masked
from bertology.record.errors import BadRequest, NotApplicable

BERT_BLOCK = ("bert", "roberta", "camembert", "xlm-roberta", "electra", "data2vec-text")
NAMES = {
    "attention.self.query": "attention.query", "attention.self.key": "attention.key", "attention.self.value": "attention.value",
    "attention.output.dense": "attention.dense", "attention.output.LayerNorm": "attention.LayerNorm",
    "intermediate.dense": "ffn", "output.dense": "ffn_output", "output.LayerNorm": "full_layer_layer_norm",
}  # fmt: skip
"""Of a layer's parts: BERT's name and ALBERT's."""


def shared(
    encoder: Encoder, *, layer: Literal["mean"] | int = "mean", embedding: int | None = None, groups: int = 1
) -> Encoder:
    """A transformers AlbertModel of as many calls as the encoder has layers, with its head (ForMaskedLM, ForSequenceClassification, ForTokenClassification).

    `layer` is which layer all calls use (from 1), or "mean": of each of `groups` of neighbouring layers, one for each group. `embedding` is the width of the embeddings,
    by default 128 or the encoder's own if less. Poolers and task heads are kept as they are; the language-model head is not a
    linear map of the thin one, so only its first matrix is projected. Raises NotApplicable for families of another block or head, BadRequest for sizes out of range.
    """
    family, config = kind(encoder.config), encoder.config
    if family not in BERT_BLOCK:
        raise NotApplicable(f"the block of {family} is not BERT's, which ALBERT repeats")
    if getattr(config, "cut", None):
        raise NotApplicable(
            f"{encoder.name} has parts taken out, which ALBERT's config cannot say; share first, then cut"
        )
    wide = int(encoder.base.get_input_embeddings().weight.shape[1])  # type: ignore[operator,union-attr,index]
    thin = min(128, wide) if embedding is None else embedding
    if not 2 <= thin <= wide:
        raise BadRequest(f"embeddings of {thin} dimensions from {wide}.", f"Give 2 to {wide}.")
    if isinstance(layer, int) and (not 1 <= layer <= encoder.n_layers or groups != 1):
        raise BadRequest(
            f"layer {layer} of {encoder.n_layers} for {groups} groups.", 'Give a layer and one group, or "mean".'
        )
    if not 1 <= groups <= encoder.n_layers:
        raise BadRequest(f"{groups} groups of {encoder.n_layers} layers.", f"Give 1 to {encoder.n_layers}.")
    thinner = _Thinner.of(_tables(encoder), thin)
    model = _class(encoder)(_config(encoder, thin, groups)).to(encoder.device, encoder.dtype)
    base: Any = encoder.base
    with torch.no_grad():
        _embeddings(base, model.base_model, _tables(encoder), thinner)
        for g, module in enumerate(model.base_model.encoder.albert_layer_groups):
            chosen = [k for k in range(encoder.n_layers) if int(k / (encoder.n_layers / groups)) == g]
            if isinstance(layer, int):
                chosen = [layer - 1]
            for before, after in NAMES.items():
                parts = [base.encoder.layer[k].get_submodule(before) for k in chosen]
                _mean_into(module.albert_layers[0].get_submodule(after), parts)
        _head(encoder, model, thinner)
    name = f"{encoder.name}, layers shared"
    return wrap(model, deepcopy(encoder.tokenizer), name=name, has_mlm=encoder.has_mlm)


class Distance(NamedTuple):
    """How far a smaller encoder is from the whole: mean cosine of the last layer's states (nan where widths differ), and KL(whole || smaller) of the
    predictions at masked places in nats (nan without language-model heads)."""

    cosine: float
    divergence: float


def distance(less: Encoder, whole: Encoder, text: Corpus, *, masking: float = 0.15, seed: int = 0) -> Distance:
    """Over all real subwords of a text, and over its masked ones. Raises BadRequest for different tokenizers."""
    if less.tokenizer.get_vocab() != whole.tokenizer.get_vocab():
        raise BadRequest(f"{less.name} and {whole.name} have different tokenizers.", "Compare two of one tokenizer.")
    cosines, divergences = [], []
    both = less.has_mlm and whole.has_mlm and "mask" in whole.has
    with torch.inference_mode():
        for batch in whole.batches(text, attention=False):
            if less.width == whole.width:
                a, b = (e.observe(batch).hidden(e.n_layers)[batch.mask].float() for e in (less, whole))
                cosines.append(cosine_similarity(a, b, dim=-1))
            if both:
                given = MaskWords(masking, seed).change(batch, whole)
                where, _ = masked(given)
                p, q = (
                    e.mlm_logits(e.observe(given).hidden(e.n_layers)[where]).float().log_softmax(-1)
                    for e in (whole, less)
                )
                divergences.append((p.exp() * (p - q)).sum(-1))
    mean = lambda found: float(torch.cat(found).mean()) if found else float("nan")
    return Distance(mean(cosines), mean(divergences))


class _Thinner(NamedTuple):
    """`axes`: (wide, thin - 1) principal axes; `basis`: (thin, thin - 1) of the vectors that sum to zero. Of equal sizes both are the same."""

    axes: Tensor
    basis: Tensor

    @classmethod
    def of(cls, tables: Sequence[Tensor], thin: int) -> "_Thinner":
        """For sums of one row of each table, rows drawn evenly and independently."""
        centred = [t.double() - t.double().mean(1, keepdim=True) for t in tables]
        total = torch.stack([t.mean(0) for t in centred]).sum(0)
        second = torch.stack([(t - t.mean(0)).T @ (t - t.mean(0)) / len(t) for t in centred]).sum(0)
        wide = len(total)
        _, vectors = torch.linalg.eigh(second + torch.outer(total, total) - 1e3 * second.trace() * torch.ones_like(second) / wide)  # fmt: skip
        axes = vectors.flip(1)[:, : thin - 1]  # the direction of all ones, in which nothing lies, has the lowest value
        if thin == wide:
            return cls(axes, axes)
        full, _ = torch.linalg.qr(torch.cat([torch.ones(thin, 1), torch.eye(thin)[:, 1:]], 1).double().to(axes.device))
        return cls(axes, full[:, 1:])

    @property
    def out(self) -> Tensor:
        """(thin, wide): what the decoder reads of a vector y, so that thin rows give the logits that the wide ones gave, to the nearest."""
        thin, wide = len(self.basis), len(self.axes)
        return self.basis @ self.axes.T + torch.ones(thin, wide, dtype=self.axes.dtype, device=self.axes.device) / thin

    def rows(self, table: Tensor) -> Tensor:
        mean = table.double().mean(1, keepdim=True)
        return (table.double() - mean) @ self.axes @ self.basis.T + mean

    def back(self, scale: Tensor) -> Tensor:
        """(wide, thin): from a normed thin vector to the normed and scaled wide one."""
        ratio = (len(self.axes) / len(self.basis)) ** 0.5
        return ratio * scale.double()[:, None] * (self.axes @ self.basis.T)


def _tables(encoder: Encoder) -> list[Tensor]:
    """Word, position and segment embeddings; positions from the first that a token has."""
    place: Any = encoder.base.embeddings
    positions = place.position_embeddings.weight.detach()
    if kind(encoder.config) in AFTER_PADDING:
        positions = positions[int(encoder.config.pad_token_id) + 1 :]
    return [place.word_embeddings.weight.detach(), positions, place.token_type_embeddings.weight.detach()]


def _class(encoder: Encoder) -> Any:
    """ALBERT's class with the encoder's head. Raises NotApplicable for a head that ALBERT has not."""
    name = type(encoder.model).__name__
    if encoder.has_mlm:
        return AlbertForMaskedLM
    if name.endswith("ForSequenceClassification"):
        if kind(encoder.config) == "electra":
            raise NotApplicable(
                "the classification head of electra is another than ALBERT's; share it before it is tuned"
            )
        return AlbertForSequenceClassification
    if name.endswith("ForTokenClassification"):
        return AlbertForTokenClassification
    return AlbertModel


def _config(encoder: Encoder, thin: int, groups: int) -> AlbertConfig:
    before, (words, positions, segments) = encoder.config, _tables(encoder)
    labels = {k: getattr(before, k) for k in ("id2label", "label2id", "problem_type")}
    config = AlbertConfig(
        vocab_size=len(words), embedding_size=thin, hidden_size=encoder.width, num_hidden_layers=encoder.n_layers, num_hidden_groups=groups,
        num_attention_heads=encoder.n_heads, intermediate_size=int(before.intermediate_size), hidden_act=before.hidden_act,
        hidden_dropout_prob=before.hidden_dropout_prob, attention_probs_dropout_prob=before.attention_probs_dropout_prob,
        classifier_dropout_prob=before.hidden_dropout_prob, max_position_embeddings=len(positions), type_vocab_size=len(segments),
        layer_norm_eps=before.layer_norm_eps, initializer_range=before.initializer_range, pad_token_id=before.pad_token_id,
        bos_token_id=before.bos_token_id, eos_token_id=before.eos_token_id, **labels,
    )  # fmt: skip
    config._attn_implementation = before._attn_implementation
    return config


def _embeddings(before: Any, after: Any, tables: Sequence[Tensor], thinner: _Thinner) -> None:
    place, norm = after.embeddings, before.embeddings.LayerNorm
    for module, table in zip(
        (place.word_embeddings, place.position_embeddings, place.token_type_embeddings), tables, strict=True
    ):
        module.weight.copy_(thinner.rows(table))
    place.LayerNorm.weight.fill_(1.0)
    place.LayerNorm.bias.zero_()
    weight, bias = thinner.back(norm.weight), norm.bias.double()
    up = getattr(before, "embeddings_project", None)
    if up is not None:  # ELECTRA's embeddings are thin already
        weight, bias = up.weight.double() @ weight, up.weight.double() @ bias + up.bias
    after.encoder.embedding_hidden_mapping_in.weight.copy_(weight)
    after.encoder.embedding_hidden_mapping_in.bias.copy_(bias)


def _mean_into(module: nn.Module, parts: Sequence[nn.Module]) -> None:
    for name, p in module.named_parameters():
        p.copy_(torch.stack([part.get_parameter(name) for part in parts]).mean(0))


def _head(encoder: Encoder, model: Any, thinner: _Thinner) -> None:
    """The pooler, and what stands above the trunk."""
    before: Any = encoder.model
    if isinstance(model, AlbertForMaskedLM):
        dense, norm, bias = _prediction(encoder)
        head, out = model.predictions, thinner.out
        if len(out) == dense.out_features:  # the embeddings keep their width, so the head is the same
            head.dense.load_state_dict(dense.state_dict())
            head.LayerNorm.load_state_dict(norm.state_dict())
        else:
            head.dense.weight.copy_(out @ dense.weight.double())
            head.dense.bias.copy_(out @ dense.bias.double())
            head.LayerNorm.weight.fill_(float(norm.weight.square().mean().sqrt()))
            head.LayerNorm.bias.copy_(out @ norm.bias.double())
        head.bias.copy_(bias)
        return
    pooler = getattr(encoder.base, "pooler", None)
    target = model.base_model.pooler
    if target is not None and pooler is not None:
        target.load_state_dict(pooler.dense.state_dict())
    classifier = getattr(before, "classifier", None)
    if classifier is not None and hasattr(classifier, "out_proj"):  # RoBERTa's head is a pooler and a classifier
        model.base_model.pooler.load_state_dict(classifier.dense.state_dict())
        classifier = classifier.out_proj
    if classifier is not None:
        model.classifier.load_state_dict(classifier.state_dict())


def _prediction(encoder: Encoder) -> tuple[Any, Any, Tensor]:
    """The map, the norm and the bias of a language-model head."""
    model: Any = encoder.model
    if hasattr(model, "cls"):
        return (
            model.cls.predictions.transform.dense,
            model.cls.predictions.transform.LayerNorm,
            model.cls.predictions.bias,
        )
    if hasattr(model, "generator_predictions"):
        head = model.generator_predictions
        return head.dense, head.LayerNorm, model.generator_lm_head.bias
    return model.lm_head.dense, model.lm_head.layer_norm, model.lm_head.bias
