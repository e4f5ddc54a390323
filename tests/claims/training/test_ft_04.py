"""ft-04: a related task first."""

import pytest

from bertology.train.artefacts import Staging
from tests.claims.training.answered import jitter, verdict


def score(related: float, unrelated: float):
    def of(asked, seed, order):
        first = asked.stages[0][0].name if isinstance(asked, Staging) else ""
        gain = related if "length" in first else unrelated if first else 0.0
        return 0.6 + gain + jitter(asked, seed, order, 0.01)

    return of


@pytest.mark.parametrize(
    ("gains", "expected"),
    [((0.1, 0.0), "holds"), ((0.1, 0.2), "fails"), ((-0.1, 0.0), "fails"), ((0.0, 0.0), "undecided")],
)
def test_a_related_task_must_beat_none_and_an_unrelated_one(corpora, gains, expected):
    assert verdict("ft-04", score(*gains), corpora) == expected


def test_more_training_of_any_kind_is_not_enough(corpora):
    assert verdict("ft-04", score(0.1, 0.1), corpora) != "holds"
