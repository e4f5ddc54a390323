"""Numbered lines of a corpus file, plain or gzip, and the account of what a reader had to skip."""

import gzip
import io
import json
import warnings
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bertology.record.errors import BadCorpus

LIMIT = 4 << 30
"""Most bytes a file may unpack to: a few megabytes of gzip can claim terabytes."""


Item = TypeVar("Item")


class BadLine(Exception):
    """One line cannot be used; becomes a count, or under `strict` an error. `line` is 1-based."""

    def __init__(self, line: int, reason: str, found: str) -> None:
        super().__init__(line, reason, found)
        self.line, self.reason, self.found = line, reason, found


class Account:
    """What one reading of `path` skipped, by reason; under `strict` the first skip is an error instead."""

    def __init__(self, path: Path, *, strict: bool, error: type[BadCorpus] = BadCorpus) -> None:
        self.path, self.strict, self.error = path, strict, error
        self._first: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def skip(self, bad: BadLine) -> None:
        """Counts the line's item as skipped; raises `error` when strict."""
        where = f"{self.path.name} line {bad.line:,}: {bad.found}"
        if self.strict:
            raise self.error(f"{where}.", "Correct the line, or read without --strict to skip it.")
        self._first.setdefault(bad.reason, where)
        self._counts[bad.reason] = self._counts.get(bad.reason, 0) + 1

    def note(self, what: str, count: int = 1) -> None:
        """Counts something left out that is no fault, such as a heading."""
        if count:
            self._counts[what] = self._counts.get(what, 0) + count

    def merge(self, other: "Account") -> None:
        """Adds the counts of another file; the first example of each reason stays."""
        self._first = {**other._first, **self._first}
        for reason, count in other._counts.items():
            self.note(reason, count)

    @property
    def dropped(self) -> dict[str, int]:
        """Reason, with its first example, to count: as in `Corpus.dropped`."""
        return {
            reason + (f"; first at {self._first[reason]}" if reason in self._first else ""): count
            for reason, count in self._counts.items()
        }

    def need(self, items: Sequence[Item]) -> tuple[Item, ...]:
        """The items as a tuple, which has no `dropped`: skips become one warning, and no item at all BadCorpus."""
        reasons = "; ".join(f"{count} skipped: {reason}" for reason, count in self.dropped.items())
        if not items:
            raise BadCorpus(f"{self.path} holds no usable item{f' ({reasons})' if reasons else ''}.", "Check the file.")
        if reasons:
            warnings.warn(f"{self.path.name}: {reasons}; --strict refuses.", stacklevel=3)
        return tuple(items)


def lines(path: Path) -> list[str]:
    r"""The lines of a UTF-8 file without their ends (\n or \r\n only: U+2028 and form feeds are text).

    gzip is recognised by its first two bytes, whatever the name; a byte-order mark is accepted.
    Raises BadCorpus when the file is missing, unreadable, truncated, or not UTF-8 (naming the line).
    """
    raw = _bytes(path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BadCorpus(
            f"{path.name} line {line:,}: byte 0x{error.object[error.start]:02x} is not UTF-8.",
            "Save the file as UTF-8.",
        ) from None
    found = [line.removesuffix("\r") for line in text.split("\n")]
    return found[:-1] if found and not found[-1] else found


def objects(path: Path, account: Account) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line of a JSON-lines file; lines that are no object are skipped by `account`."""
    for number, line in enumerate(lines(path), start=1):
        if not line.strip():
            continue
        try:
            yield number, _object(number, line)
        except BadLine as bad:
            account.skip(bad)


def first_line(path: Path) -> str:
    """The first line that is not blank, "" if there is none: what a format is recognised by."""
    return next((line for line in lines(path) if line.strip()), "")


def stem(path: Path) -> str:
    """The file name up to its first dot: "en_ewt-ud-dev" of en_ewt-ud-dev.conllu.gz."""
    return path.name.split(".")[0] or path.name


def scalar(value: Any) -> bool:
    """Whether a JSON value may stand as a label."""
    return value is None or isinstance(value, str | int | float)


def _bytes(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise BadCorpus(f"{path} does not exist.", "Check the path.") from None
    except IsADirectoryError:
        raise BadCorpus(f"{path} is a folder; a file is due.", "Name a file in it.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadCorpus(f"{path} cannot be read: {reason}.", "Check the path and its permissions.") from None
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        with gzip.open(io.BytesIO(raw)) as stream:
            unpacked = stream.read(LIMIT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadCorpus(f"{path.name} is a damaged gzip file: {error}.", "Copy the file again.") from None
    if len(unpacked) > LIMIT:
        raise BadCorpus(f"{path.name} unpacks to more than {LIMIT >> 30} GiB.", "Split the file.")
    return unpacked


def _object(number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
        if "\\u" in line:
            json.dumps(found, ensure_ascii=False).encode()  # a lone surrogate would break every tokenizer
    except (ValueError, RecursionError) as error:
        raise BadLine(number, "not JSON", f"not JSON ({_short(error)})") from None
    if not isinstance(found, dict):
        raise BadLine(number, "not a JSON object", f"{type(found).__name__} where an object {{...}} is due")
    return found


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:80]
