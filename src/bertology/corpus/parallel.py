"""Translations: the same sentences in several languages, told apart by labels "language" and "translation".

Sentences with the same label "translation" mean the same; they share a document, so (from 25 documents on) a block holds
all languages of a sentence, and no translation of a test sentence is among the training sentences.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bertology.corpus import conllu
from bertology.corpus.lines import Account, BadLine, lines, stem
from bertology.corpus.sentence import Corpus, Sentence
from bertology.corpus.text import words_of
from bertology.record.errors import BadCorpus, BadRequest

CODES = {
    "ara": "ar", "bul": "bg", "ces": "cs", "cmn": "zh", "dan": "da", "deu": "de", "ell": "el", "eng": "en", "est": "et", "fas": "fa",
    "fin": "fi", "fra": "fr", "heb": "he", "hin": "hi", "hun": "hu", "ind": "id", "ita": "it", "jpn": "ja", "kor": "ko", "nld": "nl",
    "nob": "no", "pol": "pl", "por": "pt", "ron": "ro", "rus": "ru", "spa": "es", "swe": "sv", "tha": "th", "tur": "tr", "ukr": "uk",
    "urd": "ur", "vie": "vi", "zho": "zh",
}  # fmt: skip
"""Two-letter codes (ISO 639-1) of three-letter ones (ISO 639-3, Mandarin as Chinese)."""


def read(path: str | Path, *, strict: bool = False) -> Corpus:
    """Sentences with labels "language" (a code) and "translation" (equal for translations of each other).

    A folder of CoNLL-U files, one a language named first in the file's name ("de_pud-ud-test.conllu"): translations have
    the same sent_id (as in PUD) and keep their trees. A folder of text files NAME.DE-EN.DE and NAME.DE-EN.EN, aligned by
    line (as in OPUS and Tatoeba), or such files of one pair. A file en-de.tsv: a sentence, a tab, its translation a line.
    Three-letter codes become two-letter ones where they have one. Sentences without a translation are left out and counted.
    Raises BadCorpus for files of one language alone, or of unequal length.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file())
        trees = [file for file in files if file.name.removesuffix(".gz").endswith(".conllu")]
        corpus = _of_trees(path, trees, strict) if trees else _of_lines(path, files, strict)
    else:
        corpus = _of_table(path, strict)
    return _translated(corpus, path)


def languages_of(corpus: Corpus) -> list[str]:
    """The codes of a parallel corpus, English first."""
    return sorted({str(s.labels["language"]) for s in corpus}, key=lambda code: (code != "en", code))


def pairs_of(corpus: Corpus, first: str, second: str) -> NDArray[np.int64]:
    """Places (pair, 2) in the corpus of a sentence in one language and its translation in the other.

    Raises BadRequest when no sentence is there in both.
    """
    place = {(s.labels["language"], s.labels["translation"]): i for i, s in enumerate(corpus)}
    found = [
        (i, place[second, meaning])
        for (language, meaning), i in place.items()
        if language == first and (second, meaning) in place
    ]
    if not found:
        raise BadRequest(f"{corpus.name} has no sentence in both {first!r} and {second!r}.",
                         f"Its languages: {', '.join(languages_of(corpus))}.")  # fmt: skip
    return np.array(found, dtype=np.int64)


def _of_trees(path: Path, files: list[Path], strict: bool) -> Corpus:
    sentences: list[Sentence] = []
    dropped: dict[str, int] = {}
    for file in files:
        code = _code(re.split(r"[_.-]", file.name)[0], file)
        treebank = conllu.read(file, strict=strict)
        dropped |= {f"{code}: {why}": count for why, count in treebank.dropped.items()}
        sentences += [
            replace(s, id=f"{code}:{s.id}", labels={**s.labels, "language": code, "translation": s.id})
            for s in treebank
        ]
    return Corpus(path.name, tuple(sentences), dropped=dropped)


