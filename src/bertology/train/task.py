"""Labelled data to fine-tune on: sentences, pairs, words or numbers, from JSON, CSV/TSV or CoNLL columns."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from bertology.corpus.lines import Account, BadLine, lines, objects, scalar, stem
from bertology.record.errors import BadCorpus, BadRequest

Kind = Literal["sentence", "pair", "token", "regression"]
Files = str | Path | Sequence[str | Path]


class Example(NamedTuple):
    """`texts` holds one or two texts, or the words of a sentence for token tasks; `label` a name, a number, or one name per word."""

    texts: tuple[str, ...]
    label: Any


@dataclass(frozen=True, eq=False)
class Task:
    """`labels` are the class names in order, empty for regression. `dropped` counts what was left out, by reason."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    dropped: tuple[tuple[str, int], ...] = ()

    def limited(self, n: int, seed: int = 0) -> "Task":
        """At most `n` training examples, drawn with `seed`; labels, dev and test stay."""
        if n < 1:
            raise BadRequest(f"{n} training examples were asked for.", "Ask for at least one.")
        order = np.random.default_rng([seed, 3]).permutation(len(self.train))[:n]
        return replace(self, train=tuple(self.train[i] for i in sorted(order)))

    @property
    def spans(self) -> bool:
        """Whether the labels are tags of spans: B-, I-, E- or S- with a type, and O."""
        typed = [x for x in self.labels if x != "O"]
        return self.kind == "token" and bool(typed) and all(x[:2] in ("B-", "I-", "E-", "S-") for x in typed)

    @property
    def measure(self) -> str:
        """What the score of this task is: accuracy, F1 (of spans) or Spearman's rho."""
        return "Spearman's rho" if self.kind == "regression" else "F1" if self.spans else "accuracy"

    @property
    def majority(self) -> float:
        """The test score, in the task's measure, of saying the most frequent training label always; 0 for regression."""
        if self.kind == "regression":
            return 0.0
        flat = lambda part: [x for e in part for x in (e.label if self.kind == "token" else (e.label,))]
        best = Counter(flat(self.train)).most_common(1)[0][0]
        if self.spans:
            hits, said, true = np.sum([span_counts([best] * len(e.label), e.label) for e in self.test], axis=0)
            return f1(hits, said, true)
        test = flat(self.test)
        return test.count(best) / len(test)


def read(
    path: Files | Mapping[str, Files], *, label: str | None = None, seed: int = 0, name: str = "", strict: bool = False
) -> Task:
    """A task from a file, from several, from a folder with train, dev (or valid, validation) and test files, or from a
    mapping of these three names to files.

    JSON lines: {"text": ..., "label": ...}, {"text", "text2", "label"} or {"words": [...], "labels": [...]}; JSON: a list of
    these or of [text, label], or an object of such lists by part. CSV, TSV and TXT (tab-separated) have a header; one or two
    of their columns must have a text's name (text, sentence1, premise, sentence_A, ...). CoNLL: a word and, last, its tag a line,
    sentences apart by a blank line. `label` names the label's column or key; without it the first that is there of label,
    category, gold_label, entailment_judgment, score, relatedness_score, intent.

    Several files without parts are one pool; a pool is split 80 / 10 / 10 with `seed`, equal texts staying together. Of
    dev and test, the one that is lacking is half of the other. Labels that are all numbers, some with a fraction, make a regression.
    `strict` raises for what is otherwise left out and counted in `dropped`. Raises BadCorpus, BadRequest.
    """
    if isinstance(path, Sequence) and not isinstance(path, str) and len(path) == 1:
        path = path[0]
    if isinstance(path, Mapping):
        unknown = sorted(set(path) - set(_PARTS))
        if unknown:
            raise BadRequest(f"a task has no part {', '.join(unknown)}.", f"Name the parts {', '.join(_PARTS)}.")
        given: dict[str, list[Path]] = {part: _paths(files) for part, files in path.items()}
        title = "task"
    elif not isinstance(path, str | Path) or not Path(path).is_dir():
        given, title = {"": _paths(path)}, stem(_paths(path)[0])
    else:
        given, title = _in_folder(Path(path)), Path(path).name
    found: dict[str, list[Example]] = {}
    dropped: Counter[str] = Counter()
    for part, files in given.items():
        for file in files:
            account = Account(file, strict=strict)
            for inner, examples in _examples(file, label, account).items():
                if part and inner:
                    raise BadCorpus(f"{file} has a part {inner} of its own.", "Give this file alone.")
                found.setdefault(part or inner, []).extend(examples)
            dropped.update(account.dropped)
    made = _split(name or title, found, seed)
    return replace(made, dropped=(*dropped.items(), *made.dropped))


