"""A stream small enough to work through by hand, random numbers from a script, and random streams."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bertology.train.draft import Draft, Piece, Source, Symbols
from bertology.train.stream import Stream

CLS, SEP, MASK, UNKNOWN = 2, 3, 4, 1
NO = -100
SYMBOLS = Symbols(CLS, SEP, MASK, UNKNOWN, np.arange(5, 60))
ARRAYS = ("clean", "ids", "words", "segments", "positions", "labels")


def stream(ids: Sequence[int], starts: Sequence[int], sentences: Sequence[int], documents: Sequence[int]) -> Stream:
    """A stream from ids and the positions where words, sentences and documents begin; the last two also name the end."""
    marks = np.zeros(len(ids), dtype=bool)
    marks[list(starts)] = True
    return Stream(np.array(ids, dtype=np.uint32), marks, np.array(sentences), np.array(documents), "by hand")


STREAM = stream(
    [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29],
    starts=[0, 2, 3, 6, 7, 8, 10, 11, 13, 14, 16, 17],
    sentences=[0, 3, 7, 10, 14, 17, 20],
    documents=[0, 10, 20],
)
"""Words 10-11 | 12 | 13-15 | 16 | 17 | 18-19 || 20 | 21-22 | 23 | 24-25 | 26 | 27-29; two documents of three sentences."""

SOURCE = Source(STREAM, SYMBOLS)


def flat(ids: Sequence[int], symbols: Symbols = SYMBOLS) -> tuple[Source, Draft]:
    """A source whose stream is one sentence of one-subword words, and the draft of all of it."""
    source = Source(stream(ids, range(len(ids)), [0, len(ids)], [0, len(ids)]), symbols)
    return source, source.assemble([(0, len(ids))])


class Script:
    """A generator of random numbers that says what it was told to, and checks what it is asked."""

    def __init__(self, *answers: tuple[str, Any]) -> None:
        self.answers = list(answers)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def answer(*_: Any, **__: Any) -> Any:
            assert self.answers, f"{method} was not expected"
            name, value = self.answers.pop(0)
            assert name == method
            return np.array(value, dtype=None if value else int) if isinstance(value, list) else value

        return answer


def scripted(*answers: tuple[str, Any]) -> Any:
    return Script(*answers)


def matrix(*rows: str) -> list[list[bool]]:
    """Rows of 0 and 1 as truth values; blanks only group."""
    return [[mark == "1" for mark in row.replace(" ", "")] for row in rows]


def same_length(draft: Draft) -> bool:
    return {len(getattr(draft, name)) for name in ARRAYS} == {len(draft)}


def within(share: float, expected: float, draws: int, sigmas: float = 3.0) -> bool:
    """Whether a share of many draws is as near to its chance as chance lets it be."""
    return abs(share - expected) <= sigmas * (expected * (1 - expected) / draws) ** 0.5


def shares(values: Sequence[Any] | NDArray[Any], of: Sequence[Any]) -> list[float]:
    values = list(values)
    return [values.count(kind) / len(values) for kind in of]


@st.composite
def streams(draw: Any, most: int = 12) -> Stream:
    """Random streams of one to `most` sentences in any number of documents."""
    lengths = draw(st.lists(st.integers(1, 12), min_size=1, max_size=most))
    borders = np.cumsum([0, *lengths])
    n = int(borders[-1])
    opens = draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths)))
    documents = sorted({0, n} | {int(b) for b, o in zip(borders, opens, strict=False) if o})
    starts = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    ids = draw(st.lists(st.integers(5, 59), min_size=n, max_size=n))
    return stream(ids, sorted({*borders[:-1].tolist(), *np.flatnonzero(starts).tolist()}), borders.tolist(), documents)


@st.composite
def sources(draw: Any) -> tuple[Source, tuple[Piece, ...]]:
    """A random source and one or two stretches of it."""
    found = draw(streams())
    pieces = []
    for _ in range(draw(st.integers(1, 2))):
        first = draw(st.integers(0, len(found) - 1))
        pieces.append((first, draw(st.integers(first + 1, len(found)))))
    return Source(found, SYMBOLS), tuple(pieces)


def over(*strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A property that must hold over random inputs, however long one takes."""
    return lambda test: settings(deadline=None, database=None)(given(*strategies)(test))


seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
