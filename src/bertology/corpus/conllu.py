"""Treebanks in CoNLL-U: https://universaldependencies.org/format.html (Nivre et al. 2020).

The lines are parsed here rather than by the `conllu` package, which keeps no line numbers, accepts trees that are no
trees, and takes four seconds for 12,500 sentences before anything is checked; tests compare the two.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bertology.corpus.lines import Account, BadLine, lines, stem
from bertology.corpus.sentence import Corpus, Sentence, need
from bertology.record.errors import BadTreebank


def read(path: str | Path, *, strict: bool = False) -> Corpus:
    """The sentences of a treebank with the layers lemma, upos, xpos, feats, head (0-based, -1 the root), deprel.

    Words are the syntactic words. `text` is the `# text` comment if the words spell it, otherwise the forms joined
    according to SpaceAfter. The words of a multiword token that spell it ("do" + "n't") start where they stand; those
    that do not (French "du" = "de" + "le") all start where the token starts, so that `Sentence.ends` is then
    approximate. Empty nodes (8.1) are left out and counted. "_" becomes "", and lemma, upos or xpos that are "_"
    throughout the file are no layer. `document` is the `# newdoc id` above, else the sent_id up to its last "-", else
    the sentence by itself. The feats dicts of equal words are shared: do not change them.

    A sentence is dropped and counted (under `strict`: raises BadTreebank) unless every token has ten columns, a form,
    consecutive ids, a head inside the sentence, and the heads are one tree. BadCorpus if no sentence is usable.
    """
    path = Path(path)
    account = Account(path, strict=strict, error=BadTreebank)
    name, document, n_documents, n_empty, n_rebuilt = stem(path), "", 0, 0, 0
    feats: dict[str, dict[str, str]] = {"_": {}}
    sentences: list[Sentence] = []
    for ordinal, block in enumerate(_blocks(lines(path)), start=1):
        comments = {m[1]: (m[2] or "").strip() for _, line in block if (m := _COMMENT.match(line))}
        if "newdoc" in comments:
            n_documents += 1
            document = comments.get("newdoc id") or comments["newdoc"] or f"{name}#{n_documents}"
        elif "newdoc id" in comments:
            n_documents += 1
            document = comments["newdoc id"] or f"{name}#{n_documents}"
        rows = [(number, line) for number, line in block if not line.startswith("#")]
        if not rows:
            continue
        try:
            tokens = _tokens(rows, feats)
        except BadLine as bad:
            account.skip(bad)
            continue
        id = comments.get("sent_id") or f"{name}-{ordinal}"
        text, starts = comments.get("text", ""), None
        if text:
            starts = _starts(text, tokens)
            n_rebuilt += starts is None
        if starts is None:
            text = _spelled(tokens)
            starts = _starts(text, tokens)
        n_empty += tokens.n_empty
        layers = tokens.layers | {"head": tuple(tokens.heads)}
        home = document or (id.rpartition("-")[0] if "sent_id" in comments else "")
        sentences.append(Sentence(id, text, tokens.words, starts or (), layers=layers, document=home))
    account.note("empty nodes, left out of their sentences", n_empty)
    account.note("texts that the words do not spell, rebuilt from the words", n_rebuilt)
    return need(Corpus(name, _without_blank_layers(sentences), dropped=account.dropped), str(path))


def check_tree(heads: Sequence[int], numbers: Sequence[int]) -> None:
    """Raises BadLine unless the heads (0-based, -1 the root) are one tree; `numbers[i]` is the line of token i."""
    n = len(heads)
    for i, head in enumerate(heads):
        if head >= n:
            found = f"token {i + 1} has head {head + 1}, the sentence has {n} tokens"
            raise BadLine(numbers[i], "head out of range", found)
        if head == i:
            raise BadLine(numbers[i], "token its own head", f"token {i + 1} is its own head")
    roots = [i for i, head in enumerate(heads) if head < 0]
    if len(roots) != 1:
        found = f"{len(roots)} roots" + (f" (tokens {_listed(roots)})" if roots else "") + ", one is due"
        raise BadLine(numbers[roots[1] if roots else 0], "not one root", found)
    seen = [-1] * n
    for i in range(n):
        at = i
        while at >= 0 and seen[at] < 0:
            seen[at] = i
            at = heads[at]
        if at >= 0 and seen[at] == i:
            raise BadLine(numbers[at], "heads go in a circle", f"the heads above token {at + 1} go in a circle")


_COMMENT = re.compile(r"#\s*(newdoc id|newdoc|sent_id|text)(?:\s*=(.*)|\s*)$")
_RANGE = re.compile(r"([0-9]{1,6})-([0-9]{1,6})")
_EMPTY_NODE = re.compile(r"[0-9]{1,6}\.[0-9]{1,6}")
_NUMBER = re.compile(r"[0-9]{1,6}")


class _Unit(NamedTuple):
    """What is written between two spaces: a word, or a multiword token of words first..last."""

    form: str
    first: int
    last: int
    spaced: bool


class _Tokens(NamedTuple):
    words: tuple[str, ...]
    heads: list[int]
    layers: dict[str, tuple]
    units: list[_Unit]
    n_empty: int


def _blocks(found: Sequence[str]) -> Iterator[list[tuple[int, str]]]:
    block: list[tuple[int, str]] = []
    for number, line in enumerate(found, start=1):
        if line and not line.isspace():
            block.append((number, line))
        elif block:
            yield block
            block = []
    if block:
        yield block


def _tokens(rows: Sequence[tuple[int, str]], feats: dict[str, dict[str, str]]) -> _Tokens:
    words, heads, numbers, units, n_empty = [], [], [], [], 0
    columns_of: list[list[str]] = []
    until = 0
    for number, line in rows:
        columns = line.split("\t")
        if len(columns) != 10:
            raise BadLine(number, "not ten columns", f"{len(columns)} tab-separated columns, ten are due")
        id, form, spaced = columns[0], columns[1], "SpaceAfter=No" not in columns[9].split("|")
        if not form or form.isspace():
            raise BadLine(number, "token without a form", f"token {id[:20]} has no form")
        if id == str(len(words) + 1):
            if columns[5] not in feats:
                feats[columns[5]] = _feats(columns[5], number)
            if len(words) >= until:
                units.append(_Unit(form, len(words), len(words), spaced))
            words.append(form)
            numbers.append(number)
            columns_of.append(columns)
        elif match := _RANGE.fullmatch(id):
            first, last = int(match[1]), int(match[2])
            if first != len(words) + 1 or last < first or first <= until:
                raise BadLine(number, "multiword token out of place", f"multiword token {id} after word {len(words)}")
            units.append(_Unit(form, first - 1, last - 1, spaced))
            until = last
        elif _EMPTY_NODE.fullmatch(id):
            n_empty += 1
        else:
            raise BadLine(number, "ids not consecutive", f"token id {id[:20]!r}, {len(words) + 1} is due")
    if not words:
        raise BadLine(rows[0][0], "sentence without a word", "a sentence without a word")
    if until > len(words):
        found = f"a multiword token ends at {until}, the sentence has {len(words)} tokens"
        raise BadLine(rows[0][0], "multiword token out of place", found)
    for i, (number, columns) in enumerate(zip(numbers, columns_of, strict=True), start=1):
        if not _NUMBER.fullmatch(columns[6]):
            raise BadLine(number, "head is no number", f"token {i} has head {columns[6][:20]!r}, a number is due")
        heads.append(int(columns[6]) - 1)
    check_tree(heads, numbers)
    _, forms, lemmas, upos, xpos, features, _, deprel, *_ = zip(*columns_of, strict=True)
    layers = {
        "lemma": tuple("" if x == "_" != form else x for x, form in zip(lemmas, forms, strict=True)),
        "upos": tuple("" if x == "_" else x for x in upos),
        "xpos": tuple("" if x == "_" else x for x in xpos),
        "feats": tuple(feats[x] for x in features),
        "deprel": tuple("" if x == "_" else x for x in deprel),
    }
    return _Tokens(forms, heads, layers, units, n_empty)


def _feats(column: str, number: int) -> dict[str, str]:
    pairs = [part.partition("=") for part in column.split("|")]
    if not all(name and value for name, _, value in pairs):
        raise BadLine(number, "feats not Name=Value", f"feats {column[:40]!r}, Name=Value|... is due")
    return {name: value for name, _, value in pairs}


def _listed(roots: Sequence[int]) -> str:
    return ", ".join(str(i + 1) for i in roots[:5]) + (", ..." if len(roots) > 5 else "")


def _starts(text: str, tokens: _Tokens) -> tuple[int, ...] | None:
    """Where each word starts in `text`, or None when the units and spaces do not make up the text."""
    starts: list[int] = []
    at, size = 0, len(text)
    for form, first, last, _ in tokens.units:
        while at < size and text[at].isspace() and not text.startswith(form, at):
            at += 1
        if not text.startswith(form, at):
            return None
        if first == last:
            starts.append(at)
        else:
            inner = tokens.words[first : last + 1]
            offset, spells = at, "".join(inner) == form
            for word in inner:
                starts.append(offset)
                offset += len(word) if spells else 0
        at += len(form)
    return tuple(starts) if not text[at:].strip() else None


def _spelled(tokens: _Tokens) -> str:
    text = "".join(unit.form + (" " if unit.spaced else "") for unit in tokens.units)
    return text[:-1] if tokens.units[-1].spaced else text


def _without_blank_layers(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    optional = ("lemma", "upos", "xpos")
    blank = {layer for layer in optional if not any(any(s.layers[layer]) for s in sentences)}
    if not blank:
        return tuple(sentences)
    return tuple(replace(s, layers={k: v for k, v in s.layers.items() if k not in blank}) for s in sentences)
