"""ft-07: SMART on clean and on mistyped texts."""

import pytest

from tests.claims.training.answered import jitter, uses, verdict


def arms(clean: float, changed: float, *, cost: float = 0.2, size: float = 0.003):
    def on_clean(asked, seed, order):
        return 0.8 + clean * uses(asked, "SMART") + jitter(asked, seed, order, size / (1 + 9 * uses(asked, "SMART")))

    def on_changed(asked, seed, order):
        return 0.8 - cost + changed * uses(asked, "SMART") + jitter(asked, seed + 50, order, size)

    return on_clean, on_changed


@pytest.mark.parametrize(
    ("clean", "changed", "expected"), [(0.01, 0.1, "holds"), (-0.1, 0.1, "fails"), (0.01, -0.1, "fails")]
)
def test_a_gain_on_changed_texts_must_not_cost_clean_ones(corpora, clean, changed, expected):
    on_clean, on_changed = arms(clean, changed)
    assert verdict("ft-07", on_clean, corpora, changed=on_changed) == expected


def test_noise_does_not_hold(corpora):
    on_clean, on_changed = arms(0.0, 0.0, size=0.02)
    assert verdict("ft-07", on_clean, corpora, changed=on_changed) != "holds"


def test_a_spread_that_grows_fails(corpora):
    def on_clean(asked, seed, order):
        smart = uses(asked, "SMART")
        return 0.8 + 0.2 * smart + jitter(asked, seed, order, 0.08 if smart else 0.003)

    assert verdict("ft-07", on_clean, corpora, changed=arms(0.01, 0.1)[1]) == "fails"
