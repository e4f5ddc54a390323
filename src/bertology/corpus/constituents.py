"""Constituents: brackets of the Penn Treebank (Marcus et al. 1993), or a head with all that depends on it.

A sentence's constituents are its spans "constituent" (start, end, label), outer before inner, so that of two over the same
words the first is the ancestor. Derived ones carry the head's part of speech as their label.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from bertology.corpus import conllu
from bertology.corpus.lines import Account, BadLine, lines, stem
from bertology.corpus.sentence import Corpus, Sentence, Span, need, sentence
from bertology.record.errors import BadCorpus, BadTreebank

ENDINGS = (".mrg", ".tree", ".txt")
"""What the files of a folder of trees end in; each may be compressed with gzip (.gz)."""


def read(path: str | Path, *, strict: bool = False) -> Corpus:
    """Trees in brackets, `(S (NP (DT The) (NN dog)) (VP (VBZ sleeps)))`, one or several a file; or a folder of such files.

    Layers "xpos"; spans "constituent". Empty elements (-NONE-) and what holds nothing else are left out, as are the labels "",
    TOP and ROOT; of NP-SBJ-1 the label is NP. A file is a document. A dependency treebank (.conllu) is read and `derived`.
    Broken trees are skipped and counted; under `strict` they raise BadTreebank. BadCorpus when no tree is left.
    """
    path = Path(path)
    if path.name.removesuffix(".gz").endswith(".conllu"):
        return derived(conllu.read(path, strict=strict))
    files = _files(path) if path.is_dir() else [path]
    account = Account(path, strict=strict, error=BadTreebank)
    found: list[Sentence] = []
    for file in files:
        own = Account(file, strict=strict, error=BadTreebank)
        document = stem(file) if len(files) > 1 else ""
        for number, text in _trees(lines(file), own):
            try:
                made = _sentence(number, text, f"{stem(file)}-{number}", document)
            except BadLine as bad:
                own.skip(bad)
                continue
            found.append(made)
        account.merge(own)
    return need(Corpus(stem(path), tuple(found), dropped=account.dropped), str(path))


def derived(treebank: Corpus) -> Corpus:
    """A treebank with constituents added: each word that governs others, with all below it; its part of speech the label.

    Sentences without one tree, or in which such a set is no stretch of words (crossing arcs), are left out and counted.
    """
    whole = treebank.where(lambda s: list(s.layers.get("head", ())).count(-1) == 1, why="no single tree")
    edges = {id(s): _edges(s) for s in whole}
    projective = whole.where(lambda s: edges[id(s)] is not None, why="crossing arcs, so that no constituents follow")

    def bracketed(s: Sentence) -> Sentence:
        tags = s.layers.get("upos") or s.layers.get("xpos") or ("X",) * len(s)
        spans = [(*edge, str(tags[word])) for word, edge in enumerate(edges[id(s)] or ()) if edge[1] - edge[0] > 1]
        # No two are equal: each holds its own head. The wider of two that start together comes first.
        return replace(s, spans={**s.spans, "constituent": tuple(sorted(spans, key=lambda c: (c[0], -c[1])))})

    return projective.map(bracketed, name=f"{treebank.name}, constituents")


class Bare(NamedTuple):
    """`words` are the places of the words that are no punctuation; `spans` hold constituents of two or more of them,
    (start, end) counted in `words`."""

    words: list[int]
    spans: frozenset[tuple[int, int]]


def bare(s: Sentence) -> Bare:
    """A sentence's constituents with punctuation taken out, as unsupervised parsers are scored."""
    kept = [not punctuation(s, word) for word in range(len(s))]
    words, before = [word for word, keep in enumerate(kept) if keep], [0, *accumulate(kept)]
    spans = {(before[start], before[end]) for start, end, _ in s.spans.get("constituent", ())}
    return Bare(words, frozenset((a, b) for a, b in spans if b - a > 1))


def punctuation(s: Sentence, word: int) -> bool:
    """By the universal tag, else by the Penn Treebank's, else by the characters."""
    if (tags := s.layers.get("upos")) is not None:
        return tags[word] == "PUNCT"
    if (tags := s.layers.get("xpos")) is not None:
        return tags[word] in _PUNCTUATION_TAGS
    return all(unicodedata.category(c).startswith("P") for c in s.words[word])


def ancestors(s: Sentence) -> list[list[str]]:
    """For each word the labels of the constituents around it, the innermost (its parent) first."""
    around: list[list[str]] = [[] for _ in s.words]
    for start, end, label in reversed(s.spans.get("constituent", ())):
        for word in range(start, end):
            around[word].append(label)
    return around


