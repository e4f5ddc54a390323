"""comp-06: tickets, random masks, fresh weights, and the other task."""

import pytest

from tests.claims.driving import noise
from tests.claims.size.compressed import finding, verdict


def scores(ticket: float, random: float, fresh: float, moved: float, *, size: float = 0.002):
    return lambda asked, seed: tuple(
        v + size * noise(k, asked.task.name, seed) for k, v in enumerate((ticket, random, fresh, moved))
    )


@pytest.mark.parametrize(
    ("made", "expected"),
    [((0.9, 0.7, 0.6, 0.8), "holds"), ((0.8, 0.7, 0.6, 0.7), "fails"), ((0.9, 0.93, 0.6, 0.8), "fails"), ((0.9, 0.7, 0.93, 0.8), "fails")],
)  # fmt: skip
def test_a_ticket_must_match_the_full_encoder_and_beat_its_controls(corpora, made, expected):
    assert verdict("comp-06", None, corpora, tickets=scores(*made), size=0.02) == expected


def test_random_weights_whose_tickets_are_as_good_as_fresh_ones_do_not_hold(corpora):
    assert verdict("comp-06", None, corpora, tickets=scores(0.9, 0.7, 0.9, 0.8), size=0.02) != "holds"
    assert verdict("comp-06", None, corpora, tickets=scores(0.9, 0.9, 0.9, 0.9, size=0.03), size=0.02) != "holds"


def test_masks_go_to_the_other_task(corpora):
    asked = []
    given = lambda one, seed: asked.append(one) or (0.9, 0.7, 0.6, 0.8)
    found = finding("comp-06", None, corpora, tickets=given)
    assert {(a.task.name, a.other.name) for a in asked} == {(a.other.name, a.task.name) for a in asked}
    assert all(a.task.name != a.other.name for a in asked)
    assert found.values["ticket of the other task − random mask"].value == pytest.approx(0.1)
