"""wor-07: fewer right answers with more steps."""

import numpy as np
import pytest

from bertology.claims.knowledge.wor_07_steps import _slope
from bertology.corpus.cloze import of_set
from bertology.corpus.worlds import cloze as embedded
from bertology.record.errors import NotApplicable
from tests.claims.driving import noise
from tests.claims.filled import at_random
from tests.claims.recalled import finding, verdict

CHAINS = of_set(embedded(), "CHAIN")
TARGET = {(i.labels["contexts"][0], i.target): (i.labels["subject"], i.labels["steps"]) for i in CHAINS}


def with_rate(rate):  # type: ignore[no-untyped-def]
    """Right for a share of the subjects that depends on the steps (in standard normal quantiles)."""

    def log(context: str, word: str) -> float:
        if (context, word) not in TARGET:
            return -5.0
        subject, steps = TARGET[context, word]
        return -1.0 if noise(subject, steps) < rate(steps) else -9.0

    return log


def test_fewer_right_with_every_step_holds() -> None:
    assert verdict("wor-07", with_rate(lambda steps: 2.0 - steps)) == "holds"


def test_more_right_with_every_step_fails() -> None:
    assert verdict("wor-07", with_rate(lambda steps: steps - 1.0)) == "fails"


def test_equal_and_random_answers_do_not_hold() -> None:
    assert verdict("wor-07", with_rate(lambda steps: 9.0)) != "holds"
    assert verdict("wor-07", at_random) != "holds"


def test_a_preference_for_words_is_right_half_of_the_time_at_every_step() -> None:
    found = finding("wor-07", lambda context, word: -float(len(word)) - noise(word) / 10)
    assert all(found.values[f"accuracy, {n}"].value == 50 for n in ("1 step", "2 steps", "3 steps", "4 steps"))
    assert found.values["slope over steps"].value == pytest.approx(0, abs=8)


def test_chains_of_other_lengths_are_not_compared() -> None:
    """All answers of short chains right, none of long ones: no slope within any subject."""
    long = {i.labels["subject"] for i in CHAINS if i.labels["steps"] > 2}
    found = finding(
        "wor-07",
        lambda context, word: -5.0 if (context, word) not in TARGET else -9.0 if TARGET[context, word][0] in long else -1.0,
    )  # fmt: skip
    assert found.values["slope over steps"].value == 0


def test_one_step_alone_does_not_apply() -> None:
    with pytest.raises(NotApplicable, match="0 subjects"):
        finding("wor-07", at_random, tuple(i for i in CHAINS if i.labels["steps"] == 1))


def test_the_slope_is_that_of_least_squares_with_a_level_for_each_subject() -> None:
    rng = np.random.default_rng(0)
    cells = rng.random((30, 4))
    cells[rng.random((30, 4)) < 0.3] = np.nan
    subject, step = np.nonzero(np.isfinite(cells))
    design = np.column_stack([step + 1, subject[:, None] == np.arange(30)])
    expected = np.linalg.lstsq(design, cells[subject, step], rcond=None)[0][0]
    assert float(_slope(cells, np.arange(1.0, 5)).rate()) == pytest.approx(expected)
