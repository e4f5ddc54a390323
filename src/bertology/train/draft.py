"""One training example in the making: what the text says, what the model reads, what it must predict."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.record.errors import BadRequest
from bertology.train.stream import Stream

IGNORED = -100
"""A label where nothing is predicted."""

Piece = tuple[int, int]
"""A stretch of the stream: first position and one past the last."""


@dataclass
class Draft:
    """Arrays of one length n, edited in place by objectives.

    `clean` is the text with its special tokens and is never edited; `ids` is what the model reads; `words` numbers the
    word of each subword (-1 for special tokens); `segments` and `positions` are the model's; `labels` are ids to predict,
    IGNORED elsewhere. `visible[q, k]` says whether position q may attend to k; None when all may.
    `targets` holds one class (or array) per further objective.
    """

    clean: NDArray[np.int64]
    ids: NDArray[np.int64]
    words: NDArray[np.int64]
    segments: NDArray[np.int64]
    positions: NDArray[np.int64]
    labels: NDArray[np.int64]
    visible: NDArray[np.bool_] | None = None
    targets: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def maskable(self) -> NDArray[np.int64]:
        """Positions that are no special token."""
        return np.flatnonzero(self.words >= 0)

    def keep(self, positions: NDArray[np.int64]) -> None:
        """Drops all other positions; the rest close up and are numbered anew."""
        for name in ("clean", "ids", "words", "segments", "labels"):
            setattr(self, name, getattr(self, name)[positions])
        self.positions = np.arange(len(positions))

    def extend(
        self, ids: NDArray[np.int64], at: NDArray[np.int64], labels: NDArray[np.int64], visible: NDArray[np.bool_]
    ) -> None:
        """Appends reading copies of positions `at`: same places and segments, other symbols, and a `visible` of their own."""
        self.clean = np.concatenate([self.clean, self.clean[at]])
        self.ids = np.concatenate([self.ids, ids])
        self.words = np.concatenate([self.words, np.full(len(at), -1)])
        self.segments = np.concatenate([self.segments, self.segments[at]])
        self.positions = np.concatenate([self.positions, self.positions[at]])
        self.labels = np.concatenate([self.labels, labels])
        self.visible = visible


class Symbols(NamedTuple):
    """Ids of the special tokens, and the ids that a random token is drawn from."""

    cls: int
    sep: int
    mask: int
    unknown: int
    ordinary: NDArray[np.int64]

    @classmethod
    def of(cls, tokenizer: Any) -> "Symbols":
        """Raises BadRequest when the tokenizer lacks one that training needs."""
        found = {name: getattr(tokenizer, f"{name}_token_id") for name in ("cls", "sep", "mask")}
        lacking = [name for name, value in found.items() if value is None]
        if lacking:
            raise BadRequest(
                f"the tokenizer has no {' and no '.join(lacking)} token.", "Use one made for BERT-like encoders."
            )
        special = set(tokenizer.all_special_ids)
        ordinary = np.array([i for i in range(len(tokenizer)) if i not in special])
        unknown = tokenizer.unk_token_id
        return cls(found["cls"], found["sep"], found["mask"], found["mask"] if unknown is None else unknown, ordinary)


@dataclass(frozen=True, eq=False)
class Source:
    """What objectives may look at beside their own example: the stream and the symbols."""

    stream: Stream
    symbols: Symbols

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """1 / sqrt(frequency) of each subword id; 0 for ids that never occur (Lample & Conneau 2019)."""
        counts = self.stream.frequencies.astype(np.float64)
        return np.where(counts > 0, 1 / np.sqrt(np.maximum(counts, 1)), 0.0)

    def assemble(self, pieces: Sequence[Piece]) -> Draft:
        """[CLS] piece [SEP], with one more `piece [SEP]` for each further piece; the k-th piece is segment min(k, 1)."""
        ids, words, segments = [np.array([self.symbols.cls])], [np.array([-1])], [np.array([0])]
        for k, (first, end) in enumerate(pieces):
            n = end - first
            ids += [self.stream.ids[first:end].astype(np.int64), np.array([self.symbols.sep])]
            words += [np.cumsum(self.stream.starts[first:end]) + first, np.array([-1])]
            segments.append(np.full(n + 1, min(k, 1)))
        clean = np.concatenate(ids)
        return Draft(
            clean, clean.copy(), np.concatenate(words), np.concatenate(segments),
            np.arange(len(clean)), np.full(len(clean), IGNORED),
        )  # fmt: skip
