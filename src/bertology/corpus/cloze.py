"""Cloze items: a context with a gap, the word that fits, and words that do not; with the sets of Ettinger (2020)."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bertology.corpus.lines import Account, BadLine, first_line, lines, objects, scalar
from bertology.record.errors import BadCorpus

MASK = "[MASK]"
"""Stands for the gap until a tokenizer's own mask token takes its place."""


class ClozeItem(NamedTuple):
    """`context_with_mask` holds `MASK` once; `target` fits it, `alternatives` fit less or not at all."""

    id: str
    context_with_mask: str
    target: str
    alternatives: tuple[str, ...]
    labels: Mapping[str, Any]


def read(path: str | Path, *, strict: bool = False) -> tuple[ClozeItem, ...]:
    """Items of a .tsv with a header, or of JSON lines, told apart by content.

    General form: columns "context" (with one [MASK]), "target", "alternatives" (parted by "|"; a list in JSON) and
    "id"; the others become labels.

    CPRAG-102: expected against the within- and between-category word; label "constraint".
    NEG-136: two items a row. Target is the completion that makes the sentence true, alternative the one of the other
    polarity; labels "polarity" and "pair". Where the article hangs on the word ("(a|an)"), the context has that of the
    target, and label "contexts" the context for the target and for each alternative.
    ROLE-88: target is the word of the sensitivity test, to be compared with itself in the role-reversed item of the
    same "pair"; there are no alternatives; label "expected" lists the words people gave most often.
    Each of these contexts ends in "[MASK]." with the full stop that the source leaves out.

    Broken rows are skipped with one warning that counts them; BadCorpus under `strict` or when no item is left.
    """
    path = Path(path)
    account = Account(path, strict=strict)
    rows = objects(path, account) if first_line(path).lstrip().startswith("{") else _rows(path, account)
    items: list[ClozeItem] = []
    for number, row in rows:
        form = next((form for columns, form in _FORMS if columns <= row.keys()), None)
        try:
            if form is None:
                raise BadLine(number, "unknown columns", f"columns {', '.join(row)[:80]}; context and target are due")
            items.extend(form(row, number))
        except BadLine as bad:
            account.skip(bad)
    return account.need(items)


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
    if context.count(MASK) != 1:
        raise BadLine(number, "no gap", f"the context holds {context.count(MASK)} {MASK}, one is due")
    given = row.get("alternatives") or ()
    others = [a.strip() for a in given.split("|")] if isinstance(given, str) else given
    if not isinstance(others, list | tuple) or not all(isinstance(a, str) and a.strip() for a in others):
        raise BadLine(number, "alternatives unusable", "alternatives are words, parted by | or in a list")
    fixed = ("context", "target", "alternatives", "id")
    labels = {name: value for name, value in row.items() if name not in fixed and scalar(value)}
    yield ClozeItem(str(row.get("id") or number), context, target, tuple(others), labels)


def _cprag(row: Mapping[str, Any], number: int) -> Iterator[ClozeItem]:
    context = f"{_text(row, 'context_s1', number)} {_text(row, 'context_s2', number)} {MASK}."
    within, between = _text(row, "within_category", number), _text(row, "between_category", number)
    labels = {"set": "CPRAG", "constraint": row.get("constraint", "")}
    yield ClozeItem(str(row.get("item", number)), context, _text(row, "expected", number), (within, between), labels)


def _negation(row: Mapping[str, Any], number: int) -> Iterator[ClozeItem]:
    pair = str(row.get("item", number))
    targets = [_text(row, "target_aff", number), _text(row, "target_neg", number)]
    for polarity, column, words in (
        ("affirmative", "context_aff", targets),
        ("negative", "context_neg", targets[::-1]),
    ):
        contexts = tuple(_with_article(_text(row, column, number), word) for word in words)
        labels = {"set": "NEG", "polarity": polarity, "pair": pair, "contexts": contexts}
        if "licensing" in row:
            labels["licensing"] = row["licensing"]
        yield ClozeItem(f"{pair}-{polarity}", contexts[0], words[0], (words[1],), labels)


def _role(row: Mapping[str, Any], number: int) -> Iterator[ClozeItem]:
    id, context = _text(row, "item", number), f"{_text(row, 'context', number)} {MASK}."
    numbers = ("exp_cloze", "tgt_cloze", "tgt_cloze(strict)")
    labels: dict[str, Any] = {"set": "ROLE", "pair": id.partition("-")[0]}
    labels["expected"] = tuple(_text(row, "expected", number).split("|"))
    for name in numbers:
        try:
            labels[name] = float(row.get(name) or 0)
        except (TypeError, ValueError):
            raise BadLine(number, "cloze value is no number", f"{name} is {str(row[name])[:20]!r}") from None
    yield ClozeItem(id, context, _text(row, "target", number), (), labels)


def _text(row: Mapping[str, Any], column: str, number: int) -> str:
    found = row.get(column)
    if not isinstance(found, str) or not found.strip():
        raise BadLine(number, f"{column} is empty", f"{column} is empty or no text")
    return found.strip()


def _with_article(context: str, word: str) -> str:
    article = "an" if word[0].lower() in "aeiou" else "a"
    return f"{context.replace('(a|an)', article)} {MASK}."


_FORMS: tuple[tuple[frozenset[str], Callable[[Mapping[str, Any], int], Iterator[ClozeItem]]], ...] = (
    (frozenset({"context_s1", "context_s2", "expected", "within_category", "between_category"}), _cprag),
    (frozenset({"context_aff", "context_neg", "target_aff", "target_neg"}), _negation),
    (frozenset({"item", "context", "expected", "target", "tgt_cloze"}), _role),
    (frozenset({"context", "target"}), _general),
)
