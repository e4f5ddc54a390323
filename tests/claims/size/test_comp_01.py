"""comp-01: several times smaller with little loss."""

import pytest

from bertology.compress.compared import Rounded
from bertology.record.errors import NotApplicable
from tests.claims.size.compressed import finding, jitter, verdict


@pytest.mark.parametrize(("small", "expected"), [(0.9, "holds"), (0.8, "fails"), (0.878, "undecided")])
def test_the_margin_must_be_kept(corpora, small, expected):
    size = 0.02 if expected == "undecided" else 0.003
    assert verdict("comp-01", lambda asked, seed: small + jitter(asked, seed, size), corpora) == expected


def test_keeping_all_of_what_the_architecture_gives_alone_does_not_hold(corpora):
    assert verdict("comp-01", lambda asked, seed: 0.9 + jitter(asked, seed), corpora, twin=0.9) != "holds"


def test_the_best_on_dev_is_judged_among_the_small_enough(corpora):
    eight = lambda asked: isinstance(asked.method, Rounded) and asked.method.bits == 8
    score = lambda asked, seed: (0.9 if eight(asked) else 0.7) + jitter(asked, seed)
    chosen = finding("comp-01", score, corpora)
    assert "Chosen on dev: 8 bits after tuning" in chosen.note
    large = finding("comp-01", score, corpora, fields=lambda asked: {"smaller": 2.0 if eight(asked) else 4.0})
    assert "8 bits after tuning" not in large.note and large.values["score kept"].value == pytest.approx(78, abs=1)
    fooled = finding("comp-01", score, corpora, fields=lambda asked: {"dev": 0.2 if eight(asked) else 0.9})
    assert "8 bits after tuning" not in fooled.note


def test_four_numbers_are_told(corpora):
    found = finding(
        "comp-01",
        lambda asked, seed: 0.8 + jitter(asked, seed),
        corpora,
        fields=lambda asked: {"smaller": 5.0, "faster": 1.5, "calibration": 0.15},
    )
    told = {name: found.values[name].value for name in ("times smaller", "times faster", "added calibration error")}
    assert told == pytest.approx({"times smaller": 5.0, "times faster": 1.5, "added calibration error": 0.05})
    assert found.values["score kept"].value == pytest.approx(100 * 0.8 / 0.9, abs=0.5)
    assert found.values["margin over the majority kept"].value == pytest.approx(0.75, abs=0.02)


def test_a_whole_without_a_margin_is_not_applicable(corpora):
    with pytest.raises(NotApplicable, match="above the majority"):
        finding("comp-01", lambda asked, seed: 0.5, corpora, whole=0.52)
