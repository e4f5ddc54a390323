"""Looks at growing samples: the error rate is spent once, however often one looks."""

import numpy as np
import pytest

from bertology.record.estimate import Estimate
from bertology.stats.looks import ONCE, THRICE, widen


def test_the_error_rate_of_all_looks_is_that_of_one() -> None:
    assert sum(look.spent for look in THRICE) == pytest.approx(1)
    assert THRICE[-1].share == 1
    assert [look.wider for look in ONCE] == [pytest.approx(1)]


def test_stopping_when_an_interval_leaves_the_truth_happens_in_at_most_five_percent() -> None:
    draw = np.random.default_rng(0)
    n, missed, naive = 400, 0, 0
    for _ in range(3000):
        values = draw.normal(0, 1, n)
        at = [values[: round(look.share * n)] for look in THRICE]
        half = [1.96 / np.sqrt(len(part)) for part in at]
        missed += any(abs(part.mean()) > h * look.wider for part, h, look in zip(at, half, THRICE, strict=True))
        naive += any(abs(part.mean()) > h for part, h in zip(at, half, strict=True))
    assert missed / 3000 <= 0.06 < naive / 3000


def test_both_arms_of_an_interval_grow() -> None:
    e = widen({"a": Estimate(1.0, 0.5, 3.0, 10)}, 2.0)["a"]
    assert (e.low, e.high, e.value, e.n) == (0.0, 5.0, 1.0, 10)
