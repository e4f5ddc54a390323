"""Sentences with labelled spans and links: JSON lines, SemEval-2010 Task 8 (Hendrickx et al. 2010), BIO columns."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bertology.corpus.conllu import check_tree
from bertology.corpus.lines import Account, BadLine, first_line, lines, objects, scalar, stem
from bertology.corpus.sentence import Corpus, Link, Sentence, Span, need, sentence
from bertology.corpus.text import words_of
from bertology.record.errors import BadCorpus


def read(path: str | Path, *, strict: bool = False) -> Corpus:
    """The sentences of a file in one of three formats, told apart by the first line that is not blank.

    JSON lines: "words" (a list) or "text"; optional "id", "document", "spans", "links", "layers" ({name: one value a
    word}) and "labels". Spans are [start, end, label] with 0-based words, end excluded; links are [from, to, label].
    Both are {name: list}, as in `Sentence`; a bare list stands for {"entity": list} and {"relation": list}.

    SemEval-2010 Task 8: spans "entity" (labels e1, e2); link "relation" from the last word of the first argument to
    that of the second, as in Cause-Effect(e2,e1) -> (e2, e1, "Cause-Effect"); label "relation" is the field as written.

    BIO: word first and tag last on a line of tab- or blank-separated columns, blank line after a sentence; spans
    "entity". An I- that continues nothing opens a span, as in conlleval.

    Broken sentences are dropped and counted, raising BadCorpus under `strict` or when none is left.
    """
    path = Path(path)
    account = Account(path, strict=strict)
    sample = first_line(path)
    form = next((read for looks, read in _FORMATS if looks.match(sample)), None)
    if form is None:
        raise BadCorpus(
            f"{path.name} starts with {sample[:40]!r}, which is no known format of spans.",
            "Give JSON lines, SemEval-2010 Task 8 blocks, or word and BIO tag in columns.",
        )
    return need(Corpus(stem(path), tuple(form(path, account)), dropped=account.dropped), str(path))


def _json(path: Path, account: Account) -> Iterator[Sentence]:
    for number, item in objects(path, account):
        try:
            yield _annotated(item, number, stem(path))
        except BadLine as bad:
            account.skip(bad)


def _annotated(item: Mapping[str, Any], number: int, name: str) -> Sentence:
    id, document = str(item.get("id") or f"{name}-{number}"), str(item.get("document") or "")
    words, text = item.get("words"), item.get("text")
    if words is not None:
        if not isinstance(words, list) or not words or not all(isinstance(w, str) and w.strip() for w in words):
            raise BadLine(number, "no words", 'no usable "words"; a list of words is due')
        bare = _aligned(text, words, id) if isinstance(text, str) else sentence(words, id)
    elif isinstance(text, str) and words_of(text).words:
        bare = Sentence(id, text, *words_of(text))
    else:
        raise BadLine(number, "no words", 'neither "words" nor a "text" with words')
    n = len(bare)
    links = _stretches(item.get("links"), "relation", number, valid=lambda i, j: 0 <= i < n and 0 <= j < n)
    spans = _stretches(item.get("spans"), "entity", number, valid=lambda start, end: 0 <= start < end <= n)
    layers = _layers(item.get("layers"), n, number)
    labels = item.get("labels") or {}
    if not isinstance(labels, dict) or not all(map(scalar, labels.values())):
        raise BadLine(number, "labels unusable", '"labels" holds something else than text and numbers by name')
    return Sentence(bare.id, bare.text, bare.words, bare.starts, layers, links, spans, labels, document)


def _aligned(text: str, words: Sequence[str], id: str) -> Sentence:
    """The words where they stand in the text; joined by blanks when they do not spell it."""
    starts, at = [], 0
    for word in words:
        found = text.find(word, at)
        if found < 0 or text[at:found].strip():
            return sentence(words, id)
        starts.append(found)
        at = found + len(word)
    return Sentence(id, text, tuple(words), tuple(starts)) if not text[at:].strip() else sentence(words, id)


def _stretches(
    given: Any, default: str, number: int, *, valid: Callable[[int, int], bool]
) -> dict[str, tuple[tuple[int, int, str], ...]]:
    named = {default: given} if isinstance(given, list) else {} if given is None else given
    if not isinstance(named, dict) or not all(isinstance(items, list) for items in named.values()):
        raise BadLine(number, "spans or links unusable", "spans and links are lists of [number, number, label]")
    found: dict[str, tuple[tuple[int, int, str], ...]] = {}
    for name, items in named.items():
        for item in items:
            ok = isinstance(item, list) and len(item) == 3 and all(type(i) is int for i in item[:2])
            if not ok or not scalar(item[2]):
                raise BadLine(number, "spans or links unusable", f"{str(item)[:40]} is not [number, number, label]")
            if not valid(item[0], item[1]):
                raise BadLine(number, "span or link out of range", f"{name} {item} does not fit the words")
        found[name] = tuple((i, j, str(label)) for i, j, label in items)
    return found


def _layers(given: Any, n: int, number: int) -> dict[str, tuple[Any, ...]]:
    layers = {} if given is None else given
    if not isinstance(layers, dict):
        raise BadLine(number, "layers unusable", '"layers" is no object of {name: list}')
    for name, values in layers.items():
        if not isinstance(values, list) or len(values) != n:
            raise BadLine(
                number, "layers unusable", f"layer {name[:20]!r} does not hold one value for each of {n} words"
            )
        if not all(scalar(v) or (isinstance(v, dict) and all(map(scalar, v.values()))) for v in values):
            raise BadLine(number, "layers unusable", f"layer {name[:20]!r} holds something else than text and numbers")
    heads = layers.get("head")
    if heads is not None:
        if not all(type(head) is int and head >= -1 for head in heads):
            raise BadLine(number, "layers unusable", "layer 'head' holds something else than -1 or the index of a word")
        check_tree(heads, [number] * n)
    return {name: tuple(values) for name, values in layers.items()}


_TAG = re.compile(r"<(/?)(e[12])>")
_RELATION = re.compile(r"([^()]+)\((e[12]),(e[12])\)")


def _semeval(path: Path, account: Account) -> Iterator[Sentence]:
    found = [line.strip() for line in lines(path)]
    for number, line in enumerate(found, start=1):
        if not (match := _SEMEVAL.match(line)):
            continue
        relation = found[number] if number < len(found) else ""
        try:
            yield _related(f"{stem(path)}-{match[1]}", line[match.end() :].removesuffix('"'), relation, number)
        except BadLine as bad:
            account.skip(bad)


def _related(id: str, marked: str, relation: str, number: int) -> Sentence:
    text, words, starts, bounds, at = "", (), (), {}, 0
    for tag in [*_TAG.finditer(marked), None]:
        piece = marked[at : tag.start() if tag else len(marked)]
        more = words_of(piece, at=len(text))
        text, words, starts = text + piece, words + more.words, starts + more.starts
        if tag:
            bounds[tag[2], tag[1]] = len(words)
            at = tag.end()
    spans: dict[str, Span] = {}
    for name in ("e1", "e2"):
        start, end = bounds.get((name, ""), -1), bounds.get((name, "/"), -1)
        if not 0 <= start < end:
            raise BadLine(number, "no marked nominal", f"no <{name}>...</{name}> around a word")
        spans[name] = (start, end, name)
    match = _RELATION.fullmatch(relation)
    if not match and relation != "Other":
        raise BadLine(
            number + 1, "no relation", f"{relation[:30]!r} is no relation such as Cause-Effect(e1,e2) or Other"
        )
    label, first, second = match.groups() if match else ("Other", "e1", "e2")
    link: Link = (spans[first][1] - 1, spans[second][1] - 1, label)
    return Sentence(
        id,
        text,
        words,
        starts,
        links={"relation": (link,)},
        spans={"entity": (spans["e1"], spans["e2"])},
        labels={"relation": relation},
    )


def _bio(path: Path, account: Account) -> Iterator[Sentence]:
    block: list[tuple[int, str]] = []
    for number, line in enumerate([*lines(path), ""], start=1):
        if line.strip():
            block.append((number, line))
        elif block:
            if block[0][1].startswith("-DOCSTART-"):
                del block[0]
            try:
                if block:
                    yield _tagged(block, f"{stem(path)}-{block[0][0]}")
            except BadLine as bad:
                account.skip(bad)
            block = []


def _tagged(block: Sequence[tuple[int, str]], id: str) -> Sentence:
    words: list[str] = []
    spans: list[Span] = []
    open_kind = ""
    for i, (number, line) in enumerate(block):
        columns = line.split("\t") if "\t" in line else line.split()
        word, tag = columns[0], _BIO_TAG.fullmatch(columns[-1].strip())
        if len(columns) < 2 or not word.strip() or not tag:
            raise BadLine(number, "not word and BIO tag", f"{line[:40]!r} is not a word and a tag O, B-... or I-...")
        words.append(word)
        kind = tag[2] or ""
        if tag[1] == "I" and kind == open_kind:
            spans[-1] = (spans[-1][0], i + 1, kind)
        elif kind:
            spans.append((i, i + 1, kind))
        open_kind = kind
    return sentence(words, id, spans={"entity": tuple(spans)})


_SEMEVAL = re.compile(r'(\d+)\t\s*"')
_BIO_TAG = re.compile(r"O|([BI])-(\S+)")
_FORMATS: tuple[tuple[re.Pattern[str], Callable[[Path, Account], Iterator[Sentence]]], ...] = (
    (re.compile(r"\s*\{"), _json),
    (_SEMEVAL, _semeval),
    (re.compile(r".*\s(O|[BI]-\S+)\s*$"), _bio),
)
