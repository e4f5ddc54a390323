"""ft-12: the spread over orders of the data."""

import pytest

from tests.claims.driving import noise
from tests.claims.training.answered import verdict


@pytest.mark.parametrize(("spread", "expected"), [(0.02, "holds"), (0.001, "fails"), (0.0, "fails")])
def test_half_a_point_is_the_measure(corpora, spread, expected):
    assert verdict("ft-12", lambda asked, s, o: 0.8 + spread * noise(s, o), corpora) == expected


def test_a_machine_that_never_repeats_itself_does_not_hold(corpora):
    calls = iter(range(10_000))
    assert verdict("ft-12", lambda asked, s, o: 0.8 + 0.02 * noise(next(calls)), corpora) != "holds"
