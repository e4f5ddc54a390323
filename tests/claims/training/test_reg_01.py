"""Larger batches improve the language model at equal passes over the data."""

import math
from typing import Any

from bertology.claims.training import reg_01_large_batches as module
from bertology.claims.training.sweep import CHOOSING_SEED
from tests.claims.driving import noise
from tests.claims.training.made_up import finding, verdict


def answer(gain: float, *, best: int = 1, spread: float = 0.01):
    """A loss with its optimum at the `best` rate of each batch, and a gain for each doubling of the batch."""

    def loss(run: Any) -> float:
        batch, rate = run.recipe.tokens_per_step, run.recipe.optimizer.rate
        optimum = module.RATES[module.BATCHES.index(batch)][best]
        off = math.log2(rate / optimum) ** 2
        return 3 + off - gain * math.log2(batch) + spread * noise(run.seed, batch, rate)

    return loss


def test_batches_that_help_hold(corpora):
    assert verdict("reg-01", answer(0.1), corpora) == "holds"


def test_batches_that_harm_fail(corpora):
    assert verdict("reg-01", answer(-0.1), corpora) == "fails"


def test_noise_does_not_hold(corpora):
    assert verdict("reg-01", answer(0.0), corpora) != "holds"


def test_the_rate_is_chosen_for_each_batch_and_an_edge_is_told(corpora):
    found = finding("reg-01", answer(0.1, best=2), corpora)
    labels = {row.label.split(", seed")[0] for row in found.rows}
    assert labels == {
        f"updates of {b:,} tokens, rate {r[2]:g}" for b, r in zip(module.BATCHES, module.RATES, strict=True)
    }
    assert "edge" in found.note
    assert "edge" not in finding("reg-01", answer(0.1), corpora).note


def test_the_seed_that_chooses_is_none_that_estimates(corpora):
    seeds: dict[int, int] = {}

    def loss(run: Any) -> float:
        seeds[run.seed] = seeds.get(run.seed, 0) + 1
        return answer(0.1)(run)

    finding("reg-01", loss, corpora)
    assert seeds == {CHOOSING_SEED: 9, 0: 3, 1: 3, 2: 3}
