"""Tiny random encoders of every family, with tokenizers made on the spot."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import CONFIG_MAPPING, AutoConfig, AutoModel, AutoModelForMaskedLM, PreTrainedTokenizerFast

from bertology.encoder import Encoder, wrap
from bertology.train.tokenizer import train_tokenizer

TEXT = (
    "The unbelievable cats did n't sit on Anna 's mats .",
    "The cats near the old dog sleep . Birds sing .",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z A B C D E F G H I J K L M N O P Q R S T U V W X Y Z ' . , ? !",
)
SMALL = dict(
    vocab_size=120, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
    max_position_embeddings=64, pad_token_id=0, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip
OWN: dict[str, dict[str, Any]] = {
    "albert": dict(embedding_size=16, num_hidden_layers=3),
    "electra": dict(embedding_size=16),
    "distilbert": dict(dim=32, n_layers=2, n_heads=4, hidden_dim=48),
    "deberta": dict(relative_attention=True, pos_att_type=["c2p", "p2c"], max_relative_positions=16),
    "deberta-v2": dict(relative_attention=True, pos_att_type=["c2p", "p2c"], position_buckets=8, share_att_key=True),
    "big_bird": dict(attention_type="original_full"),
    "longformer": dict(attention_window=[4, 4]),
    "convbert": dict(embedding_size=32, head_ratio=2, conv_kernel_size=3),
    "mobilebert": dict(embedding_size=16, true_hidden_size=32, intra_bottleneck_size=32, num_feedforward_networks=2),
    "nystromformer": dict(num_landmarks=64, segment_means_seq_len=64),
    "modernbert": dict(global_attn_every_n_layers=2, local_attention=8, cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3),
    "luke": dict(entity_vocab_size=10, entity_emb_size=16),
    "rembert": dict(input_embedding_size=16, output_embedding_size=16),
    "eurobert": dict(num_key_value_heads=4, head_dim=8),
    "roformer": dict(embedding_size=32),
    "esm": dict(mask_token_id=4, token_dropout=False, position_embedding_type="rotary"),
    "jina_embeddings_v3": dict(),
}  # fmt: skip
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@cache
def tokenizer(kind: str = "wordpiece") -> PreTrainedTokenizerFast:
    """A trained tokenizer of one kind: wordpiece, bpe (byte-level), bpe-prefix, unigram (SentencePiece style); the same in every process."""
    if kind in ("wordpiece", "unigram"):
        with TemporaryDirectory() as place:
            text = Path(place, "text.txt")
            text.write_text("\n\n".join(TEXT), encoding="utf-8")
            return train_tokenizer([text], size=115, kind=kind, lowercase=kind == "wordpiece")
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=kind == "bpe-prefix", trim_offsets=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tok.train_from_iterator(
        TEXT, trainers.BpeTrainer(vocab_size=320, special_tokens=SPECIAL, initial_alphabet=alphabet)
    )
    tok.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tok, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )  # fmt: skip


def config(model_type: str, **changes: Any) -> Any:
    """Skips the test when the installed transformers is too old to know the family."""
    if model_type not in CONFIG_MAPPING:
        pytest.skip(f"this transformers has no {model_type}")
    options = {**SMALL, **OWN.get(model_type, {}), **changes}
    return AutoConfig.for_model(model_type, **options)


def tiny(
    model_type: str = "bert",
    *,
    mlm: bool = True,
    seed: int = 0,
    scale: float = 6.0,
    kind: str = "wordpiece",
    **changes: Any,
) -> Encoder:
    """A random encoder; weights are scaled up so that heads really mix tokens."""
    tok = tokenizer(kind)
    cfg = config(model_type, **{"vocab_size": len(tok) + 5, **changes})
    torch.manual_seed(seed)
    auto = AutoModelForMaskedLM if mlm and type(cfg) in AutoModelForMaskedLM._model_mapping else AutoModel
    model = auto.from_config(cfg)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(scale)
    return wrap(model, tok, name=f"tiny {model_type}")
