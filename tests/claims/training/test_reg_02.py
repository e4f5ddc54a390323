"""Layer-wise scaled steps make very large batches work."""

from typing import Any

from bertology.train.optimizer import Lamb
from tests.claims.driving import noise
from tests.claims.training.made_up import finding, verdict


def answer(small: float, large: float, lamb: float, spread: float = 0.003):
    def loss(run: Any) -> float:
        scaled, many = isinstance(run.recipe.optimizer, Lamb), run.recipe.tokens_per_step > 10_000
        base = lamb if scaled else large if many else small
        return base + spread * noise(run.seed, base, run.recipe.optimizer.rate)

    return loss


def test_lamb_that_keeps_what_adam_loses_holds(corpora):
    assert verdict("reg-02", answer(3.0, 3.3, 3.0), corpora) == "holds"


def test_lamb_that_loses_to_the_small_batch_fails(corpora):
    assert verdict("reg-02", answer(3.0, 3.5, 3.3), corpora) == "fails"


def test_lamb_that_is_worse_than_adam_fails(corpora):
    assert verdict("reg-02", answer(3.0, 3.0, 3.2), corpora) == "fails"


def test_no_difference_does_not_hold(corpora):
    assert verdict("reg-02", answer(3.0, 3.0, 3.0), corpora) != "holds"


def test_the_note_tells_the_rates(corpora):
    assert "Rates chosen: AdamW " in finding("reg-02", answer(3.0, 3.3, 3.0), corpora).note
