"""ft-13: Siamese reading, policy gradient, curriculum."""

import pytest

from tests.claims.training.answered import finding, jitter, random_weights, uses, verdict


def gains(curriculum: float, policy: float, siamese: float, *, worth: float = 0.2, size: float = 0.003):
    def of(asked, seed, order):
        gain = (
            curriculum * uses(asked, "Curriculum")
            + policy * uses(asked, "PolicyGradient")
            + siamese * uses(asked, "Siamese")
        )
        return 0.7 + gain - worth * random_weights(asked) + jitter(asked, seed, order, size)

    return of


@pytest.mark.parametrize(
    ("made", "expected"),
    [((0.1, 0.1, 0.1), "holds"), ((-0.1, 0.1, 0.1), "fails"), ((0.1, -0.1, 0.1), "fails"), ((0.1, 0.1, -0.1), "fails")],
)
def test_all_three_must_gain(corpora, made, expected):
    assert verdict("ft-13", gains(*made), corpora) == expected


def test_noise_and_random_weights_do_not_hold(corpora):
    assert verdict("ft-13", gains(0.0, 0.0, 0.0, size=0.03), corpora) != "holds"
    assert verdict("ft-13", gains(0.1, 0.1, 0.1, worth=0.0), corpora) != "holds"


def test_all_have_the_same_examples_and_passes_and_siamese_has_pairs(corpora):
    seen = []
    finding("ft-13", lambda asked, seed, order: seen.append(asked) or 0.7, corpora)
    assert len({(a.recipe.epochs, a.recipe.batch, a.seeds) for a in seen}) == 1
    assert {a.task.kind for a in seen if uses(a, "Siamese")} == {"pair"}
    by_name = {a.task.name: a.task.train for a in seen}
    assert all(a.task.train == by_name[a.task.name] for a in seen)
