"""Trains a tokenizer on raw text: WordPiece (BERT), byte-level BPE (RoBERTa) or unigram (ALBERT)."""

import json
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

    The same text gives the same tokenizer, which the trainers alone do not promise: they number ties in the order of a hash table.
    Raises BadRequest for an unknown kind or a size that leaves no room, BadCorpus for text that cannot be read.
    """
    if kind not in _KINDS:
        raise BadRequest(f"tokenizer {kind!r} is not known.", f"Choose one of {', '.join(_KINDS)}.")
    if size < 50:
        raise BadRequest(f"a vocabulary of {size} is too small.", "Give at least 50.")
    tokenizer = _KINDS[kind](paths, size, lowercase)
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


def _wordpiece(paths: Sequence[str | Path], size: int, lowercase: bool) -> Tokenizer:
    def trained(size: int, first: list[str]) -> Tokenizer:
        tokenizer = _raw_wordpiece({}, lowercase)
        trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=[*SPECIAL, *first], show_progress=False)
        tokenizer.train_from_iterator(paragraphs_of(paths), trainer)
        return tokenizer

    inside = sorted(token for token in trained(1, []).get_vocab() if token.startswith("##"))  # characters inside words
    tokenizer = _raw_wordpiece(
        trained(size, inside).get_vocab(), lowercase
    )  # `inside` are no special tokens of this one
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def _raw_wordpiece(vocabulary: dict[str, int], lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def _bpe(paths: Sequence[str | Path], size: int, lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    if lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True, trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )  # fmt: skip
    tokenizer.train_from_iterator(paragraphs_of(paths), trainer)
    return tokenizer


def _unigram(paths: Sequence[str | Path], size: int, lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    steps = [normalizers.NFKC(), normalizers.Lowercase()] if lowercase else [normalizers.NFKC()]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), unk_token="[UNK]", show_progress=False
    )
    tokenizer.train_from_iterator(paragraphs_of(paths), trainer)
    content = json.loads(tokenizer.to_str())
    content["model"]["vocab"] = _in_order(content["model"]["vocab"])
    return Tokenizer.from_str(json.dumps(content))


def _in_order(scored: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Pieces by score, ties by their characters, scores without the noise of their summation.

    Characters of which no piece is left are given scores 0.0001 apart, from the lowest up, in the order of a hash table;
    here they all have the lowest.
    """
    special, pieces = scored[: len(SPECIAL)], [(piece, round(score, 6)) for piece, score in scored[len(SPECIAL) :]]
    lowest = min(score for _, score in pieces)
    stairs = lowest + 0.0001 * sum(len(piece) == 1 for piece, _ in pieces)
    pieces = [(piece, lowest if len(piece) == 1 and score <= stairs else score) for piece, score in pieces]
    return [*special, *sorted(pieces, key=lambda item: (-item[1], item[0]))]


_KINDS = {"wordpiece": _wordpiece, "bpe": _bpe, "unigram": _unigram}
