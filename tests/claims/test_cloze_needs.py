"""Claims on cloze items in a run: what they need, what the run writes down, and the random twin of a real encoder."""

from dataclasses import replace
from pathlib import Path

import pytest

import bertology as bt
from bertology.claims import registry
from bertology.corpus.cloze import ClozeItem, of_set
from bertology.corpus.corpora import Corpora
from bertology.corpus.worlds import cloze as embedded
from bertology.encoder import load
from bertology.judging import lacking
from bertology.record.errors import ForeignRun
from tests.encoder.tiny import tiny

CLAIMS = ("syn-10", "syn-11", "sem-01", "wor-01")


def test_a_set_that_is_not_there_is_named() -> None:
    claim, encoder = registry.survey()["wor-01"].claim, tiny("bert")
    assert lacking(claim, encoder, Corpora.load()) == ""
    few = Corpora.load({"cloze": of_set(embedded(), "NEG", "CPRAG")})
    assert lacking(claim, encoder, few) == "the corpus 'cloze' has no items of the set 'ROLE' (label 'set')"
    assert "head" in lacking(claim, replace(encoder, has_mlm=False), Corpora.load())


def test_random_weights_never_hold_and_the_run_names_its_items(tmp_path: Path) -> None:
    run = bt.run(load().randomised(3), claims=CLAIMS, out=tmp_path)
    assert {r.claim for r in run.results} == set(CLAIMS)
    assert not [r.claim for r in run.results if r.verdict not in ("fails", "undecided")]
    about = run.folder.run()
    assert about["corpora"]["cloze"]["items"] == len(embedded())
    assert all(r.provenance["corpora"]["cloze"].startswith("cloze items ") for r in run.results)
    assert any("⇄" in row.label for row in run.folder.rows("wor-01"))


def test_a_finished_run_is_called_again_with_the_same_items_and_refused_with_others(tmp_path: Path) -> None:
    items = of_set(embedded(), "TRIPLE")[:20]
    first = bt.run(tiny("bert"), claims=["sem-01"], corpora={"cloze": items}, out=tmp_path)
    again = bt.run(tiny("bert"), claims=["sem-01"], corpora={"cloze": items}, out=tmp_path)
    assert [r.verdict for r in first.results] == [r.verdict for r in again.results]
    with pytest.raises(ForeignRun):
        bt.run(
            tiny("bert"),
            claims=["sem-01"],
            corpora={"cloze": (*items, ClozeItem("x", "A [MASK].", "b", (), {}))},
            out=tmp_path,
        )
