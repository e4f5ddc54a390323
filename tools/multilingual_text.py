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
import gettext
import gzip
import json
import random
import re
import struct
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from bertology.corpus.text import prose, words_of

FUNCTION_WORDS = {
    "en": "the of and to is in that it you for are this be with as not on if can by from or was when which an "
    "have will your",
    "de": "der die das und ist nicht sie den mit von zu ein eine für auf wird im dem des werden sich oder kann "
    "wenn es als nur durch",
    "fr": "le la les de des et est un une du pour dans que en vous sur ce pas par qui ne avec au cette sont "
    "être ou si sera votre",
    "es": "el la los las de que y en un una es para por con del se no al como su este está si puede esta lo son "
    "o más cuando",
    "it": "il di che la e un una per è non del in con le si della dei i da nel questo gli alla sono se come al "
    "lo può essere o",
    "nl": "de het een van en is in op te dat voor met niet u zijn wordt als kan die om of deze bij door aan "
    "worden naar uit dit",
    "sv": "och att är en det som för på av i den med inte du om kan ett till eller från har när de ska detta om "
    "vid så",
    "fi": "ja on ei se että tai voi jos joka kun ovat tämä voit mutta myös ole sen jotka niin kuin hän tämän "
    "jossa vain oli sekä",
}  # fmt: skip
SCRIPTS = {"ru": "а-яё", "ar": "\u0621-\u064a", "zh": "\u3400-\u4dbf\u4e00-\u9fff"}
MIXED = 3000
"""Words of each language in valid/mixed.txt, where there are as many: a held-out loss reads some 60,000 subwords."""

LANGUAGES = (*FUNCTION_WORDS, *SCRIPTS)
CHINESE = ("zh_cn", "zh_hans", "zh_tw", "zh_hk")
NAMES = {"C": "en", "en_us": "en", **{f"{k}_{k}": k for k in LANGUAGES}, **dict.fromkeys(CHINESE, "zh")}
"""Names beside a language's own code. Other countries' variants are left out but for Chinese, which has two scripts."""

BLOCKS = frozenset(
    ["p", "li", "dd", "dt", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "div", "section", "title", "para",
     "simpara", "item", "entry", "term", "tr", "ul", "ol", "dl", "table", "caption", "page"]
)  # fmt: skip
LISTINGS = frozenset(
    ["pre", "script", "style", "head", "nav", "screen", "programlisting", "synopsis", "literallayout", "button",
     "select", "info", "svg", "math"]
)  # fmt: skip
ROFF_INLINE = frozenset(["B", "I", "BR", "IR", "RB", "RI", "BI", "IB", "SM", "SB"])
ROFF_LISTING = {"nf": "fi", "EX": "EE", "TS": "TE", "SY": "YS", "Bd": "Ed", "Vb": "Ve", "PS": "PE"}
ROFF_CHARACTERS = {"e": "\\", **{c: c for c in "-'`"}, **dict.fromkeys(" ~0", " "), **dict.fromkeys("&%:/,|^", "")}
ROFF_NAMES = {
    "aq": "'", "dq": '"', "lq": "“", "rq": "”", "oq": "‘", "cq": "’", "em": "—", "en": "–", "bu": "•", "hy": "-",
    "co": "©", "Fo": "«", "Fc": "»", "ga": "`", "ha": "^", "ti": "~", "rs": "\\", "la": "<", "ra": ">", "Bq": "„",
    "bq": "‚", "ss": "ß",
}  # fmt: skip


class Paragraph(NamedTuple):
    """A paragraph and what its translations share with it; no key where nothing is known to be shared."""

    text: str
    key: str | None = None


class Document(NamedTuple):
    """Paragraphs in order, and the language their place claims."""

    language: str
    paragraphs: list[Paragraph]


def language_of(path: Path) -> str | None:
    """The language that a path names: at the end of the file's name, as a folder, or at the end of a folder's name."""
    if "man" in path.parts and path.parent.name.startswith("man"):
        folder = path.parts[len(path.parts) - 3]
        return "en" if folder == "man" else _language(folder.split(".")[0])
    stem = re.sub(r"\.(html?|xhtml|page|docbook|gz|json)$", "", path.name)
    if (end := re.search(r"[._-]([a-z]{2}(?:[_-][A-Za-z]+)?)$", stem)) and (found := _language(end[1])):
        return found
    for part in reversed(path.parts[:-1]):
        if re.fullmatch(r"C|[a-z]{2}(?:[_-][A-Za-z]+)?(?:\.UTF-8)?", part):
            return _language(part.split(".")[0])
        if (end := re.search(r"-([a-z]{2}(?:-[a-z]{2})?)$", part)) and (found := _language(end[1])):
            return found
    return None


def _language(name: str) -> str | None:
    return name if name in LANGUAGES else NAMES.get(name, NAMES.get(name.replace("-", "_").lower()))


