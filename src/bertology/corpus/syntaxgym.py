"""Suites of SyntaxGym (Gauthier et al. 2020; Hu et al. 2020): predictions over regions, read as pairs of sentences."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bertology.corpus.lines import Account, BadLine, lines, stem
from bertology.corpus.pair import Form, Pair, pair
from bertology.corpus.sentence import Sentence, Span
from bertology.corpus.text import words_of
from bertology.record.errors import BadCorpus


class Comparison(NamedTuple):
    """Condition `good` is less surprising than condition `bad`, summed over `regions` (numbers; "*" for all)."""

    good: str
    bad: str
    regions: tuple[str, ...]


def comparisons(formula: str) -> tuple[list[Comparison], int]:
    """The comparisons of a prediction that set one condition against another in the same regions, and how many others it has.

    `[(7;%a%) < (7;%b%)] & [(8;%a%)+(9;%a%) > (8;%b%)+(9;%b%)]` has two. Differences of differences and equalities are no
    pairs of sentences: they are counted.
    """
    found, others = [], 0
    for part in _conjuncts(re.sub(r"\s+", "", formula)):
        sides = re.fullmatch(r"([^<>=]+)([<>])([^<>=]+)", part)
        first, second = (_summed(side) for side in (sides[1], sides[3])) if sides else (None, None)
        if not sides or first is None or second is None or first[1] != second[1] or first[0] == second[0]:
            others += 1
            continue
        good, bad = (first[0], second[0]) if sides[2] == "<" else (second[0], first[0])
        found.append(Comparison(good, bad, first[1]))
    return found, others


def _pairs(path: Path, account: Account) -> Iterator[Pair]:
    """One pair for each comparison of each item. Phenomenon "SUITE: GOOD < BAD"; the regions compared are spans "region"."""
    suite = _suite(path)
    meta = suite.get("meta")
    name = str((meta.get("name") if isinstance(meta, dict) else "") or stem(path))
    wanted: list[Comparison] = []
    for prediction in suite["predictions"]:
        found, others = comparisons(str(prediction.get("formula", "")))
        wanted += found
        account.note(f"predictions of {name} that compare no two conditions in one region", others)
    for number, item in enumerate(suite["items"], start=1):
        conditions = {str(c.get("condition_name")): c for c in _dicts(item.get("conditions"))}
        for comparison in dict.fromkeys(wanted):
            label = f"{name}: {comparison.good} < {comparison.bad}"
            try:
                sides = [_spoken(conditions.get(c), comparison.regions, number) for c in comparison[:2]]
            except BadLine as bad:
                account.skip(bad)
                continue
            item_number = str(item.get("item_number", number))
            yield pair(sides, label, item_number, {"field": ""}, document=f"{name}/{item_number}")


def _spoken(condition: Mapping[str, Any] | None, wanted: tuple[str, ...], number: int) -> Sentence:
    """The regions in a row, punctuation drawn to the word before it, with a full stop where none ends the sentence."""
    if condition is None:
        raise BadLine(number, "condition missing", f"item {number} lacks a condition that a prediction names")
    text, words, starts, spans = "", [], [], []
    for region in _dicts(condition.get("regions")):
        content = str(region.get("content") or "").strip()
        if not content:
            continue
        text += "" if not text or content[0] in ",.;:?!" else " "
        found = words_of(content, at=len(text))
        if str(region.get("region_number")) in wanted or wanted == ("*",):
            spans.append((len(words), len(words) + len(found.words), str(region.get("region_number"))))
        text, words, starts = text + content, words + list(found.words), starts + list(found.starts)
    if not any(start < end for start, end, _ in spans):
        raise BadLine(number, "region without a word", f"item {number} has no word in region {', '.join(wanted)}")
    if text[-1] not in ".?!":
        words, starts, text = [*words, "."], [*starts, len(text)], text + "."
    kept: tuple[Span, ...] = tuple(span for span in spans if span[0] < span[1])
    return Sentence("", text, tuple(words), tuple(starts), spans={"region": kept})


def _dicts(given: Any) -> list[dict[str, Any]]:
    return [entry for entry in given if isinstance(entry, dict)] if isinstance(given, list) else []


def _suite(path: Path) -> dict[str, Any]:
    try:
        found = json.loads("\n".join(lines(path)))
        json.dumps(found, ensure_ascii=False).encode()  # a lone surrogate would break every tokenizer
    except (ValueError, RecursionError) as error:
        raise BadCorpus(f"{path.name} is no JSON: {str(error)[:80]}.", "Copy the file again.") from None
    return found


def _looks(path: Path, first: str) -> bool:
    if not first.lstrip().startswith("{") or path.name.removesuffix(".gz").endswith(".jsonl"):
        return False
    try:
        found = _suite(path)
    except BadCorpus:
        return False
    return isinstance(found, dict) and all(
        isinstance(found.get(part), list) and all(isinstance(entry, dict) for entry in found[part])
        for part in ("predictions", "items")
    )


def _conjuncts(formula: str) -> list[str]:
    """The parts between the outermost "&", without the brackets around each."""
    parts, depth, start = [], 0, 0
    for i, sign in enumerate(formula + "&"):
        depth += (sign in "([") - (sign in ")]")
        if sign == "&" and depth == 0:
            parts.append(formula[start:i])
            start = i + 1
    return [inner for part in parts for inner in _opened(part)]


def _opened(part: str) -> list[str]:
    if not (part.startswith("[") and _closing(part) == len(part) - 1):
        return [part]
    return _conjuncts(part[1:-1]) if "&" in part else [part[1:-1]]


def _closing(part: str) -> int:
    """Where the bracket that opens a part is closed."""
    depth = 0
    for i, sign in enumerate(part):
        depth += (sign in "([") - (sign in ")]")
        if depth == 0:
            return i
    return -1


def _summed(side: str) -> tuple[str, tuple[str, ...]] | None:
    """The condition and the regions of a sum over one condition, None for any other expression."""
    terms = re.findall(_TERM, side)
    if not re.fullmatch(rf"[\[(]*{_TERM}(?:\+{_TERM})*[\])]*", side) or len({name for _, name in terms}) != 1:
        return None
    return terms[0][1], tuple(sorted(number for number, _ in terms))


_TERM = r"\((\d+|\*);%([^%]+)%\)"
FORM = Form(_looks, _pairs)
