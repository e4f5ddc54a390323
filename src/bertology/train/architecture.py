"""The shape of a model to train: a family, its sizes, and what is special about it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedModel

from bertology.encoder.families import AFTER_PADDING, FAMILIES
from bertology.record.errors import BadRequest, UnknownFamily

if TYPE_CHECKING:
    from bertology.train.variants import Variant


@dataclass(frozen=True)
class Architecture:
    """Sizes by the field's names. `options` are further arguments of the family's config, as pairs; `variant` is another
    attention (train/variants)."""

    family: str = "bert"
    layers: int = 12
    heads: int = 12
    width: int = 768
    feed_forward: int = 3072
    positions: int = 512
    segments: int = 2
    dropout: float = 0.1
    options: tuple[tuple[str, Any], ...] = ()
    variant: "Variant | None" = field(default=None, metadata={"later": True})

    def config(self, tokenizer: Any) -> Any:
        """The family's transformers config for a tokenizer. Raises UnknownFamily, BadRequest."""
        if self.family not in FAMILIES:
            raise UnknownFamily(f"{self.family!r} has no row in encoder/families.py.", "Choose a family that has one.")
        if self.width % self.heads:
            raise BadRequest(f"width {self.width} is no multiple of {self.heads} heads.", "Change one of them.")
        offset = 2 if self.family in AFTER_PADDING else 0
        named = {
            "hidden_size": self.width, "num_hidden_layers": self.layers, "num_attention_heads": self.heads,
            "intermediate_size": self.feed_forward, "max_position_embeddings": self.positions + offset,
            "type_vocab_size": self.segments, "hidden_dropout_prob": self.dropout, "attention_probs_dropout_prob": self.dropout,
        }  # fmt: skip
        own = _OWN_NAMES.get(self.family, {})
        given = {own.get(name, name): value for name, value in named.items() if own.get(name, name)}
        special = {f"{n}_token_id": getattr(tokenizer, f"{n}_token_id") for n in ("pad", "cls", "sep")}
        special |= {"bos_token_id": special["cls_token_id"], "eos_token_id": special["sep_token_id"]}
        config = AutoConfig.for_model(
            self.family, **given, vocab_size=_rounded(len(tokenizer)), **special, **dict(self.options)
        )
        if self.variant is not None:
            self.variant.mark(config)
        return config

    def build(self, tokenizer: Any, seed: int, auto: Any = AutoModelForMaskedLM) -> PreTrainedModel:
        """A model with fresh weights, drawn from the family's initialiser with `seed`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return auto.from_config(self.config(tokenizer))


def n_parameters(model: nn.Module) -> int:
    """Parameters, tied ones counted once."""
    return sum(p.numel() for p in model.parameters())


_OWN_NAMES = {
    "distilbert": {
        "hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads", "intermediate_size": "hidden_dim",
        "hidden_dropout_prob": "dropout", "attention_probs_dropout_prob": "attention_dropout", "type_vocab_size": "",
    },
    "modernbert": {
        "hidden_dropout_prob": "mlp_dropout", "attention_probs_dropout_prob": "attention_dropout", "type_vocab_size": "",
    },
}  # fmt: skip


def _rounded(n: int) -> int:
    """The vocabulary padded to a multiple of 64, which matrix products are faster at."""
    return (n + 63) // 64 * 64
