"""Objectives over pieces of text, read off [CLS]: next sentence, sentence order, reordering, distance."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from bertology.record.errors import BadRequest
from bertology.train.batch import TrainingBatch
from bertology.train.draft import Piece, Source
from bertology.train.objectives.objective import Objective
from bertology.train.reading import Reading


@dataclass(frozen=True)
class PieceClassification(Objective):
    """Base: one class per example, predicted from [CLS] through BERT's pooler (linear, tanh) and a linear layer."""

    weight: float = 1.0

    @property
    def name(self) -> str:
        return _NAMES[type(self)]

    @property
    def classes(self) -> int:
        return 2

    def head(self, model: nn.Module) -> nn.Module:
        width = int(model.config.hidden_size)  # type: ignore[union-attr,arg-type]
        return nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, self.classes))

    def weights(self) -> Mapping[str, float]:
        return {self.name: self.weight}

    def counts(self, batch: TrainingBatch) -> Mapping[str, int]:
        return {self.name: len(batch.firsts)}

    def losses(self, reading: Reading, head: nn.Module | None) -> Mapping[str, Tensor]:
        assert head is not None
        logits = head(reading.firsts)
        return {self.name: cross_entropy(logits.float(), reading.batch.targets[self.name], reduction="sum")}


@dataclass(frozen=True)
class NSP(PieceClassification):
    """Next sentence prediction (Devlin et al. 2019): half of the time the second piece comes from another document.

    Class 0: it follows; class 1: it does not.
    """

    cites: ClassVar = ("devlin-2019",)
    pieces: ClassVar = 2

    def arrange(
        self, pieces: tuple[Piece, ...], source: Source, rng: np.random.Generator
    ) -> tuple[tuple[Piece, ...], dict[str, Any]]:
        if rng.random() < 0.5:
            return pieces, {self.name: 0}
        return (pieces[0], elsewhere(pieces[1], source, rng), *pieces[2:]), {self.name: 1}


@dataclass(frozen=True)
class SOP(PieceClassification):
    """Sentence order prediction (ALBERT: Lan et al. 2020): class 0 in order, class 1 the same two pieces swapped."""

    cites: ClassVar = ("lan-2020",)
    pieces: ClassVar = 2

    def arrange(
        self, pieces: tuple[Piece, ...], source: Source, rng: np.random.Generator
    ) -> tuple[tuple[Piece, ...], dict[str, Any]]:
        if rng.random() < 0.5:
            return pieces, {self.name: 0}
        return pieces[::-1], {self.name: 1}


@dataclass(frozen=True)
class NextPrevious(PieceClassification):
    """Three classes in equal shares (StructBERT: Wang et al. 2019): next, previous, from another document."""

    cites: ClassVar = ("wang-2019a",)
    pieces: ClassVar = 2

    @property
    def classes(self) -> int:
        return 3

    def arrange(
        self, pieces: tuple[Piece, ...], source: Source, rng: np.random.Generator
    ) -> tuple[tuple[Piece, ...], dict[str, Any]]:
        kind = int(rng.integers(3))
        first, second = pieces[:2]
        return (pieces, pieces[::-1], (first, elsewhere(second, source, rng)))[kind], {self.name: kind}


@dataclass(frozen=True)
class Reordering(PieceClassification):
    """Sentence reordering (ERNIE 2.0: Sun et al. 2020): which of the 6 orders of three pieces was read."""

    cites: ClassVar = ("sun-2019c",)
    pieces: ClassVar = 3

    @property
    def classes(self) -> int:
        return len(_ORDERS)

    def arrange(
        self, pieces: tuple[Piece, ...], source: Source, rng: np.random.Generator
    ) -> tuple[tuple[Piece, ...], dict[str, Any]]:
        if len(pieces) != self.pieces:
            raise BadRequest(
                f"sentence reordering permutes {self.pieces} pieces, this layout makes {len(pieces)}.",
                "Use Pieces(count=3).",
            )
        kind = int(rng.integers(len(_ORDERS)))
        return tuple(pieces[k] for k in _ORDERS[kind]), {self.name: kind}


@dataclass(frozen=True)
class Distance(PieceClassification):
    """Sentence distance (ERNIE 2.0: Sun et al. 2020): 0 adjacent, 1 same document but apart, 2 another document."""

    cites: ClassVar = ("sun-2019c",)
    pieces: ClassVar = 2

    @property
    def classes(self) -> int:
        return 3

    def arrange(
        self, pieces: tuple[Piece, ...], source: Source, rng: np.random.Generator
    ) -> tuple[tuple[Piece, ...], dict[str, Any]]:
        first, second = pieces[:2]
        kind = int(rng.integers(3))
        if kind == 1:
            apart = apart_in_document(first, second, source, rng)
            return ((first, second), {self.name: 0}) if apart is None else ((first, apart), {self.name: 1})
        return ((first, second) if kind == 0 else (first, elsewhere(second, source, rng))), {self.name: kind}


def elsewhere(piece: Piece, source: Source, rng: np.random.Generator) -> Piece:
    """A stretch of the same length that starts with a sentence, in another document where there is one.

    With a single document, or when 50 draws found no room in another, it is anywhere but here.
    """
    stream, size = source.stream, piece[1] - piece[0]
    own = stream.document_of(piece[0])
    alone = len(stream.documents) <= 2
    first = piece[0]
    for draw in range(100):
        first = int(stream.sentences[rng.integers(len(stream.sentences) - 1)])
        inside = first < piece[1] and first + size > piece[0]
        if first + size > len(stream) or inside:
            continue
        if alone or draw >= 50 or own not in (stream.document_of(first), stream.document_of(first + size - 1)):
            break
    return first, min(first + size, len(stream))


def apart_in_document(first: Piece, second: Piece, source: Source, rng: np.random.Generator) -> Piece | None:
    """A stretch of the second piece's length elsewhere in the first one's document; None when that is too short."""
    stream, size = source.stream, second[1] - second[0]
    document = stream.document_of(first[0])
    begin, end = int(stream.documents[document]), int(stream.documents[document + 1])
    starts = stream.sentences[np.searchsorted(stream.sentences, begin) : np.searchsorted(stream.sentences, end)]
    fits = starts[((starts + size < first[0]) | (starts >= second[1])) & (starts + size <= end)]
    if not len(fits):
        return None
    chosen = int(rng.choice(fits))
    return chosen, chosen + size


_ORDERS = tuple(permutations(range(3)))
_NAMES = {NSP: "nsp", SOP: "sop", NextPrevious: "next_previous", Reordering: "reordering", Distance: "distance"}
