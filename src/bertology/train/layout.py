"""How running text becomes examples: blocks of a length, whole sentences, or neighbouring pieces of a document."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bertology.record.errors import BadCorpus
from bertology.train.draft import Piece
from bertology.train.stream import Stream


class Layout(Protocol):
    """`length` is the longest example in subwords, special tokens included."""

    @property
    def length(self) -> int: ...

    def examples(self, stream: Stream) -> "list[tuple[Piece, ...]] | NDArray[np.int64]":
        """The pieces of every example, in the order of the text."""
        ...


@dataclass(frozen=True)
class Blocks:
    """Contiguous blocks that all have the full length and may cross sentences and documents: no padding at all.

    RoBERTa's FULL-SENTENCES (Liu et al. 2019) without the regard for sentence borders. With `from_sentences` each block begins
    with a sentence, the one that the block before cut: a model that will read single sentences learns how they begin.
    """

    length: int = 128
    from_sentences: bool = False

    def examples(self, stream: Stream) -> NDArray[np.int64]:
        size = self.length - 2
        last = len(stream) - size
        if last < 0:
            raise BadCorpus(f"the text has {len(stream)} subwords, one block takes {size}.", "Give more text.")
        first = (
            _sentence_after_sentence(stream.sentences, size, last)
            if self.from_sentences
            else np.arange(0, last + 1, size)
        )
        return np.stack([first, first + size], axis=1)[:, None]


@dataclass(frozen=True)
class Sentences:
    """As many whole sentences of one document as fit (DOC-SENTENCES, Liu et al. 2019); a longer sentence is cut."""

    length: int = 128

    def examples(self, stream: Stream) -> list[tuple[Piece, ...]]:
        return _need([((first, end),) for first, end, _ in _runs(stream, self.length - 2)], "a sentence")


@dataclass(frozen=True)
class Pieces:
    """`count` neighbouring pieces of one document, each of whole sentences; together they fill the length.

    Two pieces are what next-sentence and sentence-order prediction read (Devlin et al. 2019; Lan et al. 2020), more are
    permuted in sentence reordering (Sun et al. 2019).
    """

    length: int = 128
    count: int = 2

    def examples(self, stream: Stream) -> list[tuple[Piece, ...]]:
        room = self.length - 1 - self.count
        found: list[tuple[Piece, ...]] = []
        for first, end, borders in _runs(stream, room):
            inner = borders[1:-1]
            if len(inner) < self.count - 1:
                continue
            wanted = first + (end - first) * np.arange(1, self.count) / self.count
            cuts = _distinct_nearest(inner, wanted)
            edges = [first, *cuts, end]
            found.append(tuple(pairwise(edges)))
        return _need(found, f"{self.count} neighbouring sentences of one document")


def _sentence_after_sentence(borders: NDArray[np.int64], size: int, last: int) -> NDArray[np.int64]:
    """Firsts of blocks: the last sentence that begins within the block before or at its end; where none does, that end."""
    begins = borders.tolist()
    firsts, at = [], 0
    while at <= last:
        firsts.append(at)
        begin = begins[bisect_right(begins, at + size) - 1]
        at = begin if begin > at else at + size
    return np.array(firsts)


def _runs(stream: Stream, room: int) -> "list[tuple[int, int, list[int]]]":
    """Greedy runs of whole sentences within a document: first, end, and the sentence borders between them."""
    found: list[tuple[int, int, list[int]]] = []
    borders = stream.sentences.tolist()
    new_document = set(stream.documents.tolist())
    open_: list[int] = [borders[0]]
    for first, end in pairwise(borders):
        if len(open_) > 1 and (end - open_[0] > room or first in new_document):
            found.append((open_[0], open_[-1], open_))
            open_ = [first]
        while end - open_[0] > room:  # a sentence longer than an example
            found.append((open_[0], open_[0] + room, [open_[0], open_[0] + room]))
            open_ = [open_[0] + room]
        if end > open_[-1]:
            open_.append(end)
    if len(open_) > 1:
        found.append((open_[0], open_[-1], open_))
    return found


def _distinct_nearest(borders: list[int], wanted: NDArray[np.float64]) -> list[int]:
    """For each wanted place the nearest border, no border twice, in order."""
    cuts: list[int] = []
    for k, place in enumerate(wanted):
        left = borders[len(cuts) : len(borders) - (len(wanted) - 1 - k)]
        left = [b for b in left if not cuts or b > cuts[-1]]
        cuts.append(min(left, key=lambda b: abs(b - place)))
    return cuts


def _need(found: list[tuple[Piece, ...]], what: str) -> list[tuple[Piece, ...]]:
    if not found:
        raise BadCorpus(f"no example in the text: nowhere is there {what}.", "Give longer documents.")
    return found
