"""Paragraphs of what a distribution's unpacked packages document themselves with, for multilingual_text.py: manual pages, markup, messages, descriptions, verses."""

import gettext
import gzip
import json
import re
import struct
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

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
