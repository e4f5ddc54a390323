"""Most heads can be replaced by fixed patterns without loss."""

from typing import Any

from bertology.claims.training import arch_04_fixed_heads as module
from tests.claims.driving import noise
from tests.claims.training.made_up import verdict


def answer(half: float, blind: float, spread: float = 0.002):
    """A loss with a cost for half of the heads fixed, and one for heads that see their own word only."""

    def loss(run: Any) -> float:
        variant = run.recipe.architecture.variant
        patterns = variant.patterns if variant else ()
        cost = blind if len(patterns) == module.HEADS else half * (len(patterns) == 2)
        return 3 + cost + spread * noise(run.seed, patterns)

    return loss


def test_half_the_heads_fixed_at_no_cost_hold(corpora):
    assert verdict("arch-04", answer(0.0, 1.0), corpora) == "holds"


def test_a_cost_fails(corpora):
    assert verdict("arch-04", answer(0.2, 1.0), corpora) == "fails"


def test_heads_that_never_mattered_do_not_hold(corpora):
    assert verdict("arch-04", answer(0.0, 0.0), corpora) == "fails"


def test_seeds_that_differ_more_than_the_margin_leave_it_undecided(corpora):
    assert verdict("arch-04", answer(0.0, 1.0, spread=0.2), corpora) == "undecided"
