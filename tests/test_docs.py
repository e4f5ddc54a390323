"""The pages for the people after us say what is true: each is followed to the letter."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bertology.encoder import families, wrap
from bertology.encoder.check import check
from bertology.record.errors import UnknownFamily
from tests.encoder.tiny import tiny

ROOT = Path(__file__).parent.parent


def code_blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)


def test_a_claim_written_as_the_page_says_is_listed_and_runs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src" / "bertology", tmp_path / "bertology", ignore=shutil.ignore_patterns("__pycache__"))
    (code,) = code_blocks("add-a-claim.md")
    (tmp_path / "bertology" / "claims" / "localization" / "own_01_punctuation.py").write_text(code)
    script = f"""
import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]
import bertology as bt
assert bt.__file__.startswith({str(tmp_path)!r})
assert bt.survey()["own-01"].claim.status == "runs"
from tests.planted import Planted, random_encoder, small
def stops(view):
    last = [view.token(i) for i, w in enumerate(view.sentence.words) if w == "."][-1]
    for query in range(len(view.line.ids)):
        view.attend(4, 0, query, last, 0.8)
corpora = small(scale=0.1)
given = {{"text": corpora.text}}
results = [bt.run(e, claims=["own-01"], corpora=given).results[0] for e in (Planted(stops, corpora), random_encoder(corpora))]
print([r.verdict for r in results])
assert results[0].verdict == "holds" and results[1].verdict != "holds"
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_family_is_unknown_without_its_row_and_conforms_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = tiny("bert")
    (code,) = code_blocks("add-a-family.md")
    row = eval("{" + code.strip().rstrip(",") + "}", {"Family": families.Family})["my-bert"]
    monkeypatch.delitem(families.FAMILIES, "bert")
    with pytest.raises(UnknownFamily, match="bert"):
        wrap(encoder.model, encoder.tokenizer)
    monkeypatch.setitem(families.FAMILIES, "bert", row)
    again = wrap(encoder.model, encoder.tokenizer)
    assert {c.verdict for c in check(again)} == {"holds"}
