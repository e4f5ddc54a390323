"""tools/multilingual_text.py on a small distribution: what is read, what is left out, and that nothing held out is trained on."""

import gzip
import json
import runpy
import struct
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[1] / "tools" / "multilingual_text.py"
ENGLISH = "This is the page of the tool, and it will tell you what is in the archive."
GERMAN = "Das ist die Seite des Werkzeugs, und sie sagt nicht nur, was im Archiv ist."
MANUAL = f""".TH TOOL 1
.SH NAME
{GERMAN.replace("Werkzeugs", chr(92) + "fBWerkzeugs" + chr(92) + "fP")}
.nf
tool --with und die der das ist nicht
.fi
.PP
This is the paragraph that nobody translated, and it is in English.
"""
HTML = """<html><head><title>x</title></head><body><p id="par_1">{}</p><pre>der die das und ist nicht mit von</pre></body></html>"""


def message_catalogue(english: str, german: str) -> bytes:
    """A .mo file of one message, as gettext's manual describes it."""
    a, b = english.encode(), german.encode()
    first = 28 + 2 * 8
    head = struct.pack("<7I", 0x950412DE, 0, 1, 28, 36, 0, 0)
    return head + struct.pack("<4I", len(a), first, len(b), first + len(a) + 1) + a + b"\0" + b + b"\0"


@pytest.fixture
def distribution(tmp_path: Path) -> Path:
    folder = tmp_path / "packages"
    files = {
        "usr/share/man/de/man1/tool.1.gz": gzip.compress(MANUAL.encode()),
        "usr/share/doc/en/page.html": HTML.format(ENGLISH).encode(),
        "usr/share/doc/de/page.html": HTML.format(GERMAN.replace("Archiv", "Paket")).encode(),
        "usr/share/locale/de/LC_MESSAGES/tool.mo": message_catalogue(
            "The file that you are looking for is not in the folder.", "Die Datei, die Sie suchen, ist nicht in dem Ordner."
        ),
        "lists/x_Translation-en": b"Package: tool\nDescription-md5: abc\nDescription-en: tool\n It is a tool for all of the archives that you have.\n",
        "lists/x_Translation-de": b"Package: tool\nDescription-md5: abc\nDescription-de: tool\n Es ist ein Werkzeug, mit dem Sie nicht nur Archive lesen.\n",
        "data/quran_en.json": json.dumps(
            [{"id": 1, "verses": [{"id": 1, "text": "x", "translation": "And this is the verse that you have read in the book."}]}]
        ).encode(),
    }  # fmt: skip
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def ran(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    monkeypatch.syspath_prepend(TOOL.parent)
    monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, arguments)])
    runpy.run_path(str(TOOL), run_name="__main__")


def test_languages_are_told_apart_and_translations_paired(
    distribution: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    ran(monkeypatch, distribution, "--out", out, "--languages", "de,en", "--million-words", "0.0004")
    german = (out / "text" / "de.txt").read_text()
    assert GERMAN in german and "Archiv" in german and "Paket" in german and "Ordner" in german
    assert "nobody translated" not in german and "--with" not in german and "der die das" not in german
    english = (out / "text" / "en.txt").read_text()
    assert ENGLISH in english and "verse that you have read" in english
    pairs = [line.split("\t") for line in (out / "pairs" / "en-de.tsv").read_text().splitlines() if line]
    assert {e.split()[0] for e, _ in pairs} == {"This", "The", "It"}
    assert all(len(pair) == 2 for pair in pairs)
    trained = (out / "train" / "de.txt").read_text().split()
    assert len(trained) > 2 * len(german.split()), "documents are repeated until the language has its share"
    assert "de" in capsys.readouterr().out


def test_a_held_out_paragraph_is_in_no_other_file(
    distribution: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(TOOL.parent)
    tool = runpy.run_path(str(TOOL))
    held = next(text for n in range(1000) if tool["held_out"](text := f"{GERMAN[:-1]} Nummer {n}."))
    page = distribution / "usr/share/doc/de/page.html"
    page.write_text(HTML.format(held))
    out = tmp_path / "out"
    ran(monkeypatch, distribution, "--out", out, "--languages", "de,en", "--million-words", "0.0004")
    assert held in (out / "valid" / "de.txt").read_text()
    others = [f for f in out.rglob("*") if f.is_file() and f.parent.name != "valid"]
    assert others and not any(held in f.read_text() for f in others)


def test_without_a_folder_there_is_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(monkeypatch)
    assert "nothing to read" in capsys.readouterr().out
