"""Pairs of a premise and a hypothesis with a label: MultiNLI, SNLI, SICK, MED, HANS, counterfactual revisions.

The collections: Williams et al. 2018; Bowman et al. 2015; Marelli et al. 2014; Yanaka et al. 2019; McCoy et al. 2019; Kaushik et al. 2020.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bertology.corpus.lines import Account, BadLine, lines, objects, stem
from bertology.corpus.sentence import Corpus, Sentence, need
from bertology.corpus.text import words_of
from bertology.record.errors import BadCorpus

LABELS = ("entailment", "neutral", "contradiction", "not")
"""What a label may be; "not" is said by collections of two classes."""
ENDINGS = (".jsonl", ".tsv", ".csv", ".txt")


class Pair(NamedTuple):
    """`labels` are what further is known: "set", "heuristic", "subcase", "revised", "monotonicity"."""

    premise: str
    hypothesis: str
    label: str
    labels: Mapping[str, Any]


def read(path: str | Path, *, strict: bool = False) -> Corpus:
    """The pairs of a file, or of all files of a folder and its folders, as Sentences of two segments.

    JSON lines, or tables with a header (comma-separated .csv, else tab-separated), plain or with .gz; the columns sentence1 and
    sentence2, premise and hypothesis or sentence_A and sentence_B, and gold_label, label or entailment_judgment. Labels: "label" (LABELS;
    case does not matter), "set" (file or folder), and where they are told "heuristic" and "subcase" (HANS), "monotonicity" ("upward",
    "downward", "non") from a genre that names it (MED), and "revised" ("premise" or "hypothesis") where the name of
    the folder or file says so. Pairs of one premise are one document; two revised pairs and the original of the same place are one.
    Pairs without a known label are left out and counted. Raises BadCorpus when none is left.
    """
    path = Path(path)
    files = (
        [path]
        if not path.is_dir()
        else sorted(p for p in path.rglob("*") if p.is_file() and _ending(p) and not _told(p))
    )
    total, found = Account(path, strict=strict), []
    for file in files:
        account = Account(file, strict=strict)
        found += _read(file, path, account)
        total.merge(account)
    return need(corpus(stem(path), found, dropped=total.dropped), str(path))


def corpus(name: str, pairs: Iterable[tuple[str, Pair]], **annotation: Any) -> Corpus:
    """A corpus of (document, pair): each a Sentence whose layer "segment" is 0 on the premise, 1 on the hypothesis."""
    return Corpus(name, tuple(_joined(f"{name}-{n}", *one) for n, one in enumerate(pairs)), **annotation)


def halves(sentence: Sentence) -> tuple[str, str]:
    """The texts of the two segments of a Sentence."""
    cut = sentence.starts[sentence.layers["segment"].index(1)]
    return sentence.text[:cut].strip(), sentence.text[cut:].strip()


def overlapping(premise: str, hypothesis: str) -> bool:
    """Whether all words of the hypothesis, punctuation aside, are among the premise's: what the overlap heuristic takes for entailment."""
    words = lambda text: {w.lower() for w in words_of(text).words if any(c.isalnum() for c in w)}
    return words(hypothesis) <= words(premise)


def _joined(id: str, document: str, pair: Pair) -> Sentence:
    first, second = words_of(pair.premise), words_of(pair.hypothesis, at=len(pair.premise) + 1)
    return Sentence(
        id, f"{pair.premise} {pair.hypothesis}", first.words + second.words, first.starts + second.starts,
        layers={"segment": (0,) * len(first.words) + (1,) * len(second.words)},
        labels={"label": pair.label, **pair.labels}, document=document,
    )  # fmt: skip


def _read(file: Path, top: Path, account: Account) -> Iterator[tuple[str, Pair]]:
    place = "/".join(file.relative_to(top if top.is_dir() else top.parent).parts)
    revised = re.search(r"revised[-_ ]?(premise|hypothesis)", f"{top.name}/{place}", re.IGNORECASE)
    siblings = revised or (top.is_dir() and _revisions_beside(file))
    for number, (line, row) in enumerate(_rows(file, account)):
        try:
            premise, hypothesis, label = _fields(row, line)
        except BadLine as bad:
            account.skip(bad)
            continue
        labels: dict[str, Any] = {"set": stem(file) if file == top else file.relative_to(top).parts[0]}
        labels |= {name: row[name] for name in ("heuristic", "subcase") if row.get(name)}
        if told := re.search(r"(upward|downward|non)[-_]monotone", str(row.get("genre", ""))):
            labels["monotonicity"] = told[1]
        if revised:
            labels["revised"] = revised[1].lower()
        document = f"{stem(file)}#{number // (2 if revised else 1)}" if siblings else premise
        yield document, Pair(premise, hypothesis, label, labels)


def _rows(file: Path, account: Account) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and cells by column, in lower case."""
    if _ending(file) == ".jsonl":
        for number, item in objects(file, account):
            yield number, {key.lower(): value for key, value in item.items()}
        return
    comma = _ending(file) == ".csv"
    quoting = csv.QUOTE_MINIMAL if comma else csv.QUOTE_NONE
    table = csv.reader(
        io.StringIO("\n".join(lines(file)), newline=""), delimiter="," if comma else "\t", quoting=quoting
    )
    try:
        header = [cell.strip().lower() for cell in next(table, [])]
        if not any(one in header and other in header for one, other in _TEXTS):
            raise BadCorpus(
                f"{file.name} has the columns {', '.join(header) or 'none'}.",
                f"Two texts are due, in {' or '.join(' and '.join(two) for two in _TEXTS)}.",
            )
        for row in table:
            yield table.line_num, dict(zip(header, row, strict=False))
    except csv.Error as error:
        raise BadCorpus(f"{file.name} line {table.line_num:,}: {error}.", "Check the quotes.") from None


def _fields(row: Mapping[str, Any], line: int) -> tuple[str, str, str]:
    two = next((names for names in _TEXTS if all(isinstance(row.get(n), str) for n in names)), None)
    texts = [row[name].strip() for name in two or ()]
    if not texts or not all(words_of(text).words for text in texts):
        raise BadLine(line, "not two texts", "a premise or a hypothesis without a word")
    label = str(next((row[n] for n in _LABEL if row.get(n) is not None), "")).strip().lower()
    label = "not" if label.replace("_", "-") in ("non-entailment", "not-entailment") else label
    if label not in LABELS:
        raise BadLine(line, "no known label", f"the label {label!r}")
    return texts[0], texts[1], label


def _revisions_beside(file: Path) -> bool:
    """Whether the folder beside this file's holds revisions of its pairs."""
    beside = file.parent.parent if file.parent.name.lower() == "original" else None
    return beside is not None and any(d.name.lower().startswith("revised") for d in beside.iterdir() if d.is_dir())


def _ending(path: Path) -> str | None:
    name = path.name.lower().removesuffix(".gz")
    return next((ending for ending in ENDINGS if name.endswith(ending)), None)


def _told(path: Path) -> bool:
    """Whether a file of a folder is what people read, and not data."""
    return "readme" in path.name.lower() or "licen" in path.name.lower()


_TEXTS = (("sentence1", "sentence2"), ("premise", "hypothesis"), ("sentence_a", "sentence_b"))
_LABEL = ("gold_label", "label", "entailment_judgment")
