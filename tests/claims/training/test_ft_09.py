"""ft-09: adapters against full fine-tuning."""

import pytest

from tests.claims.training.answered import jitter, uses, verdict


def score(full: float, head: float, adapters: float):
    def of(asked, seed, order):
        level = adapters if uses(asked, "Adapters") else full
        if uses(asked, "FreezeBottom"):
            level = head if asked.recipe.techniques[0].layers is None else (full + head) / 2
        return level + jitter(asked, seed, order, 0.002)

    return of


def few(asked) -> int:
    return 3 if uses(asked, "Adapters") else 100


@pytest.mark.parametrize(
    ("levels", "expected"), [((0.9, 0.7, 0.91), "holds"), ((0.9, 0.7, 0.85), "fails"), ((0.7, 0.7, 0.7), "undecided")]
)
def test_adapters_must_keep_the_margin_and_there_must_be_one(corpora, levels, expected):
    assert verdict("ft-09", score(*levels), corpora, trained=few) == expected


def test_a_head_alone_that_is_best_refutes_it(corpora):
    assert verdict("ft-09", score(0.7, 0.9, 0.9), corpora, trained=few) == "fails"


def test_adapters_as_large_as_the_encoder_fail(corpora):
    assert verdict("ft-09", score(0.9, 0.7, 0.91), corpora, trained=lambda asked: 100) == "fails"
