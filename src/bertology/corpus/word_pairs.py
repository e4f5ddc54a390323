"""Word pairs with a graded similarity: the format of SimLex-999 (Hill et al. 2015) and WordSim-353."""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bertology.corpus.lines import Account, BadLine, lines, objects
from bertology.record.errors import BadCorpus


class WordPair(NamedTuple):
    """Two words and how similar they are; only the order of the similarities matters, not their scale."""

    first: str
    second: str
    similarity: float


def read(path: str | Path, *, strict: bool = False) -> tuple[WordPair, ...]:
    """Pairs of a .tsv, .csv (comma or semicolon) or JSON-lines file, told apart by content.

    Without a header the columns are word, word, score. With one they are found by name (word1, word2, and a score,
    similarity, rating, mean or SimLex999 column), or else taken in that order; a header is a first row without a score.
    JSON objects use the same names. Lines that start with # are comments. Broken rows are skipped with one warning
    that counts them; BadCorpus under `strict` or when no pair is left.
    """
    path = Path(path)
    account = Account(path, strict=strict)
    sample = next((line for line in lines(path) if line.strip() and not line.startswith("#")), "")
    pairs: list[WordPair] = []
    for number, cells in _json(path, account) if sample.lstrip().startswith("{") else _cells(path, sample):
        try:
            pairs.append(_pair(cells, number))
        except BadLine as bad:
            account.skip(bad)
    return account.need(pairs)


_NAMES: tuple[frozenset[str], ...] = (
    frozenset({"word1", "word 1", "word_1", "first", "w1"}),
    frozenset({"word2", "word 2", "word_2", "second", "w2"}),
    frozenset({"score", "similarity", "rating", "mean", "human (mean)", "simlex999", "sim", "gold"}),
)


def _json(path: Path, account: Account) -> Iterator[tuple[int, Sequence[Any]]]:
    for number, item in objects(path, account):
        named = {name.strip().lower(): value for name, value in item.items()}
        yield number, [next((named[name] for name in named if name in names), None) for names in _NAMES]


def _cells(path: Path, sample: str) -> Iterator[tuple[int, Sequence[Any]]]:
    separator = next((s for s in "\t;," if s in sample), None)
    if separator is None:
        raise BadCorpus(
            f"{path.name} starts with {sample[:40]!r}, which has no tab, comma or semicolon.",
            "Give word, word and score in columns, or JSON lines.",
        )
    columns: list[int] | None = None
    for number, line in enumerate(lines(path), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = _split(line, separator)
        if columns is None:
            columns = [0, 1, 2]
            if _score(cells[2] if len(cells) > 2 else None) is None:
                columns = _columns(cells)
                continue
        yield number, [cells[i] if i < len(cells) else None for i in columns]


def _split(line: str, separator: str) -> list[str]:
    if separator == "\t":
        return [cell.strip() for cell in line.split("\t")]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]
    except (csv.Error, StopIteration):
        return []


def _columns(header: Sequence[str]) -> list[int]:
    lowered = [cell.lower() for cell in header]
    return [
        next((i for i, name in enumerate(lowered) if name in names), default) for default, names in enumerate(_NAMES)
    ]


def _pair(cells: Sequence[Any], number: int) -> WordPair:
    first, second, given = cells
    if not all(isinstance(word, str) and word.strip() for word in (first, second)):
        raise BadLine(number, "not two words", "two words are due")
    score = _score(given)
    if score is None:
        raise BadLine(number, "score is no number", f"the score is {str(given)[:20]!r}, a number is due")
    return WordPair(first.strip(), second.strip(), score)


def _score(given: Any) -> float | None:
    try:
        score = float(given)
    except (TypeError, ValueError, OverflowError):
        return None
    return score if math.isfinite(score) else None
