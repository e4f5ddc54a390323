"""Claims about size as they really run, at a minimal scale at which nothing is learnt."""

import math
from dataclasses import replace

import pytest

import bertology as bt
from bertology.claims.size import over_02_few_heads, prune_06_joint, tuned_heads
from bertology.claims.training import fine_tuned, scale, tuned
from tests.claims.size.answered import tiny
from tests.planted import random_encoder, small

GROUPS = {
    "silenced": ["over-04", "over-05", "prune-07", "prune-01"],
    "gates": ["over-02", "prune-02", "prune-04", "spec-04", "prune-03"],
    "tuned again": ["prune-05", "pre-12", "over-07"],
    "pre-trained": ["over-01", "over-08", "over-09"],
}


@pytest.fixture
def minimal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SEEDS", (0, 1)), ("EXAMPLES", 16), ("HELD_OUT", 24)):
        monkeypatch.setattr(fine_tuned, name, value)
    short = replace(fine_tuned.STANDARD, epochs=1, batch=8, rate=1e-3)
    monkeypatch.setattr(fine_tuned, "STANDARD", short)
    monkeypatch.setattr(over_02_few_heads, "RECOVERY", short)
    monkeypatch.setattr(tuned_heads, "CHOOSING", 16)
    monkeypatch.setattr(prune_06_joint, "SENTENCES", 20)
    monkeypatch.setattr(scale, "TOKENS", 2500)
    monkeypatch.setattr(scale.trained, "__kwdefaults__", {"tokens": 2500})
    monkeypatch.setattr(scale, "SEEDS", (0, 1))
    for name, size in (("TRAIN", 32), ("DEV", 8), ("TEST", 24)):
        monkeypatch.setattr(tuned, name, size)
    monkeypatch.setattr(tuned, "TUNING", replace(tuned.TUNING, epochs=1))


@pytest.mark.usefixtures("minimal")
@pytest.mark.parametrize("group", GROUPS)
def test_claims_really_run_and_come_to_a_verdict(group, tmp_path):
    encoder = random_encoder(small(scale=0.1), layers=2, heads=2, width=16)
    done = bt.run(encoder, claims=GROUPS[group], scale=0.1, out=tmp_path)
    for result in done.results:
        if result.verdict == "not applicable":
            assert any(lack in result.reason for lack in ("nothing to compare", "fewer than", "every head")), result
            continue
        assert result.verdict in ("fails", "undecided"), (result.claim, result.reason)
        assert all(math.isfinite(e.value) for e in result.values.values()), result
        assert "Scale: " in result.note


def test_the_tiny_encoder_has_the_answers_shape(corpora):
    assert (tiny(corpora).n_layers, tiny(corpora).n_heads) == (6, 4)
