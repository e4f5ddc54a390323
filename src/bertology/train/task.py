"""Labelled data to fine-tune on: sentences, pairs, words or numbers, from JSON lines, CSV/TSV or CoNLL columns."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from bertology.corpus.lines import lines, stem
from bertology.record.errors import BadCorpus, BadRequest

Kind = Literal["sentence", "pair", "token", "regression"]


class Example(NamedTuple):
    """`texts` holds one or two texts, or the words of a sentence for token tasks; `label` a name, a number, or one name per word."""

    texts: tuple[str, ...]
    label: Any


@dataclass(frozen=True, eq=False)
class Task:
    """`labels` are the class names in order, empty for regression. `dropped` counts what a reader left out, by reason."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    dropped: tuple[tuple[str, int], ...] = ()

    def limited(self, n: int, seed: int = 0) -> "Task":
        """At most `n` training examples, drawn with `seed`."""
        order = np.random.default_rng([seed, 3]).permutation(len(self.train))[:n]
        return replace(self, train=tuple(self.train[i] for i in sorted(order)))

    @property
    def majority(self) -> float:
        """Test accuracy of the most frequent training label (per word for token tasks); nan for regression."""
        if self.kind == "regression":
            return float("nan")
        flat = lambda part: [x for e in part for x in (e.label if self.kind == "token" else (e.label,))]
        train, test = flat(self.train), flat(self.test)
        best = max(set(train), key=train.count)
        return test.count(best) / len(test)