def task(name: str, examples: Sequence[Example], *, seed: int = 0) -> Task:
    """A task from examples, shuffled with `seed` and split 80 / 10 / 10; examples of equal texts go to one part."""
    distinct = list(dict.fromkeys(e.texts for e in examples))
    order = np.random.default_rng([seed, 0]).permutation(len(distinct))
    a, b = int(0.8 * len(order)), int(0.9 * len(order))
    part = {distinct[i]: int(k >= a) + int(k >= b) for k, i in enumerate(order)}
    of: dict[tuple[str, ...], list[Example]] = {}
    for example in examples:
        of.setdefault(example.texts, []).append(example)
    parts: tuple[list[Example], ...] = ([], [], [])
    for i in order:
        parts[part[distinct[i]]].extend(of[distinct[i]])
    return _task(name, *parts)


def span_counts(said: Sequence[str | None], true: Sequence[str]) -> tuple[int, int, int]:
    """Spans right, said and true in one sentence: right are those of equal borders and type. None counts as O."""
    found, gold = set(spans(said)), set(spans(true))
    return len(found & gold), len(found), len(gold)


def f1(hits: float, said: float, true: float) -> float:
    """Harmonic mean of hits / said and hits / true; 0 when nothing is said and nothing true."""
    return float(2 * hits / (said + true)) if said + true else 0.0


def spans(tags: Sequence[str | None]) -> list[tuple[int, int, str]]:
    """(first, one past the last, type) of each span, by the rules of conlleval (Tjong Kim Sang & Buchholz 2000).

    A span begins at B- or S-, at I- or E- after O, E- or S-, and where the type changes; so I- without B- begins one. It ends before
    such a place and before O, and after E- or S-.
    """
    found: list[tuple[int, int, str]] = []
    start, last, last_type = -1, "O", ""
    for k, tag in enumerate([*tags, "O"]):
        mark, _, kind = (tag or "O").partition("-")
        begins = mark in "BS" or (mark in "IE" and (last in "OES" or kind != last_type))
        if last != "O" and (begins or mark == "O"):
            found.append((start, k, last_type))
        if begins:
            start = k
        last, last_type = mark, kind
    return found


