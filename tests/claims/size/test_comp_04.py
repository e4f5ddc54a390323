"""comp-04: bits, score and time."""

import pytest

from bertology.compress.compared import Kernels
from tests.claims.size.compressed import finding, jitter, verdict


def bits(lost: dict[int, float], size: float = 0.001):
    return lambda asked, seed: 0.9 - lost.get(getattr(asked.method, "bits", 8), 0.0) + jitter(asked, seed, size)


TIMES = lambda faster, kernels=2.0: lambda asked: {"faster": kernels if isinstance(asked.method, Kernels) else faster}


@pytest.mark.parametrize(
    ("lost", "faster", "expected"),
    [({2: 0.3}, 1.0, "holds"), ({8: 0.05, 2: 0.3}, 1.0, "fails"), ({2: 0.3}, 1.5, "fails"), ({2: -0.1}, 1.0, "fails")],
)
def test_eight_bits_must_cost_little_and_save_no_time(corpora, lost, faster, expected):
    assert verdict("comp-04", bits(lost), corpora, fields=TIMES(faster)) == expected


def test_noise_and_random_weights_do_not_hold(corpora):
    assert verdict("comp-04", bits({}, size=0.05), corpora, fields=TIMES(1.0)) != "holds"
    assert verdict("comp-04", bits({2: 0.3}), corpora, fields=TIMES(1.0), twin=0.9) != "holds"


def test_time_with_kernels_is_told_and_not_judged(corpora):
    found = finding("comp-04", bits({2: 0.3}), corpora, fields=TIMES(1.0, 3.0))
    assert found.values["times faster with int8 kernels"].value == pytest.approx(3.0)
    assert found.values["times faster at 8 bits without kernels"].value == pytest.approx(1.0)
