"""Objectives that predict every token, or condition on masked positions too, beat plain masking."""

from typing import Any

import numpy as np
import pytest
import torch

from bertology.claims.training import likelihood
from bertology.claims.training import pre_03_every_token as module
from bertology.claims.training.scale import TINY, TOKENS
from bertology.train.artefacts import Training
from bertology.train.objectives.objective import draft
from bertology.train.objectives.two_stream import EveryToken, MPNet
from tests.claims.driving import noise
from tests.claims.training.made_up import finding, verdict


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "log_likelihood", lambda run, words, symbol="mask": -run.encoder.loss)
    monkeypatch.setattr(module, "two_tower_likelihood", lambda run: -run.encoder.loss)


def answer(every: float, permuted: float):
    def loss(run: Any) -> float:
        kind = type(run.recipe.objectives[0])
        return 3 - {EveryToken: every, MPNet: permuted}.get(kind, 0.0) + 0.01 * noise(run.seed, kind)

    return loss


@pytest.mark.usefixtures("told")
class TestVerdict:
    def test_two_gains_hold(self, corpora):
        assert verdict("pre-03", answer(0.2, 0.1), corpora) == "holds"

    @pytest.mark.parametrize("gains", [(-0.2, 0.2), (0.2, -0.2)])
    def test_one_loss_fails(self, corpora, gains):
        assert verdict("pre-03", answer(*gains), corpora) == "fails"

    def test_noise_does_not_hold(self, corpora):
        assert verdict("pre-03", answer(0, 0), corpora) != "holds"

    def test_the_unknown_symbol_is_scored_with_itself(self, corpora, monkeypatch):
        seen = []
        monkeypatch.setattr(
            module,
            "log_likelihood",
            lambda run, words, symbol="mask": seen.append((run.encoder.training.recipe, symbol)) or -3.0,
        )
        finding("pre-03", answer(0, 0), corpora)
        assert {(r.objectives[0].masking.symbol, s) for r, s in seen if not isinstance(r.objectives[0], MPNet)} == {
            ("mask", "mask"),
            ("unknown", "unknown"),
        }


@pytest.fixture(scope="module")
def run(tmp_path_factory, corpora):
    place = tmp_path_factory.mktemp("training") / "one"
    place.mkdir()
    asked = Training(module.EVERY, corpora.raw, 6000)
    asked.build(place, lambda what, done, total: None)
    return asked.load(place)


@pytest.mark.parametrize("recipe", [module.PERMUTED, module.EVERY])
def test_a_budget_reads_each_block_as_often_as_plain_masking_does(run, recipe):
    source = likelihood.held_out_source(run)
    pieces = ((0, TINY.layout.length - 2),)
    made = draft(recipe.objectives, pieces, source, np.random.default_rng(0))
    assert module.budget(recipe) == round(TOKENS * len(made) / TINY.layout.length)


def test_the_two_towers_score_each_subword_from_all_others(run, monkeypatch):
    monkeypatch.setattr(likelihood.drafts, "__kwdefaults__", {"most": 1})
    before = module.two_tower_likelihood(run)
    assert before > -likelihood.np.log(len(run.encoder.tokenizer)) - 1
    head = [p for n, p in run.encoder.model.named_parameters() if "decoder.bias" in n]
    with torch.no_grad():
        for p in head:
            p.zero_()
        run.encoder.model.get_input_embeddings().weight.zero_()
    assert module.two_tower_likelihood(run) == pytest.approx(-np.log(run.encoder.config.vocab_size), abs=1e-4)