def _split(name: str, parts: dict[str, list[Example]], seed: int) -> Task:
    """Only a pool is split; a lacking dev or test is half of the other."""
    pool, train, dev, test = (parts.get(part, []) for part in ("", *_PARTS))
    if pool and (dev or test):
        raise BadCorpus(f"{name}: some files have parts, some have none.", "Name the parts: train=FILE, dev=FILE.")
    if not dev and not test:
        return task(name, pool or train, seed=seed)
    if not train:
        raise BadCorpus(f"{name} has no training part.", "Name the files train, dev and test, as .jsonl, .csv, .tsv or .conll.")  # fmt: skip
    if not dev or not test:
        both = dev or test
        half = np.random.default_rng([seed, 1]).permutation(len(both))
        dev, test = [both[i] for i in half[: len(half) // 2]], [both[i] for i in half[len(half) // 2 :]]
    return _task(name, train, dev, test)


def _task(name: str, train: Sequence[Example], dev: Sequence[Example], test: Sequence[Example]) -> Task:
    if min(len(train), len(dev), len(test)) == 0:
        raise BadCorpus(
            f"{name}: {len(train)} training, {len(dev)} dev and {len(test)} test examples.",
            "Give at least ten examples of different texts.",
        )
    every = (*train, *dev, *test)
    shapes = {"words" if isinstance(e.label, tuple) else f"{len(e.texts)} text(s)" for e in every}
    if len(shapes) > 1:
        raise BadCorpus(f"{name}: examples have {' and '.join(sorted(shapes))}.", "Give examples of one kind.")
    kind = _kind(every)
    if kind == "regression":
        number = lambda part: tuple(Example(e.texts, float(e.label)) for e in part)
        return Task(name, kind, (), number(train), number(dev), number(test))
    of = lambda e: e.label if kind == "token" else (e.label,)
    seen = {x for e in train for x in of(e)}
    if len(seen) < 2:
        raise BadCorpus(f"{name}: all training examples have the label {seen.pop()!r}.", "Two classes are the least.")
    known = lambda part: tuple(e for e in part if seen.issuperset(of(e)))
    made = Task(name, kind, tuple(sorted(seen)), tuple(train), known(dev), known(test))
    lost = len(dev) + len(test) - len(made.dev) - len(made.test)
    if not made.dev or not made.test:
        raise BadCorpus(
            f"{name}: training shows {len(seen)} labels in {len(train)} examples; none of the labels of dev or of test is among them.",
            "Give more examples of each label.",
        )
    return replace(made, dropped=((_UNSEEN, lost),)) if lost else made


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


def _paths(files: Files) -> list[Path]:
    found = [Path(files)] if isinstance(files, str | Path) else [Path(file) for file in files]
    if not found:
        raise BadRequest("no file was given.", "Give a file, several, or a folder.")
    return found


def _in_folder(folder: Path) -> dict[str, list[Path]]:
    files = [p for p in sorted(folder.iterdir()) if p.is_file() and _ending(p) is not None]
    found = {part: [p for p in files if stem(p).lower() in names] for part, names in _PARTS.items()}
    for part, named in found.items():
        if len(named) > 1:
            raise BadCorpus(f"{folder} holds {' and '.join(p.name for p in named)}.", f"Leave one {part} file.")
    if not found["train"]:
        raise BadCorpus(f"{folder} holds no train file.", "Name the files train, dev and test, as .jsonl, .csv, .tsv or .conll.")  # fmt: skip
    return {part: named for part, named in found.items() if named}


def _examples(path: Path, label: str | None, account: Account) -> dict[str, list[Example]]:
    """The examples of a file by part; a file without parts has the part ""."""
    ending = _ending(path)
    if ending is None:
        raise BadRequest(
            f"{path.name} has an unknown ending.", f"Give one of {', '.join(_READERS)}, plain or with .gz."
        )
    found: dict[str, list[Example]] = {}
    for part, example in _READERS[ending](path, label, account):
        found.setdefault(part, []).append(example)
    if not found:
        left_out = "; ".join(f"{count} left out: {reason}" for reason, count in account.dropped.items())
        raise BadCorpus(
            f"{path} holds no example{f' ({left_out})' if left_out else ''}.",
            "Check the format: `bertology finetune --help` describes it.",
        )
    return found


def _ending(path: Path) -> str | None:
    name = path.name.lower().removesuffix(".gz")
    return next((ending for ending in _READERS if name.endswith(ending)), None)


def _jsonl(path: Path, label: str | None, account: Account) -> Iterator[tuple[str, Example]]:
    for number, item in objects(path, account):
        yield from _kept("", item, number, label, account)


def _json(path: Path, label: str | None, account: Account) -> Iterator[tuple[str, Example]]:
    try:
        content = json.loads("\n".join(lines(path)))
    except (ValueError, RecursionError) as error:
        raise BadCorpus(
            f"{path.name} is no JSON ({error}).", "One object a line is JSON lines: name it .jsonl."
        ) from None
    if isinstance(content, list):
        content = {"": content}
    if not isinstance(content, dict):
        raise BadCorpus(f"{path.name} holds a {type(content).__name__}.", "A list of examples is due.")
    for key, items in content.items():
        part = next((part for part, names in _PARTS.items() if key in names), None if key else "")
        if part is None or not isinstance(items, list):
            account.note(f"examples under {key!r}, which is no part", len(items) if isinstance(items, list) else 1)
            continue
        for number, item in enumerate(items, start=1):
            if isinstance(item, list) and 2 <= len(item) <= 3 and all(map(scalar, item)):
                item = dict(zip(("text", "text2") if len(item) == 3 else ("text",), item[:-1], strict=True))  | {label or "label": item[-1]}  # fmt: skip
            yield from _kept(part, item, number, label, account)


def _kept(part: str, item: Any, number: int, label: str | None, account: Account) -> Iterator[tuple[str, Example]]:
    try:
        yield part, _of_object(item, number, label)
    except BadLine as bad:
        account.skip(bad)


def _of_object(item: Any, number: int, label: str | None) -> Example:
    if not isinstance(item, dict):
        raise BadLine(number, "not a JSON object", f"{type(item).__name__} where an object or [text, label] is due")
    words, tags = item.get("words"), item.get(label or "labels")
    if isinstance(words, list) and isinstance(tags, list):
        if len(words) != len(tags) or not words:
            raise BadLine(number, "words and labels of unequal number", f"{len(words)} words, {len(tags)} labels")
        if not all(isinstance(w, str) and w.strip() for w in words) or not all(map(_named, tags)):
            raise BadLine(number, "a word or label that is no text", "a word or label that is no text")
        return Example(tuple(words), tuple(map(str, tags)))
    lower = {str(key).lower(): value for key, value in item.items()}
    texts = [value for key, value in lower.items() if key in _TEXTS]
    name = label.lower() if label else next((key for key in _LABELS if key in lower), "label")
    if not 1 <= len(texts) <= 2 or not all(isinstance(t, str) and t.strip() for t in texts):
        raise BadLine(number, "not one or two texts", f"the keys {', '.join(lower) or 'none'}")
    if not _named(lower.get(name)):
        raise BadLine(number, "no label", f"{name}: {lower.get(name)!r}")
    return Example(tuple(texts), str(lower[name]).strip())


def _named(value: Any) -> bool:
    return value is not None and scalar(value) and str(value).strip() not in ("", "-")


def _table(separator: str) -> "Callable[[Path, str | None, Account], Iterator[tuple[str, Example]]]":
    def read_table(path: Path, label: str | None, account: Account) -> Iterator[tuple[str, Example]]:
        quoting = csv.QUOTE_MINIMAL if separator == "," else csv.QUOTE_NONE
        rows = csv.reader(io.StringIO("\n".join(lines(path)), newline=""), delimiter=separator, quoting=quoting)
        header = [cell.strip().lower() for cell in next(rows, [])]
        wanted = (label.lower(),) if label else _LABELS
        at = next((header.index(n) for n in wanted if n in header), None)
        texts = [k for k, column in enumerate(header) if column in _TEXTS and k != at]
        if at is None or not 1 <= len(texts) <= 2:
            raise BadCorpus(
                f"{path.name} has the columns {', '.join(header) or 'none'}.",
                f"The label is due in one of {', '.join(wanted)}, and one or two texts in {', '.join(_TEXTS)}.",
            )
        try:
            for row in rows:
                try:
                    yield "", _of_row(row, at, texts, rows.line_num)
                except BadLine as bad:
                    account.skip(bad)
        except csv.Error as error:
            raise BadCorpus(f"{path.name} line {rows.line_num:,}: {error}.", "Check the quotes.") from None

    return read_table


def _of_row(row: list[str], at: int, texts: Iterable[int], number: int) -> Example:
    if len(row) <= max(at, *texts):
        raise BadLine(number, "short line", f"{len(row)} columns")
    if not _named(row[at]):
        raise BadLine(number, "no label", f"{row[at]!r} as label")
    if not all(row[t].strip() for t in texts):
        raise BadLine(number, "empty text", "an empty text")
    return Example(tuple(row[t].strip() for t in texts), row[at].strip())


def _conll(path: Path, label: str | None, account: Account) -> Iterator[tuple[str, Example]]:
    if label is not None:
        raise BadRequest(f"CoNLL columns have no names, {label!r} was asked for.", "The last column is the tag.")
    found = lines(path)
    separator = "\t" if any("\t" in line for line in found) else None  # with tabs, a word may hold other spaces
    words: list[str] = []
    tags: list[str] = []
    for number, line in enumerate([*found, ""], start=1):
        cells = [cell.strip() for cell in line.split(separator)] if line.strip() else []
        if not cells:
            if words and words != ["-DOCSTART-"]:
                yield "", Example(tuple(words), tuple(tags))
            words, tags = [], []
        elif len(cells) >= 2 and cells[0] and cells[-1]:
            words.append(cells[0])
            tags.append(cells[-1])
        else:
            account.skip(BadLine(number, "line without a tag", f"{line.strip()[:40]!r}"))


_UNSEEN = "dev or test examples whose label training never shows"
_PARTS = {"train": ("train",), "dev": ("dev", "val", "valid", "validation"), "test": ("test",)}
_LABELS = ("label", "category", "gold_label", "entailment_judgment", "score", "relatedness_score", "intent")
_TEXTS = (
    "text", "text1", "text2", "sentence", "sentence1", "sentence2", "sentence_a", "sentence_b", "premise", "hypothesis",
    "question", "question1", "question2",
)  # fmt: skip
_READERS: "dict[str, Callable[[Path, str | None, Account], Iterator[tuple[str, Example]]]]" = {
    ".jsonl": _jsonl, ".json": _json, ".csv": _table(","), ".tsv": _table("\t"), ".txt": _table("\t"), ".conll": _conll,
}  # fmt: skip
