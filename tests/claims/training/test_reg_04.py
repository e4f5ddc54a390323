"""Growing a model by copying its layers upwards saves pre-training."""

from dataclasses import replace
from typing import Any

import pytest
from transformers import ModernBertConfig, ModernBertModel

from bertology.claims.training import reg_04_stacking as module
from bertology.claims.training.scale import TOKENS
from bertology.train.architecture import n_parameters
from bertology.train.regimes import Stacking
from tests.claims.driving import noise
from tests.claims.training.made_up import finding, verdict


def answer(grown: float, late: float, spread: float = 0.005):
    """A gain of growing, and one of the last 15 % of training from scratch."""

    def loss(run: Any) -> float:
        gain = grown if run.recipe.regimes else late if run.tokens == TOKENS else 0.0
        return 3 - gain + spread * noise(run.seed, run.tokens, bool(run.recipe.regimes))

    return loss


def test_growing_that_has_the_loss_for_less_holds(corpora):
    assert verdict("reg-04", answer(0.3, 0.1), corpora) == "holds"


def test_growing_that_needs_as_much_fails(corpora):
    assert verdict("reg-04", answer(0.0, 0.2), corpora) == "fails"


def test_growing_that_loses_fails(corpora):
    assert verdict("reg-04", answer(-0.3, 0.0), corpora) == "fails"


def test_noise_does_not_hold(corpora):
    assert verdict("reg-04", answer(0.0, 0.0), corpora) != "holds"


def test_the_grown_model_gets_tokens_for_85_percent_of_the_operations(corpora):
    asked = {}

    def loss(run: Any) -> float:
        asked[bool(run.recipe.regimes), run.tokens] = True
        return 3.0

    finding("reg-04", loss, corpora)
    tokens = {grown: sorted(n for g, n in asked if g == grown) for grown in (True, False)}
    assert tokens[False] == [round(0.85 * TOKENS), TOKENS]
    assert tokens[True][0] * module.cost(module.STACKED) == pytest.approx(0.85 * TOKENS, rel=1e-4)


def test_the_cost_is_a_mean_over_stages():
    with_ = lambda stages, at: replace(module.SCRATCH, regimes=(Stacking(stages, at),))
    assert module.cost(with_((4,), ())) == 1
    assert module.cost(with_((2, 4), (0.999999,))) == pytest.approx(0.5, abs=0.05)
    assert module.cost(with_((2, 4), (0.5,))) == pytest.approx(
        (1 + module.cost(with_((2, 4), (0.999999,)))) / 2, abs=1e-5
    )


def test_a_layer_costs_what_its_matrices_have():
    """By the parameters of the model itself."""
    a = module.SCRATCH.architecture
    config = lambda n: ModernBertConfig(
        vocab_size=100,
        hidden_size=a.width,
        intermediate_size=a.feed_forward,
        num_hidden_layers=n,
        num_attention_heads=2,
        pad_token_id=0,
    )
    grown = n_parameters(ModernBertModel(config(3))) - n_parameters(ModernBertModel(config(2)))
    assert grown == pytest.approx(4 * a.width**2 + 3 * a.width * a.feed_forward, rel=0.01)
