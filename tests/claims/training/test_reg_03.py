"""reg-03: normalised [CLS] and the spread over seeds."""

import pytest

from tests.claims.training.answered import jitter, uses, verdict


@pytest.mark.parametrize(
    ("spread", "gain", "expected"),
    [
        ((0.03, 0.005), 0.02, {"holds"}),
        ((0.005, 0.03), 0.02, {"fails"}),
        ((0.02, 0.02), 0.0, {"undecided"}),
        ((0.03, 0.0001), -0.3, {"fails"}),
    ],
)
def test_the_spread_must_fall_and_the_mean_stay(corpora, spread, gain, expected):
    def score(asked, seed, order):
        normed = uses(asked, "NormalisedCLS")
        return 0.8 + gain * normed + jitter(asked, seed, order, spread[normed])

    assert verdict("reg-03", score, corpora) in expected
