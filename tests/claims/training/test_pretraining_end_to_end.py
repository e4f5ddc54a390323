"""Claims about pre-training train, score and report, at a scale at which nothing is learnt."""

import math
from dataclasses import replace

import pytest

import bertology as bt
from bertology.claims.training import arch_05_sandwich, scale, tuned
from bertology.train import pretrain
from bertology.train.engine import Engine
from bertology.train.loop import Run
from tests.planted import random_encoder


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "TOKENS", 2500)
    monkeypatch.setattr(scale.trained, "__kwdefaults__", {"tokens": 2500})
    monkeypatch.setattr(scale, "SEEDS", (0, 1))
    monkeypatch.setattr(arch_05_sandwich, "LEAST", -math.inf)
    for name, size in (("TRAIN", 32), ("DEV", 8), ("TEST", 24)):
        monkeypatch.setattr(tuned, name, size)
    monkeypatch.setattr(tuned, "TUNING", replace(tuned.TUNING, epochs=1))
    monkeypatch.setattr(Run.held_out_losses, "__kwdefaults__", {"most": 16})
    monkeypatch.setattr(pretrain, "candidates", lambda *_: [Engine()])  # measuring takes longer than training


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    "claims", [("pre-05", "pre-06"), ("pre-08",), ("pre-03",), ("pre-04",), ("arch-02",), ("arch-04",), ("reg-02",),
               ("reg-04",), ("arch-03",), ("arch-05",)],
    ids=lambda claims: " ".join(claims),
)  # fmt: skip
def test_a_claim_trains_and_says_what_it_found(claims, corpora, tmp_path):
    found = bt.run(random_encoder(corpora), claims=claims, out=tmp_path, scale=0.25, strict=True)
    for result in found.results:
        if result.verdict == "not applicable":
            assert any(lack in result.reason for lack in ("not learnt", "majority")), result.reason
            continue
        assert result.verdict in ("holds", "fails", "undecided"), result.reason
        assert all(math.isfinite(e.value) for e in result.values.values())
        assert "Scale: " in result.note
