"""Cloze items: a context with a gap, the word that fits, and words that do not; with the sets of Ettinger (2020)."""

import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bertology.corpus.lines import Account, BadLine, first_line, lines, objects, scalar
from bertology.record.errors import BadCorpus

MASK = "[MASK]"
"""Stands for the gap until a tokenizer's own mask token takes its place."""


class ClozeItem(NamedTuple):
    """`context_with_mask` holds `MASK` once; `target` fits it, `alternatives` fit less or not at all.

    Labels that claims know: "set" (NEG, CPRAG, ROLE, TRIPLE, FACT or a name of the user's), "pair" (items that belong together),
    "polarity" and "contexts" (see `read`), "expected" (further words that fit), "opening" (the sentences before the gap's
    own), "subject" and "object" (phrases of the context), "relation", "template" (its number) and "source" (of facts), "name"
    (helpful, unhelpful, fictional), "steps", "fact" and "from" (facts, and those that a composed fact follows from, parted by "|").
    """

    id: str
    context_with_mask: str
    target: str
    alternatives: tuple[str, ...]
    labels: Mapping[str, Any]


def read(path: str | Path, *, strict: bool = False) -> tuple[ClozeItem, ...]:
    """Items of a .tsv with a header, of JSON lines (told apart by content), or of all such files in a folder and its folders.

    General form: columns "context" (with one [MASK]), "target", "alternatives" (parted by "|"; a list in JSON) and
    "id"; the others become labels.

    CPRAG-102: expected against the within- and between-category word; labels "constraint" and "opening".
    NEG-136: two items a row. Target is the completion that makes the sentence true, alternative the one of the other
    polarity; labels "polarity" and "pair". Where the article hangs on the word ("(a|an)"), the context has that of the
    target, and label "contexts" the context for the target and for each alternative.
    ROLE-88: target is the word of the sensitivity test, to be compared with itself in the role-reversed item of the
    same "pair"; there are no alternatives; label "expected" lists the words people gave most often, "subject" and
    "object" are the phrases of the clause with the gap.
    Each of these contexts ends in "[MASK]." with the full stop that the source leaves out.
    LAMA, ParaRel and BEAR, folders of facts and templates: an item a fact and template (`facts.of_folder`).

    Broken rows are skipped with one warning that counts them; BadCorpus under `strict` or when no item is left. Files of a
    folder that are no cloze set are named in one warning; ids and pairs get the name of their file, so that none meet.
    """
    path = Path(path)
    if path.is_dir():
        return _folder(path, strict)
    account = Account(path, strict=strict)
    return account.need(_items(path, account))


def flaw(item: ClozeItem) -> str:
    """Why an item is no question with an answer, in words; empty when it is one."""
    for context in (item.context_with_mask, *item.labels.get("contexts", ())):
        if context.count(MASK) != 1:
            return f"the context holds {context.count(MASK)} {MASK}, one is due"
    words = [word.strip().casefold() for word in (item.target, *item.alternatives)]
    if not all(words):
        return "a word for the gap is empty"
    if words[0] in words[1:]:
        return f"{item.target[:30]!r} is the target and an alternative"
    return ""


def of_set(items: Iterable[ClozeItem], *names: str) -> tuple[ClozeItem, ...]:
    """The items whose label "set" is one of `names`."""
    return tuple(item for item in items if item.labels.get("set") in names)


def sample(items: tuple[ClozeItem, ...], most: int, *, seed: int = 0) -> tuple[ClozeItem, ...]:
    """At most `most` items in their order, drawn at random with items of a pair together."""
    if len(items) <= most:
        return items
    groups: dict[tuple[Any, ...], list[int]] = {}
    for place, item in enumerate(items):
        group = (item.labels.get("set"), item.labels["pair"]) if "pair" in item.labels else (place,)
        groups.setdefault(group, []).append(place)
    together, kept = list(groups.values()), list[int]()
    for k in np.random.default_rng(seed).permutation(len(together)).tolist():
        if len(kept) + len(together[k]) <= most:
            kept += together[k]
    return tuple(items[place] for place in sorted(kept))


