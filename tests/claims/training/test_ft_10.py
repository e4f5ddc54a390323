"""ft-10: fine-tuning against frozen features."""

from tests.claims.training.answered import jitter, random_weights, uses, verdict


def score(gain: float, on_pairs: float, pretraining: float):
    def of(asked, seed, order):
        full = 0.7 + (0 if uses(asked, "FreezeBottom") else gain + on_pairs * (asked.task.kind == "pair"))
        return full - pretraining * random_weights(asked) + jitter(asked, seed, order, 0.01)

    return of


def test_a_gain_everywhere_that_is_largest_on_pairs_holds(corpora):
    assert verdict("ft-10", score(0.1, 0.1, 0.2), corpora) == "holds"


def test_frozen_features_that_are_better_refute_it(corpora):
    assert verdict("ft-10", score(-0.1, 0.1, 0.2), corpora) == "fails"


def test_noise_does_not_hold(corpora):
    assert verdict("ft-10", score(0.0, 0.0, 0.0), corpora) != "holds"


def test_an_encoder_no_better_than_its_random_twin_does_not_hold(corpora):
    assert verdict("ft-10", score(0.1, 0.1, 0.0), corpora) != "holds"


def test_a_gain_that_is_smallest_on_pairs_fails(corpora):
    assert verdict("ft-10", score(0.2, -0.15, 0.2), corpora) == "fails"
