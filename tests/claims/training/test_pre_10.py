"""pre-10: random weights fine-tuned against pre-trained ones frozen."""

import pytest

from tests.claims.training.answered import jitter, random_weights, uses, verdict


def score(random: dict[str, float], frozen: float, full: float):
    def of(asked, seed, order):
        task = next((k for k in random if k and k in asked.task.name), "")
        level = random[task] if random_weights(asked) else frozen if uses(asked, "FreezeBottom") else full
        return level + jitter(asked, seed, order, 0.01)

    return of


@pytest.mark.parametrize(
    ("random", "frozen", "full", "expected"),
    [
        ({"": 0.5, "tense": 0.8}, 0.6, 0.9, "holds"),
        ({"": 0.5, "tense": 0.55}, 0.6, 0.9, "fails"),
        ({"": 0.8}, 0.6, 0.8, "undecided"),
        ({"": 0.8}, 0.6, 0.7, "fails"),
    ],
)
def test_one_task_is_enough_if_pretraining_is_worth_something(corpora, random, frozen, full, expected):
    assert verdict("pre-10", score(random, frozen, full), corpora) == expected


def test_the_task_is_chosen_on_dev_and_not_on_test(corpora):
    test, dev = score({"": 0.5, "tense": 0.8}, 0.6, 0.9), score({"": 0.5, "depth": 0.8}, 0.6, 0.9)
    assert verdict("pre-10", test, corpora, dev=dev) == "fails"


def test_noise_does_not_hold(corpora):
    assert verdict("pre-10", score({"": 0.6}, 0.6, 0.6), corpora) != "holds"
