"""Running text and translations in several languages, out of what a distribution's packages document themselves with.

    python tools/multilingual_text.py FOLDER... --out OUT [--million-words 20] [--smooth 0.7] [--novels FILES]

A FOLDER holds unpacked packages: manual pages, HTML, Mallard and DocBook help, message catalogues (.mo), apt's lists
of translated package descriptions (uncompressed `*Translation-<lang>`), verse-numbered JSON (`quran_<lang>.json`).
Languages are found in paths and checked in every paragraph: most letters in the language's script, and no other
language of the Latin script with more function words.

    OUT/text/<lang>.txt        a paragraph a line, a blank line between documents; no markup, no listing
    OUT/valid/<lang>.txt       1 % of the paragraphs, by their hash, in no other file; mixed.txt: 3,000 words of each
    OUT/pairs/en-<lang>.tsv    English, a tab, its translation: of one paragraph id, message, description or verse
    OUT/train/<lang>.txt       whole documents, drawn or repeated until the language has its share of --million-words:
                               its words to the power of --smooth over the sum of these (Devlin et al. 2019)

Words are those of `corpus.text.words_of`; a Han character is one. Nothing is downloaded and nothing kept in the
project: docs/findings/multilingual.md says which packages were read. Without a folder there is nothing to do.
"""

import argparse
import random
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from package_documents import FUNCTION_WORDS, LANGUAGES, SCRIPTS, Document, Paragraph, documents

from bertology.corpus.text import prose, words_of

MIXED = 3000
"""Words of each language in valid/mixed.txt, where there are as many: a held-out loss reads some 60,000 subwords."""


class Line(NamedTuple):
    """A paragraph on one line, and how many words it has."""

    text: str
    n_words: int


_CODE = re.compile(r"^(?:This page|Title) is:|https?://\S+\s*$|[{}<>|\\=]{2}|[_/]\w+[_/]\w+.*[_/]\w+[_/]\w+")
_VOCALISATION = re.compile("[\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]")
_OWN = {language: re.compile(f"[{letters}]", re.I) for language, letters in SCRIPTS.items()}
_OTHER_SCRIPT = re.compile("[\u0370-\U0001f000]")
_LETTER = re.compile(r"[^\W\d_]")
_SPEAKS: dict[str, list[str]] = defaultdict(list)
for _language_, _words in FUNCTION_WORDS.items():
    for _word in _words.split():
        _SPEAKS[_word].append(_language_)


def clean(text: str, language: str) -> Line | None:
    """One line of running text in the language, or None: too short, another language or script, or hardly any words."""
    text = " ".join(text.split()).strip(" •*-–·")
    if (not 10 <= len(text) <= 5000 and not (language == "zh" and text)) or _CODE.search(text):
        return None
    if language == "ar" and len(_VOCALISATION.findall(text)) > 0.1 * len(text):  # scripture writes every vowel
        text = _VOCALISATION.sub("", text).replace("\u0671", "\u0627")
    words = words_of(text).words
    real = [word.lower() for word in words if word[0].isalpha()]
    if len(real) < 4 or len(real) < 0.6 * len(words):
        return None
    if language in SCRIPTS:
        enough = len(_OWN[language].findall(text)) > 0.7 * len(_LETTER.findall(text))
        return Line(text, len(words)) if enough else None
    if len(_OTHER_SCRIPT.findall(text)) > 0.05 * len(text):
        return None
    counts = Counter(speaker for word in real if word in _SPEAKS for speaker in _SPEAKS[word])
    return Line(text, len(words)) if counts[language] == max(counts.values(), default=0) else None


def held_out(text: str) -> bool:
    """Whether a paragraph belongs to the held-out 1 %."""
    return zlib.crc32(text.encode()) % 100 == 0


def sampled(texts: list[list[Line]], wanted: float, seed: int) -> list[list[Line]]:
    """Whole documents, each as often as every other but for one, until there are as many words as wanted."""
    found, total, rng = [], 0, random.Random(seed)
    order = list(texts)
    while total < wanted:
        rng.shuffle(order)
        for document in order:
            if total >= wanted:
                break
            found.append(document)
            total += n_words([document])
    return found


