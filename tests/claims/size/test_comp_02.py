"""comp-02: distillation terms, added in turn."""

import pytest

from tests.claims.size.compressed import finding, jitter, verdict


def steps(*gains: float, size: float = 0.002):
    return lambda asked, seed: 0.7 + sum(gains[: len(asked.method.terms)]) + jitter(asked, seed, size)


@pytest.mark.parametrize(
    ("gains", "expected"),
    [((0.02, 0.02, 0.02), "holds"), ((0.05, -0.05, 0.02), "fails"), ((0.05, 0.0, -0.04), "fails"), ((-0.04, 0.1, 0.0), "fails")],
)  # fmt: skip
def test_no_term_may_cost_a_point(corpora, gains, expected):
    assert verdict("comp-02", steps(*gains), corpora) == expected


def test_terms_that_do_nothing_and_noise_do_not_hold(corpora):
    assert verdict("comp-02", steps(0.0, 0.0, 0.0, size=0.0005), corpora) != "holds"
    assert verdict("comp-02", steps(0.0, 0.0, 0.0, size=0.03), corpora) != "holds"


def test_a_teacher_no_better_than_random_weights_does_not_hold(corpora):
    assert verdict("comp-02", steps(0.02, 0.02, 0.02), corpora, twin=0.9) != "holds"


def test_arms_differ_in_terms_only(corpora):
    seen = []
    finding("comp-02", lambda asked, seed: seen.append(asked) or 0.7, corpora)
    arms = {asked.method for asked in seen}
    assert sorted(len(a.terms) for a in arms) == [0, 1, 2, 3] and len({a.share for a in arms}) == 1
    assert len({(a.seeds, a.recipe) for a in seen}) == 1
