"""comp-05: movement against magnitude."""

import pytest

from tests.claims.size.compressed import jitter, verdict


def by(at_50: float, at_97: float, *, floor: float = 0.6, size: float = 0.002):
    def score(asked, seed):
        technique = asked.method.technique
        movement = type(technique).__name__ == "MovementPruning"
        gain = {0.5: at_50, 0.85: (at_50 + at_97) / 2, 0.97: at_97}[technique.sparsity]
        return (floor if technique.sparsity > 0.9 else 0.8) + movement * gain + jitter(asked, seed, size)

    return score


@pytest.mark.parametrize(
    ("gains", "expected"), [((-0.1, 0.1), "holds"), ((0.1, 0.1), "fails"), ((-0.1, -0.1), "fails")]
)
def test_the_sign_must_change(corpora, gains, expected):
    assert verdict("comp-05", by(*gains), corpora) == expected


def test_noise_and_random_weights_do_not_hold(corpora):
    assert verdict("comp-05", by(0.0, 0.0, size=0.03), corpora) != "holds"
    assert verdict("comp-05", by(-0.1, 0.1), corpora, twin=0.9) != "holds"


def test_winning_below_the_majority_does_not_hold(corpora):
    assert verdict("comp-05", by(-0.1, 0.1, floor=0.3), corpora) == "fails"