def _of_lines(path: Path, files: list[Path], strict: bool) -> Corpus:
    sentences: list[Sentence] = []
    account = Account(path, strict=strict)
    for first, second, codes in _pairs_of_files(path, files):
        one, other = lines(first), lines(second)
        if len(one) != len(other):
            raise BadCorpus(f"{first.name} has {len(one):,} lines, {second.name} {len(other):,}: they are not aligned.",
                            "Line k of one must translate line k of the other.")  # fmt: skip
        sentences += _both(zip(one, other, strict=True), "-".join(codes), codes, account)
    return Corpus(path.name, tuple(sentences), dropped=account.dropped)


_PAIR = re.compile(r"(.*?)\.([a-z]{2,3})-([a-z]{2,3})\.([a-z]{2,3})(\.txt)?(\.gz)?")


def _pairs_of_files(path: Path, files: list[Path]) -> Iterator[tuple[Path, Path, tuple[str, str]]]:
    named = {file: m for file in files if (m := _PAIR.fullmatch(file.name))}
    side = {(m[1], m[2], m[3], m[4]): file for file, m in named.items()}
    pairs = sorted({key[:3] for key in side})
    if not pairs:
        raise BadCorpus(f"{path} holds neither CoNLL-U files nor files named NAME.DE-EN.DE.",
                        "Give a folder of treebanks with the same sentence ids, or of texts aligned by line.")  # fmt: skip
    for name, first, second in pairs:
        lacking = [code for code in (first, second) if (name, first, second, code) not in side]
        if lacking:
            raise BadCorpus(f"{path} has no file {name}.{first}-{second}.{lacking[0]}.", "Each pair is two files.")
        yield side[name, first, second, first], side[name, first, second, second], (
            _code(first, path), _code(second, path))  # fmt: skip


def _of_table(path: Path, strict: bool) -> Corpus:
    match = re.search(r"(?:^|[._])([a-z]{2,3})-([a-z]{2,3})$", path.name.removesuffix(".gz").rpartition(".")[0])
    if match is None:
        raise BadCorpus(f"the name of {path} does not say its languages.", "Name it like en-de.tsv.")
    codes = _code(match[1], path), _code(match[2], path)
    account = Account(path, strict=strict)
    rows: list[tuple[str, str]] = []
    for number, line in enumerate(lines(path), start=1):
        sides = line.split("\t")
        if len(sides) == 2:
            rows.append((sides[0], sides[1]))
        elif line.strip():
            account.skip(BadLine(number, "not two columns", f"{len(sides)} columns, two are due"))
    return Corpus(stem(path), tuple(_both(rows, "-".join(codes), codes, account)), dropped=account.dropped)


def _both(rows: Iterable[tuple[str, str]], name: str, codes: tuple[str, str], account: Account) -> Iterator[Sentence]:
    """The two sentences of each row, in which both sides have words."""
    for number, sides in enumerate(rows, start=1):
        split = [words_of(side.strip()) for side in sides]
        if not all(found.words for found in split):
            account.note("pairs with a side without words")
            continue
        meaning = f"{name}#{number}"
        for code, side, found in zip(codes, sides, split, strict=True):
            labels = {"language": code, "translation": meaning}
            yield Sentence(f"{code}:{meaning}", side.strip(), *found, labels=labels, document=meaning)


def _code(found: str, path: Path) -> str:
    if not re.fullmatch(r"[a-z]{2,3}", found):
        raise BadCorpus(f"the name of {path} does not begin with a language code.", "Name it like de_pud.conllu.")
    return CODES.get(found, found)


def _translated(corpus: Corpus, path: Path) -> Corpus:
    languages = Counter(str(s.labels["language"]) for s in corpus)
    if len(languages) < 2:
        raise BadCorpus(f"{path} is in one language: {', '.join(languages) or 'none'}.", "Two at least are due.")
    times = Counter(s.labels["translation"] for s in corpus)
    kept = corpus.where(lambda s: times[s.labels["translation"]] > 1, why="no translation in another language")
    if not len(kept):
        raise BadCorpus(f"no sentence of {path} is there in two languages.", "Translations have the same sent_id.")
    return kept


__all__ = ["CODES", "languages_of", "pairs_of", "read"]
