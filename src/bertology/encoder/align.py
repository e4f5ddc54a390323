"""Text to subwords and back to words: one encoded corpus per encoder, aligned by characters.

Words are found by the character offsets of the natural text, so "don't" as two words, byte-level BPE with or without a
prefix space, WordPiece and SentencePiece all go the same way; tokenizers without offsets (slow ones) encode word by word.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertology.corpus.sentence import Corpus, Sentence
from bertology.record.errors import BadCorpus, Misaligned


@dataclass(frozen=True)
class Line:
    """One encoded sentence: subword ids, special-token mask, segment ids, and for each word its subword positions."""

    index: int
    ids: NDArray[np.int64]
    special: NDArray[np.bool_]
    types: NDArray[np.int64]
    pieces: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Encoded:
    """A corpus as one tokenizer sees it. `dropped` maps reasons to counts; `lines` keep the corpus's order."""

    corpus: Corpus
    lines: tuple[Line, ...]
    dropped: dict[str, int] = field(default_factory=dict)

    @property
    def n_tokens(self) -> int:
        return sum(len(line.ids) for line in self.lines)

    @property
    def n_words(self) -> int:
        return sum(len(line.pieces) for line in self.lines)


def encode(corpus: Corpus, tokenizer: Any, max_length: int) -> Encoded:
    """Every sentence of the corpus that fits in `max_length` subwords and whose words all map to subwords."""
    lines: list[Line] = []
    misaligned: list[str] = []
    too_long = 0
    chunk = 2000
    for start in range(0, len(corpus), chunk):
        part = corpus.sentences[start : start + chunk]
        for offset, line in enumerate(_encode_all(part, tokenizer)):
            index = start + offset
            empty = next((w for w, pieces in enumerate(line[3]) if not pieces), None)
            if empty is not None:
                misaligned.append(f"{corpus[index].words[empty]!r} (sentence {corpus[index].id}, word {empty + 1})")
            elif len(line[0]) > max_length:
                too_long += 1
            elif len(line[3]):
                lines.append(Line(index, *line))
    dropped = {}
    if misaligned:
        dropped[f"a word maps to no subword, first {misaligned[0]}"] = len(misaligned)
    if too_long:
        dropped[f"longer than {max_length} subwords"] = too_long
    if len(corpus) and not lines and misaligned:
        raise Misaligned(
            f"no sentence of corpus {corpus.name!r} can be encoded: {misaligned[0]} maps to no subword.",
            "Check that the tokenizer belongs to the model and fits the language of the corpus.",
        )
    if len(corpus) and not lines:
        raise BadCorpus(
            f"every sentence of corpus {corpus.name!r} is longer than the model's {max_length} subwords.",
            "Give a corpus of shorter sentences; nothing is cut silently.",
        )
    return Encoded(corpus, tuple(lines), dropped)


def _encode_all(sentences: Sequence[Sentence], tokenizer: Any) -> list[tuple[Any, ...]]:
    if not tokenizer.is_fast:
        return [_word_by_word(s, tokenizer) for s in sentences]
    cuts = [_segment_cut(s) for s in sentences]
    encoded: list[Any] = [None] * len(sentences)
    for paired in (False, True):
        places = [i for i, cut in enumerate(cuts) if (cut is not None) == paired]
        if not places:
            continue
        first = [sentences[i].text[: cuts[i]].rstrip() if paired else sentences[i].text for i in places]
        second = [sentences[i].text[cuts[i] :] for i in places] if paired else None
        out = tokenizer(
            first, second, return_offsets_mapping=True, return_special_tokens_mask=True, return_token_type_ids=True,
            padding=False, truncation=False, verbose=False,
        )  # fmt: skip
        for k, i in enumerate(places):
            encoded[i] = (out, k, cuts[i])
    return [_aligned(s, *e) for s, e in zip(sentences, encoded, strict=True)]


def _segment_cut(s: Sentence) -> int | None:
    """The character at which the second segment begins, or None for a single segment."""
    segments = s.layers.get("segment")
    if segments is None or 1 not in segments:
        return None
    return s.starts[segments.index(1)]


def _aligned(s: Sentence, out: Any, k: int, cut: int | None) -> tuple[Any, ...]:
    ids = np.asarray(out["input_ids"][k], dtype=np.int64)
    types = np.asarray(out["token_type_ids"][k], dtype=np.int64)
    special = np.asarray(out["special_tokens_mask"][k], dtype=bool)
    spans = np.asarray(out["offset_mapping"][k], dtype=np.int64).reshape(-1, 2)
    begin, end = spans[:, 0].copy(), spans[:, 1].copy()
    if cut is not None:
        shift = np.array([sequence == 1 for sequence in out.sequence_ids(k)]) * cut
        begin, end = begin + shift, end + shift
    text = s.text
    for token in np.flatnonzero(end > begin):  # byte-level BPE and SentencePiece may count the space before a word
        while begin[token] < end[token] - 1 and text[begin[token]].isspace():
            begin[token] += 1
    pieces: list[list[int]] = [[] for _ in s.words]
    touched: list[list[int]] = [[] for _ in s.words]
    starts, ends = s.starts, s.ends
    word = 0
    for token in np.flatnonzero(~special & (end > begin)).tolist():
        b, e = int(begin[token]), int(end[token])
        while word < len(ends) - 1 and ends[word] <= b:
            word += 1
        overlaps = []
        w = word
        while w < len(starts) and starts[w] < e:
            overlap = min(e, ends[w]) - max(b, starts[w])
            if overlap > 0:
                overlaps.append((overlap, -w))
                touched[w].append(token)
            w += 1
        if overlaps:
            pieces[-max(overlaps)[1]].append(token)
    # a subword over two words ("didn" in did|n't) goes to the one it covers most; a word left with none shares it
    pieces = [own or shared for own, shared in zip(pieces, touched, strict=True)]
    return ids, special, types, tuple(map(tuple, pieces))


def _word_by_word(s: Sentence, tokenizer: Any) -> tuple[Any, ...]:
    segments = s.layers.get("segment", (0,) * len(s))
    parts: tuple[list[int], list[int]] = ([], [])
    places: list[tuple[int, int, int]] = []
    for word, segment in zip(s.words, segments, strict=True):
        ids = tokenizer.encode(word, add_special_tokens=False)
        places.append((segment, len(parts[segment]), len(ids)))
        parts[segment].extend(ids)
    second = parts[1] or None
    ids = tokenizer.build_inputs_with_special_tokens(parts[0], second)
    special = np.asarray(
        tokenizer.get_special_tokens_mask(parts[0], second, already_has_special_tokens=False), dtype=bool
    )
    types = np.asarray(tokenizer.create_token_type_ids_from_sequences(parts[0], second), dtype=np.int64)
    ordinary = np.flatnonzero(~special)
    shift = (0, len(parts[0]))
    pieces = tuple(tuple(ordinary[shift[g] + at : shift[g] + at + n].tolist()) for g, at, n in places)
    return np.asarray(ids, dtype=np.int64), special, types, pieces
