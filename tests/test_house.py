"""The house: stairs go down only, and the cellar, the corpora and the roof stand without torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "bertology"
ALLOWED = {
    "record": set(),
    "stats": {"record"},
    "corpus": {"record", "stats"},
    "encoder": {"corpus", "record", "stats"},
    "observe": {"encoder", "corpus", "record", "stats"},
    "probe": {"observe", "encoder", "corpus", "record", "stats"},
    "intervene": {"observe", "encoder", "corpus", "record", "stats"},
    "behave": {"encoder", "corpus", "record", "stats"},
    "train": {"encoder", "corpus", "record", "stats"},
    "compress": {"train", "intervene", "observe", "encoder", "corpus", "record", "stats"},
    "claims": {"compress", "train", "behave", "probe", "intervene", "observe", "encoder", "corpus", "record", "stats"},
    "report": {"record", "stats"},
}


def imports(file: Path) -> set[str]:
    """Rooms of this package that a file imports."""
    rooms = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "bertology" else [f"bertology.{alias.name}" for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("bertology.")}
    return rooms


@pytest.mark.parametrize("room", ALLOWED)
def test_no_room_imports_from_upstairs(room: str) -> None:
    upward = {
        f"{file.relative_to(SOURCE)} imports {other}"
        for file in (SOURCE / room).rglob("*.py")
        for other in imports(file) - ALLOWED[room] - {room}
    }
    assert not upward


def test_every_room_has_its_place_on_the_floor_plan() -> None:
    rooms = {p.name for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert rooms - {"cli"} == set(ALLOWED)  # cli/ is the street: it may go into any room


def test_cellar_corpus_roof_and_list_load_no_torch() -> None:
    code = (
        "import sys, bertology, bertology.cli, bertology.report, bertology.stats.tally, bertology.record.folder, "
        "bertology.corpus.corpora, bertology.corpus.grammar, bertology.claims.registry as r; r.survey(); "
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_file_has_outgrown_its_room() -> None:
    """400 lines of code is usually two rooms; tables of words are exempt."""
    tables = {"lexicon.py", "embedding.py", "constructions.py", "phenomena.py"}
    long = {
        str(file.relative_to(SOURCE)): n
        for file in SOURCE.rglob("*.py")
        if file.name not in tables and (n := len(file.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long