def write(path: Path, texts: Iterable[Iterable[Line]]) -> None:
    """Paragraphs a line, documents apart by a blank line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join("\n".join(line.text for line in d) for d in texts) + "\n", encoding="utf-8")


def n_words(texts: Iterable[Iterable[Line]]) -> int:
    return sum(line.n_words for document in texts for line in document)


class Gathered(NamedTuple):
    """By language: documents, held-out paragraphs, and paragraphs by the key that their translations share."""

    texts: dict[str, list[list[Line]]]
    valid: dict[str, list[Line]]
    keyed: dict[str, dict[str, str]]


def gathered(found: Iterable[Document]) -> Gathered:
    """What `clean` leaves of the documents, each paragraph of a language once."""
    texts: dict[str, list[list[Line]]] = defaultdict(list)
    valid: dict[str, list[Line]] = defaultdict(list)
    keyed: dict[str, dict[str, str]] = defaultdict(dict)
    cleaned: dict[tuple[str, str], Line | None] = {}
    seen: dict[str, set[str]] = defaultdict(set)
    for language, paragraphs in found:
        kept = []
        for paragraph in paragraphs:
            raw = (language, paragraph.text)
            if raw not in cleaned:
                cleaned[raw] = clean(paragraph.text, language)
            if (line := cleaned[raw]) is None:
                continue
            if paragraph.key is not None:
                keyed[language].setdefault(paragraph.key, line.text)
            if line.text not in seen[language]:
                seen[language].add(line.text)
                (valid[language] if held_out(line.text) else kept).append(line)
        if kept:
            texts[language].append(kept)
    return Gathered(texts, valid, keyed)


def capped(texts: list[list[Line]], most: float, seed: int) -> list[list[Line]]:
    """Random documents, so many that about `most` characters are left; all where there are no more."""
    size = sum(len(line.text) for document in texts for line in document)
    if size <= most:
        return texts
    rng = random.Random(seed)
    return [document for document in texts if rng.random() < most / size]


def mixed(valid: dict[str, list[Line]], seed: int) -> list[list[Line]]:
    """MIXED words of each language, whole paragraphs in random order; a language is a document."""
    parts = []
    for _, paragraphs in sorted(valid.items()):
        left, part = list(paragraphs), []
        random.Random(seed).shuffle(left)
        while left and n_words([part]) < MIXED:
            part.append(left.pop())
        parts.append(part)
    return parts


def pairs(english: dict[str, str], other: dict[str, str], longest: float) -> list[Line]:
    """Lines of two columns, each once; neither side held out, the English 0.3 to `longest` times as long."""
    both = {(english[key], other[key]) for key in english.keys() & other.keys()}
    fit = lambda e, o: e != o and 0.3 < len(e) / len(o) < longest and not held_out(e) and not held_out(o)
    return [Line("\t".join(pair), 0) for pair in sorted(both) if fit(*pair)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folders", nargs="*", type=Path)
    options.add_argument("--out", type=Path, default=Path("runs/multilingual"))
    options.add_argument(
        "--languages", default=",".join(LANGUAGES), help="default: %(default)s; English comes along for the pairs"
    )
    options.add_argument("--novels", nargs="*", type=Path, default=[], help="English text files besides")
    options.add_argument("--most", type=float, default=25, help="million characters of a language's text at most")
    options.add_argument("--million-words", type=float, default=20)
    options.add_argument("--smooth", type=float, default=0.7)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    if not given.folders:
        print("no folder of unpacked packages was given: nothing to read.")
        return
    languages = frozenset(given.languages.split(","))
    if unknown := languages - set(LANGUAGES):
        options.error(f"no way to tell {', '.join(sorted(unknown))}; there are {', '.join(LANGUAGES)}")

    novels = (Document("en", [Paragraph(p.text) for p in prose(path)]) for path in sorted(given.novels))
    found = gathered(chain(novels, documents(given.folders, languages)))
    texts = {k: capped(documents, given.most * 1e6, given.seed) for k, documents in found.texts.items()}
    counts = {k: n_words(documents) for k, documents in texts.items()}
    smooth = {k: n**given.smooth for k, n in counts.items()}
    write(given.out / "valid" / "mixed.txt", mixed(found.valid, given.seed))
    print(f"{'':4}{'documents':>11}{'words':>12}{'held out':>11}{'pairs':>9}{'drawn words':>13}{'times':>7}")
    for k in sorted(counts, key=lambda k: -counts[k]):
        share = given.million_words * 1e6 * smooth[k] / sum(smooth.values())
        drawn = sampled(texts[k], share, given.seed)
        translations = [] if k == "en" else pairs(found.keyed["en"], found.keyed[k], 8 if k == "zh" else 3)
        write(given.out / "text" / f"{k}.txt", texts[k])
        write(given.out / "valid" / f"{k}.txt", [found.valid[k]])
        write(given.out / "train" / f"{k}.txt", drawn)
        if translations:
            write(given.out / "pairs" / f"en-{k}.tsv", [translations])
        n_valid, n_drawn = n_words([found.valid[k]]), n_words(drawn)
        print(f"{k:4}{len(texts[k]):11,}{counts[k]:12,}{n_valid:11,}{len(translations):9,}", end="")
        print(f"{n_drawn:13,}{n_drawn / counts[k]:7.1f}")


if __name__ == "__main__":
    main()