def negation_items(row: Mapping[str, Any], number: int = 0) -> Iterator[ClozeItem]:
    """The affirmative and the negated item of a row of NEG-136; `number` is the row's line. See `read`."""
    pair = str(row.get("item", number))
    targets = [_text(row, "target_aff", number), _text(row, "target_neg", number)]
    if _text(row, "context_aff", number) == _text(row, "context_neg", number):
        raise BadLine(number, "sides are equal", "the affirmative and the negative context are equal")
    for polarity, column, words in (
        ("affirmative", "context_aff", targets),
        ("negative", "context_neg", targets[::-1]),
    ):
        contexts = tuple(_with_article(_text(row, column, number), word) for word in words)
        labels = {"set": "NEG", "polarity": polarity, "pair": pair, "contexts": contexts}
        if "licensing" in row:
            labels["licensing"] = row["licensing"]
        yield ClozeItem(f"{pair}-{polarity}", contexts[0], words[0], (words[1],), labels)


def _folder(folder: Path, strict: bool) -> tuple[ClozeItem, ...]:
    files = sorted(f for f in folder.rglob("*") if f.is_file() and not f.name.startswith("."))
    account, items, others = Account(folder, strict=strict), list[ClozeItem](), list[str]()
    for file in files:
        name = str(file.relative_to(folder))
        try:
            known = _is_cloze(file)
        except BadCorpus:  # neither text nor gzip of text
            known = False
        if not known:
            others.append(name)
            continue
        own = Account(file, strict=strict)
        items += [_of_file(item, name) for item in _items(file, own)]
        account.merge(own)
    from bertology.corpus import facts  # it makes items itself

    found, used = facts.of_folder(folder, [folder / name for name in others], account, strict)
    items += found
    others = [name for name in others if folder / name not in used]
    if not items:
        raise BadCorpus(
            f"{folder} holds no cloze set among its {len(files)} files.",
            "A cloze set is a .tsv with columns context and target, or those of CPRAG, NEG or ROLE, JSON lines with the same keys, or facts with templates.",
        )
    if others:
        more = f" and {len(others) - 10} more" if len(others) > 10 else ""
        warnings.warn(f"{folder.name}: no cloze sets, left out: {', '.join(others[:10])}{more}.", stacklevel=3)
    return account.need(items)


def _of_file(item: ClozeItem, name: str) -> ClozeItem:
    pair = {"pair": f"{name}:{item.labels['pair']}"} if "pair" in item.labels else {}
    return item._replace(id=f"{name}:{item.id}", labels={**item.labels, **pair})


def _is_cloze(file: Path) -> bool:
    first = first_line(file)
    if first.lstrip().startswith("{"):
        row = next((row for _, row in objects(file, Account(file, strict=False))), {})
        return _form(row) is not None
    return _form({cell.strip(): "" for cell in first.split("\t")}) is not None


def _items(path: Path, account: Account) -> list[ClozeItem]:
    rows = objects(path, account) if first_line(path).lstrip().startswith("{") else _rows(path, account)
    items: list[ClozeItem] = []
    for number, row in rows:
        form = _form(row)
        try:
            if form is None:
                raise BadLine(number, "unknown columns", f"columns {', '.join(row)[:80]}; context and target are due")
            items += _sound(form(row, number), number)
        except BadLine as bad:
            account.skip(bad)
    return items


def _sound(items: Iterable[ClozeItem], number: int) -> list[ClozeItem]:
    found = list(items)
    for item in found:
        if wrong := flaw(item):
            raise BadLine(number, "no question with an answer", wrong)
    return found


def _form(row: Mapping[str, Any]) -> "Form | None":
    return next((form for columns, form in _FORMS if columns <= row.keys()), None)


