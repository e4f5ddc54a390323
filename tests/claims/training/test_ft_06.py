"""ft-06: FreeLB on clean and on mistyped texts."""

import pytest

from tests.claims.training.answered import finding, jitter, uses, verdict


def arms(clean: float, changed: float, *, cost: float = 0.2, size: float = 0.003):
    def on_clean(asked, seed, order):
        return 0.8 + clean * uses(asked, "FreeLB") + jitter(asked, seed, order, size)

    def on_changed(asked, seed, order):
        return 0.8 - cost + changed * uses(asked, "FreeLB") + jitter(asked, seed + 50, order, size)

    return on_clean, on_changed


@pytest.mark.parametrize(
    ("clean", "changed", "expected"), [(0.01, 0.1, "holds"), (-0.1, 0.1, "fails"), (0.01, -0.1, "fails")]
)
def test_a_gain_on_changed_texts_must_not_cost_clean_ones(corpora, clean, changed, expected):
    on_clean, on_changed = arms(clean, changed)
    assert verdict("ft-06", on_clean, corpora, changed=on_changed) == expected


def test_noise_does_not_hold(corpora):
    on_clean, on_changed = arms(0.0, 0.0, size=0.02)
    assert verdict("ft-06", on_clean, corpora, changed=on_changed) != "holds"


def test_changes_that_cost_nothing_show_nothing(corpora):
    on_clean, on_changed = arms(0.01, 0.1, cost=-0.05)
    assert verdict("ft-06", on_clean, corpora, changed=on_changed) == "fails"


def test_both_recipes_cost_the_same(corpora):
    seen = set()

    def score(asked, seed, order):
        steps = next((t.steps for t in asked.recipe.techniques), 1)
        seen.add((len(asked.recipe.techniques), asked.recipe.epochs * steps))
        return 0.8

    finding("ft-06", score, corpora, changed=lambda *given: 0.7)
    assert len(seen) == 2 and len({cost for _, cost in seen}) == 1