_PUNCTUATION_TAGS = frozenset((",", ".", ":", "``", "''", "-LRB-", "-RRB-", "HYPH", "NFP"))
_WRAPPERS = frozenset(("", "TOP", "ROOT"))
_SPELLED = {
    "-LRB-": "(", "-RRB-": ")", "-LCB-": "{", "-RCB-": "}", "-LSB-": "[", "-RSB-": "]", "``": '"', "''": '"', "\\/": "/", "\\*": "*",
}  # fmt: skip
_GLUED_BEFORE = frozenset((".", ",", ";", ":", "?", "!", "%", ")", "]", "}", "n't", "N'T", "..."))
_GLUED_AFTER = frozenset(("(", "[", "{", "$", "#"))


def _files(folder: Path) -> list[Path]:
    found = sorted(f for f in folder.rglob("*") if f.is_file() and f.name.removesuffix(".gz").endswith(ENDINGS))
    if not found:
        raise BadCorpus(f"{folder} holds no file of trees.", f"Files of trees end in {', '.join(ENDINGS)}.")
    return found


def _edges(s: Sentence) -> list[tuple[int, int]] | None:
    """The stretch of words at and below each word; None when one is no stretch, or the heads run in a circle."""
    heads, n = s.layers["head"], len(s)
    low, high, count = list(range(n)), list(range(1, n + 1)), [1] * n
    for word in range(n):
        at, steps = word, 0
        while heads[at] >= 0:
            at, steps = heads[at], steps + 1
            if steps > n:
                return None
            low[at], high[at], count[at] = min(low[at], word), max(high[at], word + 1), count[at] + 1
    whole = all(end - start == size for start, end, size in zip(low, high, count, strict=True))
    return list(zip(low, high, strict=True)) if whole else None


def _trees(numbered: Sequence[str], account: Account) -> Iterator[tuple[int, list[str]]]:
    """Line number and tokens ("(", ")" and strings) of each tree whose brackets match.

    A bracket in the first column begins a tree: where the one before is still open, it lacks a bracket and is skipped.
    """
    tree: list[str] = []
    depth = began = 0
    for number, line in enumerate(numbered, start=1):
        if depth and line.startswith("("):
            account.skip(BadLine(began, "a bracket is never closed", "a bracket is never closed"))
            tree, depth = [], 0
        for token in line.replace("(", " ( ").replace(")", " ) ").split():
            if not depth and token != "(":
                account.skip(BadLine(number, "text outside of brackets", f"{token[:40]!r} outside of brackets"))
                break
            if not depth:
                began = number
            tree.append(token)
            depth += (token == "(") - (token == ")")
            if not depth:
                yield began, tree
                tree = []
    if depth:
        account.skip(BadLine(began, "a bracket is never closed", "a bracket is never closed"))


class _Node(NamedTuple):
    """An open bracket: where it starts in words, its place among the spans, and what it holds so far."""

    start: int
    place: int
    label: list[str]
    word: list[str]
    children: list[int]


def _sentence(number: int, tokens: Sequence[str], id: str, document: str) -> Sentence:
    words: list[str] = []
    tags: list[str] = []
    spans: list[Span | None] = []
    stack: list[_Node] = []
    previous = ""
    for token in tokens:
        if token == "(":
            if stack:
                stack[-1].children.append(1)
            stack.append(_Node(len(words), len(spans), [], [], []))
            spans.append(None)
        elif token == ")":
            node = stack.pop()
            label = node.label[0] if node.label else ""
            if (node.word and node.children) or len(node.word) > 1:
                raise BadLine(
                    number, "a word beside a bracket", f"{node.word[0][:40]!r} stands beside another word or bracket"
                )
            if node.word and label != "-NONE-":
                words.append(_SPELLED.get(node.word[0], node.word[0]))
                tags.append(label)
            elif node.children and len(words) > node.start and _plain(label) not in _WRAPPERS:
                spans[node.place] = (node.start, len(words), _plain(label))
        elif previous == "(":
            stack[-1].label.append(token)
        else:
            stack[-1].word.append(token)
        previous = token
    if not words:
        raise BadLine(number, "a tree without words", "the tree has no words")
    return sentence(
        words, id, glued=_glued(words), layers={"xpos": tuple(tags)},
        spans={"constituent": tuple(span for span in spans if span is not None)}, document=document,
    )  # fmt: skip


def _plain(label: str) -> str:
    """NP of NP-SBJ-1 and NP=2; labels that begin with a hyphen stay."""
    cut = min((i for i in (label.find(mark, 1) for mark in "-=|") if i > 0), default=len(label))
    return label[:cut]


def _glued(words: Sequence[str]) -> list[bool]:
    """Which words no space follows, so that the text reads as English is spelled. Quotation marks alternate."""
    glued, opens = [False] * len(words), True
    for i, word in enumerate(words):
        before = word in _GLUED_BEFORE or (len(word) > 1 and word[0] in "'’" and word[1:].isalpha())
        after = word in _GLUED_AFTER
        if word == '"':
            before, after, opens = not opens, opens, not opens
        if before and i:
            glued[i - 1] = True
        glued[i] = glued[i] or after
    return glued
