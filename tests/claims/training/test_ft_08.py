"""ft-08: mixout and the spread over seeds."""

from tests.claims.training.answered import jitter, uses, verdict


def score(spread: float, gain: float):
    def of(asked, seed, order):
        mixed = uses(asked, "Mixout")
        return 0.8 + gain * mixed + jitter(asked, seed, order, spread if mixed else 0.03)

    return of


def test_a_smaller_spread_at_the_same_mean_holds(corpora):
    assert verdict("ft-08", score(0.005, 0.0), corpora) in ("holds", "undecided")
    assert verdict("ft-08", score(0.005, 0.02), corpora) == "holds"


def test_a_larger_spread_refutes_it(corpora):
    assert verdict("ft-08", score(0.12, 0.02), corpora) == "fails"


def test_equal_noise_does_not_hold(corpora):
    assert verdict("ft-08", score(0.03, 0.0), corpora) != "holds"


def test_runs_that_all_fail_alike_do_not_hold(corpora):
    assert verdict("ft-08", score(0.0001, -0.3), corpora) == "fails"
