"""Plain text: paragraphs in windows of whole sentences, pairs of neighbouring sentences, a tokenizer with offsets."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from bertology.corpus.lines import Account, BadLine, lines, stem
from bertology.corpus.sentence import Corpus, Sentence, need
from bertology.record.errors import BadCorpus, BadRequest


def read(path: str | Path, *, strict: bool = False, max_words: int = 100, wrapped: bool | None = None) -> Corpus:
    """A Sentence per paragraph, or per window of at most `max_words` words of a longer one.

    A paragraph is a line; with `wrapped`, the lines between two blank lines (default: decided by whether the lines
    look broken at a fixed width, as in Project Gutenberg's files). Documents are WikiText articles where the file has
    headings ` = Title = `, the whole file where it is wrapped, and otherwise what stands between blank lines.
    Headings are left out and counted. WikiText's ` @-@ `, ` @,@ `, ` @.@ ` become the bare character; otherwise the
    text is as found, without outer blanks. Windows end after a sentence where one ends inside, else at `max_words`;
    labels "window" (0-based) and "windows" say which of how many.
    Raises BadCorpus for a file without a word; under `strict` also for a paragraph without one, otherwise counted.
    """
    if max_words < 1:
        raise BadRequest(f"max_words is {max_words}, at least 1 word makes a window.", "Leave it out for 100.")
    path = Path(path)
    account = Account(path, strict=strict)
    sentences = []
    for paragraph in _paragraphs(path, account, wrapped):
        windows = list(_windows(paragraph.words, max_words))
        for k, (first, end) in enumerate(windows):
            id = f"{stem(path)}-{paragraph.line}" + (f".{k}" if len(windows) > 1 else "")
            labels = {"window": k, "windows": len(windows)}
            sentences.append(_cut(paragraph, first, end, id=id, labels=labels))
    return need(Corpus(stem(path), tuple(sentences), dropped=account.dropped), str(path))


def segments(path: str | Path, *, strict: bool = False, max_words: int = 100) -> Corpus:
    """Pairs of neighbouring sentences of a document, no sentence in two pairs; layer "segment" is 0 or 1 per word.

    The text is the two joined by a space. Pairs of more than `max_words` words are left out and counted.
    Raises BadCorpus when no document has two sentences; see `read` for what a document is.
    """
    path = Path(path)
    account = Account(path, strict=strict)
    waiting: Sentence | None = None
    pairs, n_long = [], 0
    for paragraph in _paragraphs(path, account, None):
        edges = [0, *_sentence_ends(paragraph.words)]
        for first, end in pairwise(edges):
            second = _cut(paragraph, first, end, id=f"{stem(path)}-{paragraph.line}.{first}")
            if waiting is None or waiting.document != second.document:
                waiting = second
                continue
            if len(waiting) + len(second) <= max_words:
                pairs.append(_joined(waiting, second))
            else:
                n_long += 1
            waiting = None
    account.note(f"pairs of more than {max_words} words", n_long)
    return need(Corpus(f"{stem(path)}-segments", tuple(pairs), dropped=account.dropped), str(path))


class Prose(NamedTuple):
    """A paragraph as running text: the document it belongs to, and the character at which each sentence starts."""

    text: str
    document: str
    sentences: tuple[int, ...]


def prose(path: str | Path) -> Iterator[Prose]:
    """The paragraphs of a file in order, for training on; see `read` for what a paragraph and a document are.

    A .tsv[.gz] file holds translations, a sentence and its translation a line: each line is a document of two "sentences".
    Raises BadCorpus for a file without a word, or with a line that is no pair.
    """
    account = Account(Path(path), strict=False)
    n = 0
    if Path(path).name.removesuffix(".gz").endswith(".tsv"):
        yield from _translations(Path(path), account)
        return
    for paragraph in _paragraphs(Path(path), account, None):
        starts = [0, *(end for end in _sentence_ends(paragraph.words) if end < len(paragraph.words.starts))]
        yield Prose(paragraph.text, paragraph.document, tuple(paragraph.words.starts[i] for i in starts))
        n += 1
    if not n:
        account.need(())


def _translations(path: Path, account: Account) -> Iterator[Prose]:
    n = 0
    for number, line in enumerate(lines(path), start=1):
        if not line.strip():
            continue
        sides = [side.strip() for side in line.split("\t")]
        if len(sides) != 2 or not all(words_of(side).words for side in sides):
            raise BadCorpus(f"{path.name} line {number:,} has {len(sides)} columns with words, two are due.",
                            "Give a sentence, a tab and its translation a line, or text under another name.")  # fmt: skip
        n += 1
        yield Prose(" ".join(sides), f"{stem(path)}#{number}", (0, len(sides[0]) + 1))
    if not n:
        account.need(())


class Words(NamedTuple):
    """Words and the character at which each begins."""

    words: tuple[str, ...]
    starts: tuple[int, ...]


def words_of(text: str, *, at: int = 0) -> Words:
    """Words of a text: runs without blanks, punctuation and symbols split off; `at` is added to the starts.

    "don't", "0.7" and "1,500" stay whole, a Han character is a word (as in BERT's tokenizer), "<unk>" and "[MASK]" are
    words. A run of one punctuation mark ("...") is one word. Combining marks stay with their letters.
    """
    found = [(m[0], m.start() + at) for m in _word().finditer(text) if _visible(m[0])]
    return Words(tuple(word for word, _ in found), tuple(start for _, start in found))


_ARTEFACT = re.compile(r" @([-,.])@ ")
_HEADING = re.compile(r"(=(?: ?=)*) (\S.*?) \1")
_FINAL = frozenset(".!?…。！？")
_CLOSING = frozenset("'’”»)]") | {"''"}
_ABBREVIATIONS = frozenset(
    [
        "Mr",
        "Mrs",
        "Ms",
        "Dr",
        "St",
        "Prof",
        "Gen",
        "Col",
        "Lt",
        "Sgt",
        "Capt",
        "Rev",
        "Hon",
        "Jr",
        "Sr",
        "vs",
        "etc",
        "No",
        "Vol",
        "pp",
        "cf",
        "al",
        "Inc",
        "Ltd",
        "Co",
    ]
)
_WRAP_WIDTHS = range(40, 101)


class _Paragraph(NamedTuple):
    line: int
    text: str
    words: Words
    document: str


@cache
def _word() -> re.Pattern[str]:
    # `re` has no class for punctuation, and \w leaves out the vowel signs of Indic scripts, so the class is written
    # out. Beyond the first plane only the pictographs, as one range: single characters there slow `re` down tenfold.
    marks = [chr(i) for i in range(0x10000) if unicodedata.category(chr(i))[0] in "PS" and chr(i) != "_"]
    mark = "".join(map(re.escape, marks)) + "\U0001f000-\U0001faff"
    han = "\u3400-\u4dbf\u4e00-\u9fff"
    letters = f"[^\\s\x00-\x1f\x7f-\x9f{han}{mark}]+"
    number = r"\d+(?:[.,:]\d+)+(?!\w)"
    return re.compile(f"<unk>|\\[MASK\\]|{number}|[{han}]|{letters}(?:['’]{letters})*|([{mark}])\\1*")


def _visible(word: str) -> bool:
    return word.isprintable() or any(map(str.isprintable, word))


def _paragraphs(path: Path, account: Account, wrapped: bool | None) -> Iterator[_Paragraph]:
    found = [line.strip() for line in lines(path)]
    articles = any((m := _HEADING.fullmatch(line)) and m[1] == "=" for line in found)
    wrapped = (_is_wrapped(found) and not articles) if wrapped is None else wrapped
    document, number_of_document, n_headings = stem(path), 0, 0
    opened = articles or wrapped
    for number, text in _joined_lines(found) if wrapped else enumerate(found, start=1):
        if not text:
            opened = opened and (articles or wrapped)
            continue
        if heading := _HEADING.fullmatch(text):
            n_headings += 1
            if heading[1] == "=":
                number_of_document += 1
                document = f"{stem(path)}#{number_of_document} {heading[2]}"
            continue
        if not opened:
            number_of_document += 1
            document, opened = f"{stem(path)}#{number_of_document}", True
        text = _ARTEFACT.sub(r"\1", text)
        words = words_of(text)
        if words.words:
            yield _Paragraph(number, text, words, document)
        else:
            account.skip(BadLine(number, "paragraph without a word", "a paragraph without a word"))
    account.note("headings", n_headings)


def _is_wrapped(found: Sequence[str]) -> bool:
    """Whether nearly all lines that another follows have a typical column width and few of them end a sentence."""
    inner = [line for line, following in pairwise(found) if line and following]
    if len(inner) < 5:
        return False
    near = sum(len(line) in _WRAP_WIDTHS for line in inner)
    ended = sum(line.rstrip("\"'”’)")[-1:] in _FINAL for line in inner)
    return near > 0.8 * len(inner) and ended < 0.4 * len(inner)


def _joined_lines(found: Sequence[str]) -> Iterator[tuple[int, str]]:
    block: list[str] = []
    for number, line in enumerate([*found, ""], start=1):
        if line:
            block.append(line)
        elif block:
            yield number - len(block), " ".join(block)
            block = []


def _sentence_ends(found: Words) -> list[int]:
    """Where sentences end: indices one past the last word of each; the last is the number of words."""
    words, ends, quotes, n = found.words, [], 0, len(found.words)
    i = 0
    while i < n:
        quotes += words[i] == '"'
        i += 1
        if words[i - 1][0] not in _FINAL or (i > 1 and words[i - 1] == "." and _abbreviates(words[i - 2])):
            continue
        while i < n and (words[i] in _CLOSING or (words[i] == '"' and quotes % 2)):
            quotes += words[i] == '"'
            i += 1
        if i < n and not words[i][0].islower():
            ends.append(i)
    return [*ends, n] if n else []


def _abbreviates(word: str) -> bool:
    return word in _ABBREVIATIONS or (len(word) == 1 and word.isupper() and word != "I")


def _windows(found: Words, max_words: int) -> Iterator[tuple[int, int]]:
    ends, n, first = _sentence_ends(found), len(found.words), 0
    while first < n:
        end = max((end for end in ends if first < end <= first + max_words), default=first + max_words)
        yield first, min(end, n)
        first = end


def _cut(paragraph: _Paragraph, first: int, end: int, **annotation) -> Sentence:
    words, starts = paragraph.words.words[first:end], paragraph.words.starts[first:end]
    text = paragraph.text[starts[0] : starts[-1] + len(words[-1])]
    if (first, end) == (0, len(paragraph.words.words)):
        text, offset = paragraph.text, 0
    else:
        offset = starts[0]
    return Sentence(
        text=text, words=words, starts=tuple(s - offset for s in starts), document=paragraph.document, **annotation
    )


def _joined(first: Sentence, second: Sentence) -> Sentence:
    offset = len(first.text) + 1
    return Sentence(
        f"{first.id}+{second.id}",
        f"{first.text} {second.text}",
        first.words + second.words,
        first.starts + tuple(start + offset for start in second.starts),
        layers={"segment": (0,) * len(first) + (1,) * len(second)},
        document=first.document,
    )