class Blocks(HTMLParser):
    """Text of block elements in HTML, Mallard or DocBook; listings are left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str | None]] = []
        self._text: list[str] = []
        self._id: str | None = None
        self._listings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in LISTINGS:
            self._listings.append(tag)
        elif tag in BLOCKS:
            self._end()
            self._id = dict(attrs).get("id")
        elif tag == "br":
            self._text.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in BLOCKS:
            self._end()

    def handle_endtag(self, tag: str) -> None:
        if tag in self._listings:
            while self._listings.pop() != tag:
                pass
        elif tag in BLOCKS:
            self._end()

    def handle_data(self, data: str) -> None:
        if not self._listings:
            self._text.append(data)

    def _end(self) -> None:
        if text := "".join(self._text).strip():
            self.found.append((text, self._id))
        self._text, self._id = [], None


def markup(path: Path) -> Iterator[Paragraph]:
    """Paragraphs of a page; ids are shared by the translations of a page whose paths differ in the language only."""
    parser = Blocks()
    parser.feed(path.read_text(encoding="utf-8", errors="replace"))
    parser.close()
    page = "/".join("*" if _language(part) else part for part in path.parts[-6:])
    for text, id in parser.found:
        yield Paragraph(text, f"{page}#{id}" if id and id.startswith("par_") else None)


def manual(path: Path) -> Iterator[Paragraph]:
    """Paragraphs of a manual page in roff."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    try:
        source = raw.decode("utf-8")
    except UnicodeDecodeError:
        return
    text: list[str] = []
    until = None
    for line in source.splitlines():
        macro = re.match(r"[.']\s*([A-Za-z0-9]+)\s*(.*)", line)
        name = macro[1] if macro else None
        if until:
            until = None if name == until else until
        elif name in ROFF_LISTING:
            until = ROFF_LISTING[name]
        elif macro and name in ROFF_INLINE:
            arguments = [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', macro[2])]
            text.append(("" if len(name) == 2 and name not in ("SM", "SB") else " ").join(arguments))
        elif line[:1] in (".", "'"):
            if not line.startswith(('.\\"', "'\\\"")):
                yield Paragraph(_plain(" ".join(text)))
                text = []
        elif line.strip() and not line[0].isspace():
            text.append(line)
        else:
            yield Paragraph(_plain(" ".join(text)))
            text = []
    yield Paragraph(_plain(" ".join(text)))


def _plain(roff: str) -> str:
    roff = re.sub(r"\\f(?:\[[^\]]*\]|\(..|.)|\\[sS][-+]?\d+|\\m\[[^\]]*\]|\\c$", "", roff)
    roff = re.sub(r"\\\[u([0-9A-F]{4,5})\]", lambda m: chr(int(m[1], 16)), roff)
    roff = re.sub(r"\\(?:\((..)|\[([^\]]*)\])", lambda m: ROFF_NAMES.get(m[1] or m[2], ""), roff)
    return re.sub(r"\\(.)", lambda m: ROFF_CHARACTERS.get(m[1], ""), roff)


def catalogue(path: Path, language: str) -> Iterator[Document]:
    """A catalogue of messages as two documents, English and translation."""
    try:
        with path.open("rb") as file:
            messages = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    except (OSError, UnicodeDecodeError, ValueError, struct.error, IndexError):
        return
    pairs = [
        (k, v) for k, v in messages.items() if isinstance(k, str) and k and not re.search(r"[<>{}]|%[^ %]|\\|\$", k + v)
    ]
    for side, of in ((0, "en"), (1, language)):
        paragraphs = []
        for pair in pairs:
            key = f"mo {pair[0]}"
            english, translation = (_parts(re.sub("[_&]", "", pair[i].split("\x04")[-1])) for i in (0, 1))
            if len(english) != len(translation):
                continue
            paragraphs += [Paragraph(text, f"{key}#{n}") for n, text in enumerate((english, translation)[side])]
        yield Document(of, paragraphs)


def _parts(message: str) -> list[str]:
    return [part for part in re.split(r"\n\s*\n", message) if part.strip()]


def descriptions(path: Path) -> Iterator[Paragraph]:
    """Package descriptions of an apt list; translations share the hash of the English one."""
    for record in path.read_text(encoding="utf-8").split("\n\n"):
        md5 = re.search(r"^Description-md5: (\w+)", record, re.M)
        body = re.search(r"^Description-(?!md5)\w+: .*\n((?: .*\n?)*)", record, re.M)
        if not md5 or not body:
            continue
        parts = re.split(r"^ \.\s*$", body[1], flags=re.M)
        for n, part in enumerate(parts):
            if not re.search(r"^  |^ [*-] ", part, re.M):  # lists
                yield Paragraph(part, f"{md5[1]}#{n}/{len(parts)}")


def verses(path: Path) -> Iterator[Document]:
    """Chapters of verses, Arabic and translation; a verse's number is shared."""
    own = language_of(path) or "ar"
    for chapter in json.loads(path.read_text(encoding="utf-8")):
        key = f"verse {chapter['id']}:"
        take = lambda field, v=chapter["verses"], k=key: [
            Paragraph(one[field], f"{k}{one['id']}") for one in v if field in one
        ]
        yield Document(own, take("text" if own == "ar" else "translation"))


def documents(folders: Iterable[Path], languages: frozenset[str]) -> Iterator[Document]:
    """Every document there is in the languages, in the order of paths."""
    for path in sorted(p for folder in folders for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
        if m := re.search(r"Translation-([a-z]{2}(?:_[A-Z]{2})?)$", path.name.replace("%5f", "_")):
            language = _language(m[1])
            read = descriptions
        elif path.suffix == ".mo":
            if (language := _language(path.parent.parent.name)) in languages and language != "en":
                yield from catalogue(path, language)
            continue
        elif re.fullmatch(r"quran_\w\w\.json|quran\.json", path.name):
            if (language_of(path) or "ar") in languages:
                yield from verses(path)
            continue
        elif path.suffix in (".html", ".htm", ".xhtml", ".page", ".docbook"):
            language, read = language_of(path), markup
        elif path.parent.name.startswith("man") and "man" in path.parts:
            language, read = language_of(path), manual
        else:
            continue
        if language in languages:
            yield Document(language, list(read(path)))


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
