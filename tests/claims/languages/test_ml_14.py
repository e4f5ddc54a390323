"""ml-14: freezing lower layers, chosen on some languages and estimated on others."""

from collections.abc import Callable

import numpy as np
import pytest

from bertology.claims.languages import zero_shot
from bertology.claims.registry import experiment
from bertology.claims.training import fine_tuned
from bertology.judging import results_of
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from tests.claims.driving import driven
from tests.claims.languages.respelt import CODES, treebanks, verdict
from tests.planted import random_encoder

OTHERS = sorted(CODES)
DEV, TEST = OTHERS[::2], OTHERS[1::2]


def found(accuracy: Callable[[bool, int, str], float], layers: int = 4, codes: tuple[str, ...] = CODES) -> Finding:
    """What the claim makes of accuracies by (random twin?, layers frozen, language)."""
    corpora = treebanks(codes)
    encoder = random_encoder([corpora.treebank], layers=layers, heads=2, width=8)

    def answer(asked):
        frozen = sum(t.layers for t in asked.recipe.techniques)
        rng = np.random.default_rng([asked.seed, frozen, asked.encoder.twin_seed is None])
        score = lambda c: accuracy(asked.encoder.twin_seed is not None, frozen, c)
        return {c: rng.binomial([len(e.label) for e in examples], score(c)) for c, examples in asked.elsewhere}

    return driven(experiment("ml-14")(encoder, corpora, 0), answer)


def test_freezing_that_gains_holds():
    made = found(lambda twin, frozen, code: 0.4 if twin else 0.6 + 0.05 * frozen)
    assert verdict("ml-14", made) == "holds"
    assert made.values["gain of freezing"].value == pytest.approx(15, abs=2)
    assert f"Chosen on {', '.join(DEV)}: 3 layers frozen; estimated on {', '.join(TEST)}." in made.note


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [
        (lambda twin, frozen, code: 0.4 if twin else 0.8 - 0.05 * frozen, "fails"),
        (lambda twin, frozen, code: 0.4 + 0.08 * frozen if twin else 0.7 + 0.02 * frozen, "fails"),
        (lambda twin, frozen, code: 0.9 if twin else 0.6 + 0.05 * frozen, "fails"),
    ],
    ids=["freezing harms", "helps random weights more", "helps an encoder below random weights"],
)
def test_each_rule_can_fail(accuracy, expected):
    assert verdict("ml-14", found(accuracy)) == expected


def test_what_is_chosen_on_some_languages_is_estimated_on_others():
    made = found(lambda twin, frozen, code: 0.4 if twin else 0.6 + 0.1 * frozen * (1 if code in DEV else -1))
    assert verdict("ml-14", made) == "fails"
    assert made.values["gain of freezing"].value < -15


def test_three_languages_are_too_few():
    with pytest.raises(NotApplicable, match=r"3 languages .* 4 are due"):
        found(lambda twin, frozen, code: 0.5, codes=("de", "fi", "ru"))


def test_random_weights_do_not_hold(monkeypatch):
    corpora = treebanks(scale=0.03)
    monkeypatch.setattr(zero_shot, "SENTENCES", 10)
    monkeypatch.setattr(fine_tuned, "EXAMPLES", 16)
    monkeypatch.setattr(fine_tuned, "SEEDS", (0, 1))
    encoder = random_encoder(corpora.in_languages("treebank").values(), layers=2, heads=2, width=16, seed=5)
    (result,) = results_of(encoder, ["ml-14"], corpora)
    assert result.verdict in ("fails", "undecided"), result.reason
