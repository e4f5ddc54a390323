"""ml-15 is left out for good, and says why wherever it is asked about."""

import pytest
from typer.testing import CliRunner

from bertology.claims import registry
from bertology.cli import app
from bertology.corpus.corpora import Corpora
from bertology.judging import lacking
from bertology.record.errors import BadRequest
from tests.planted import random_encoder, small

REASON = "needs a decoder"


def test_a_claim_with_a_reason_is_left_out_and_not_planned() -> None:
    survey = registry.survey()
    assert survey["ml-15"].claim.status == "left out" and REASON in survey["ml-15"].claim.why
    assert {e.claim.status for e in survey.values() if e.claim.why} == {"left out"}
    assert all(not e.claim.why for e in survey.values() if e.module)


def test_the_list_and_the_claim_itself_print_the_reason() -> None:
    listed = CliRunner().invoke(app, ["list"]).output
    (line,) = [line for line in listed.splitlines() if line.startswith("ml-15")]
    assert "left out" in line and REASON in line
    left_out = sum(e.claim.status == "left out" for e in registry.survey().values())
    assert listed.splitlines()[-1].endswith(f", {left_out} left out.")
    shown = CliRunner().invoke(app, ["show", "ml-15"]).output
    assert shown.startswith("ml-15 · section 8 (v1) · left out: ") and REASON in shown


def test_a_run_that_asks_for_it_is_told_the_reason() -> None:
    corpora: Corpora = small()
    (chosen,) = registry.select(["ml-15"])
    assert lacking(chosen, random_encoder(corpora, layers=1), corpora).startswith("left out: it needs a decoder")
    with pytest.raises(BadRequest, match=REASON):
        registry.experiment("ml-15")
    assert "ml-15" not in {c.id for c in registry.select(["ml"])}