def _rows(path: Path, account: Account) -> Iterator[tuple[int, dict[str, Any]]]:
    header: list[str] | None = None
    for number, line in enumerate(lines(path), start=1):
        if not line.strip():
            continue
        cells = line.split("\t")
        if header is None:
            header = [cell.strip() for cell in cells]
            if not any(columns <= set(header) for columns, _ in _FORMS):
                raise BadCorpus(
                    f"{path.name} line {number}: columns {', '.join(header)[:80]!r} are no cloze set's.",
                    "Give a tab-separated header with context and target, or that of CPRAG, NEG or ROLE.",
                )
        elif len(cells) != len(header):
            found = f"{len(cells)} columns, the header has {len(header)}"
            account.skip(BadLine(number, "columns unlike the header", found))
        else:
            yield number, {name: cell.strip() for name, cell in zip(header, cells, strict=True)}


def _general(row: Mapping[str, Any], number: int) -> Iterator[ClozeItem]:
    context, target = _text(row, "context", number), _text(row, "target", number)
    fixed = ("context", "target", "alternatives", "id", "contexts", "expected")
    labels = {name: value for name, value in row.items() if name not in fixed and scalar(value)}
    if row.get("expected"):
        labels["expected"] = _words(row, "expected", number)
    yield ClozeItem(str(row.get("id") or number), context, target, _words(row, "alternatives", number), labels)


def _words(row: Mapping[str, Any], column: str, number: int) -> tuple[str, ...]:
    given = row.get(column) or ()
    words = [word.strip() for word in given.split("|")] if isinstance(given, str) else given
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) and word.strip() for word in words):
        raise BadLine(number, f"{column} unusable", f"{column} are words, parted by | or in a list")
    return tuple(words)


def _cprag(row: Mapping[str, Any], number: int) -> Iterator[ClozeItem]:
    opening = _text(row, "context_s1", number)
    context = f"{opening} {_text(row, 'context_s2', number)} {MASK}."
    within, between = _text(row, "within_category", number), _text(row, "between_category", number)
    labels = {"set": "CPRAG", "constraint": row.get("constraint", ""), "opening": opening}
    yield ClozeItem(str(row.get("item", number)), context, _text(row, "expected", number), (within, between), labels)


def _role(row: Mapping[str, Any], number: int) -> Iterator[ClozeItem]:
    id, context = _text(row, "item", number), f"{_text(row, 'context', number)} {MASK}."
    numbers = ("exp_cloze", "tgt_cloze", "tgt_cloze(strict)")
    labels: dict[str, Any] = {"set": "ROLE", "pair": id.partition("-")[0]}
    labels["expected"] = _words(row, "expected", number)
    if not labels["expected"]:
        raise BadLine(number, "expected is empty", "expected is empty")
    if clause := _CLAUSE.search(context):
        labels |= {"object": clause[1], "subject": clause[2]}
    for name in numbers:
        try:
            labels[name] = float(row.get(name) or 0)
        except (TypeError, ValueError):
            labels[name] = math.nan
        if not math.isfinite(labels[name]):
            raise BadLine(number, "cloze value is no number", f"{name} is {str(row[name])[:20]!r}")
    yield ClozeItem(id, context, _text(row, "target", number), (), labels)


def _text(row: Mapping[str, Any], column: str, number: int) -> str:
    found = row.get(column)
    if not isinstance(found, str) or not found.strip():
        raise BadLine(number, f"{column} is empty", f"{column} is empty or no text")
    return found.strip()


def _with_article(context: str, word: str) -> str:
    article = "an" if word[0].lower() in "aeiou" else "a"
    return f"{context.replace('(a|an)', article)} {MASK}."


_CLAUSE = re.compile(r"\b(which \S.*?) (the \S.*?) had \[MASK\]")
"""The clause of ROLE-88: "which customer the waitress had"."""

Form = Callable[[Mapping[str, Any], int], Iterator[ClozeItem]]
_FORMS: tuple[tuple[frozenset[str], Form], ...] = (
    (frozenset({"context_s1", "context_s2", "expected", "within_category", "between_category"}), _cprag),
    (frozenset({"context_aff", "context_neg", "target_aff", "target_neg"}), negation_items),
    (frozenset({"item", "context", "expected", "target", "tgt_cloze"}), _role),
    (frozenset({"context", "target"}), _general),
)