def read(path: str | Path, *, seed: int = 0, name: str = "") -> Task:
    """A task from a file, or from a folder with train, dev (or validation) and test files in any of the formats.

    JSON lines: {"text": ..., "label": ...}, {"text", "text2", "label"} or {"words": [...], "labels": [...]}. CSV or TSV with a header:
    the last column named label (or category, score, gold_label) is the label, the one or two text columns before it
    the texts. CoNLL: a word and its tag a line, sentences apart by a blank line. A single file is split 80 / 10 / 10 with `seed`.
    Labels that are all numbers with a fraction make a regression. Raises BadCorpus, BadRequest.
    """
    path = Path(path)
    if path.is_dir():
        parts = {part: _file(path, part) for part in ("train", "dev", "test")}
        if parts["train"] is None:
            raise BadCorpus(
                f"{path} holds no train file.", "Name the files train, dev and test, as .jsonl, .csv, .tsv or .conll."
            )
        read_part = lambda part: _examples(parts[part])[0] if parts[part] else []
        train, dev, test = read_part("train"), read_part("dev"), read_part("test")
        if not dev and not test:
            return task(name or path.name, train, seed=seed)
        if not dev or not test:
            half = np.random.default_rng([seed, 1]).permutation(len(dev or test))
            both = dev or test
            dev, test = [both[i] for i in half[: len(half) // 2]], [both[i] for i in half[len(half) // 2 :]]
        return _task(name or path.name, train, dev, test)
    examples, dropped = _examples(path)
    return replace(task(name or stem(path), examples, seed=seed), dropped=tuple(dropped.items()))


def task(name: str, examples: Sequence[Example], *, seed: int = 0) -> Task:
    """A task from examples, shuffled with `seed` and split 80 / 10 / 10."""
    order = np.random.default_rng([seed, 0]).permutation(len(examples))
    a, b = int(0.8 * len(order)), int(0.9 * len(order))
    pick = lambda numbers: [examples[i] for i in numbers]
    return _task(name, pick(order[:a]), pick(order[a:b]), pick(order[b:]))


def _task(name: str, train: Sequence[Example], dev: Sequence[Example], test: Sequence[Example]) -> Task:
    if min(len(train), len(dev), len(test)) == 0:
        raise BadCorpus(
            f"{name}: {len(train)} training, {len(dev)} dev and {len(test)} test examples.",
            "Give at least ten examples.",
        )
    kind = _kind(train)
    if kind == "regression":
        number = lambda part: tuple(Example(e.texts, float(e.label)) for e in part)
        return Task(name, kind, (), number(train), number(dev), number(test))
    seen = {x for e in train for x in (e.label if kind == "token" else (e.label,))}
    if len(seen) < 2:
        raise BadCorpus(f"{name}: all training examples have the label {seen.pop()!r}.", "Two classes are the least.")
    known = lambda part: [e for e in part if seen.issuperset(e.label if kind == "token" else (e.label,))]
    kept_dev, kept_test = known(dev), known(test)
    lost = len(dev) + len(test) - len(kept_dev) - len(kept_test)
    dropped = (("dev or test examples whose label training never shows", lost),) if lost else ()
    return Task(name, kind, tuple(sorted(seen)), tuple(train), tuple(kept_dev), tuple(kept_test), dropped)


def _kind(examples: Sequence[Example]) -> Kind:
    first = examples[0]
    if isinstance(first.label, tuple):
        return "token"
    labels = [str(e.label) for e in examples]
    if all(map(_is_number, labels)) and any(not float(x).is_integer() for x in labels):
        return "regression"
    return "pair" if len(first.texts) == 2 else "sentence"


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _file(folder: Path, part: str) -> Path | None:
    names = {"train": ("train",), "dev": ("dev", "valid", "validation"), "test": ("test",)}[part]
    found = [p for p in sorted(folder.iterdir()) if stem(p) in names and _reader(p) is not None]
    return found[0] if found else None


def _examples(path: Path) -> tuple[list[Example], dict[str, int]]:
    reader = _reader(path)
    if reader is None:
        raise BadRequest(
            f"{path.name} has an unknown ending.", f"Give one of {', '.join(_READERS)}, plain or with .gz."
        )
    found: list[Example] = []
    dropped: dict[str, int] = {}
    for item in reader(path):
        if isinstance(item, str):
            dropped[item] = dropped.get(item, 0) + 1
        else:
            found.append(item)
    if not found:
        raise BadCorpus(f"{path} holds no example.", "Check the format: `bertology finetune --help` describes it.")
    return found, dropped


def _reader(path: Path) -> "Callable[[Path], Iterator[Example | str]] | None":
    name = path.name.removesuffix(".gz")
    return next((reader for ending, reader in _READERS.items() if name.endswith(ending)), None)


def _jsonl(path: Path) -> Iterator[Example | str]:
    for number, line in enumerate(lines(path), start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except ValueError as error:
            raise BadCorpus(f"{path.name} line {number}: no JSON ({error}).", "Give one object a line.") from None
        words, tags = item.get("words"), item.get("labels")
        if words is not None and tags is not None:
            yield (
                Example(tuple(words), tuple(map(str, tags)))
                if len(words) == len(tags) > 0
                else "words and labels of unequal number"
            )
        elif "text" in item and "label" in item:
            texts = (str(item["text"]), str(item["text2"])) if "text2" in item else (str(item["text"]),)
            yield Example(texts, str(item["label"])) if all(t.strip() for t in texts) else "empty text"
        else:
            yield "no text and label"


def _table(separator: str) -> "Callable[[Path], Iterator[Example | str]]":
    def read_table(path: Path) -> Iterator[Example | str]:
        rows = csv.reader(
            io.StringIO("\n".join(lines(path))),
            delimiter=separator,
            quoting=csv.QUOTE_MINIMAL if separator == "," else csv.QUOTE_NONE,
        )
        header = [cell.strip().lower() for cell in next(rows, [])]
        label = next((header.index(n) for n in _LABELS if n in header), None)
        texts = [header.index(n) for n in _TEXTS if n in header]
        if label is None or not 1 <= len(texts) <= 2:
            raise BadCorpus(
                f"{path.name} has the columns {', '.join(header) or 'none'}.",
                f"Name the label one of {', '.join(_LABELS)}, and one or two texts of {', '.join(_TEXTS)}.",
            )
        for row in rows:
            if len(row) <= max(label, *texts):
                yield "short line"
            elif not row[label].strip() or row[label] == "-" or not all(row[t].strip() for t in texts):
                yield "empty text or label"
            else:
                yield Example(tuple(row[t].strip() for t in texts), row[label].strip())

    return read_table


def _conll(path: Path) -> Iterator[Example | str]:
    words: list[str] = []
    tags: list[str] = []
    for line in [*lines(path), ""]:
        cells = line.split()
        if len(cells) >= 2:
            words.append(cells[0])
            tags.append(cells[-1])
        elif words and not cells:
            yield Example(tuple(words), tuple(tags))
            words, tags = [], []
        elif cells:
            yield "line without a tag"


_LABELS = ("label", "category", "gold_label", "entailment_judgment", "score", "relatedness_score", "intent")
_TEXTS = (
    "text",
    "sentence",
    "sentence1",
    "sentence2",
    "premise",
    "hypothesis",
    "text1",
    "text2",
    "sentence_a",
    "sentence_b",
    "question",
)
_READERS: "dict[str, Callable[[Path], Iterator[Example | str]]]" = {
    ".jsonl": _jsonl, ".csv": _table(","), ".tsv": _table("\t"), ".conll": _conll, ".txt": _table("\t"),
}  # fmt: skip
