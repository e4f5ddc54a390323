"""Trains a tokenizer on raw text: WordPiece (BERT), byte-level BPE (RoBERTa) or unigram (ALBERT)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from bertology.record.errors import BadRequest
from bertology.train.stream import paragraphs_of

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def train_tokenizer(
    paths: Sequence[str | Path], *, size: int, kind: str = "wordpiece", lowercase: bool = True, segments: bool = True
) -> PreTrainedTokenizerFast:
    """A tokenizer with `size` entries (fewer where the text has no more), special tokens included. `segments` lets it return segment ids.

    Raises BadRequest for an unknown kind or a size that leaves no room, BadCorpus for text that cannot be read.
    """
    if kind not in _KINDS:
        raise BadRequest(f"tokenizer {kind!r} is not known.", f"Choose one of {', '.join(_KINDS)}.")
    if size < 50:
        raise BadRequest(f"a vocabulary of {size} is too small.", "Give at least 50.")
    tokenizer, trainer = _KINDS[kind](size, lowercase)
    tokenizer.train_from_iterator(paragraphs_of(paths), trainer)
    if tokenizer.get_vocab_size() > size:
        raise BadRequest(
            f"a vocabulary of {size} has no room for the characters alone, which take {tokenizer.get_vocab_size()} entries.",
            "Give a larger one.",
        )
    ids = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1" if segments else "[CLS] $A [SEP] $B [SEP]",
        special_tokens=ids,
    )
    names = ["input_ids", "token_type_ids", "attention_mask"] if segments else ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_input_names=names, clean_up_tokenization_spaces=False,
        pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]",
    )  # fmt: skip


def read_tokenizer(path: str | Path) -> Any:
    """A fast tokenizer from a folder or hub id. Raises BadRequest."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(path))
    except (OSError, ValueError) as error:
        raise BadRequest(
            f"no tokenizer can be read from {path}: {str(error).splitlines()[0]}", "Give a folder with tokenizer.json."
        ) from error
    if not tokenizer.is_fast:
        raise BadRequest(f"the tokenizer in {path} is not a fast one.", "Convert it to a tokenizer.json.")
    return tokenizer


def _wordpiece(size: int, lowercase: bool) -> tuple[Tokenizer, Any]:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer, trainers.WordPieceTrainer(vocab_size=size, special_tokens=list(SPECIAL), show_progress=False)


def _bpe(size: int, lowercase: bool) -> tuple[Tokenizer, Any]:
    tokenizer = Tokenizer(models.BPE())
    if lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return tokenizer, trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )


def _unigram(size: int, lowercase: bool) -> tuple[Tokenizer, Any]:
    tokenizer = Tokenizer(models.Unigram())
    steps = [normalizers.NFKC(), normalizers.Lowercase()] if lowercase else [normalizers.NFKC()]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer, trainers.UnigramTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), unk_token="[UNK]", show_progress=False
    )


_KINDS = {"wordpiece": _wordpiece, "bpe": _bpe, "unigram": _unigram}
