"""lay-10: relations by depth."""

import pytest

from bertology.corpus.corpora import Corpora
from bertology.record.errors import NotApplicable
from tests.claims.test_head_12 import annotated
from tests.planted import Planted, View, random_encoder, result_of


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    return annotated()


def planted_by_depth(view: View, masses: tuple[float, ...]) -> None:
    for left, right, label in view.sentence.links.get("related", ()):
        for layer, mass in enumerate(masses, 1):
            if label != "unrelated":
                view.point(layer, 0, left, right, mass)


def rising(view: View) -> None:
    planted_by_depth(view, (0.2, 0.4, 0.6, 0.8))


def falling(view: View) -> None:
    planted_by_depth(view, (0.8, 0.6, 0.4, 0.2))


def test_relations_that_rise_with_depth_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-10", Planted(rising, [corpora.related]), corpora, tmp_path).verdict == "holds"


def test_relations_that_fall_with_depth_fail(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-10", Planted(falling, [corpora.related]), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("lay-10", random_encoder([corpora.related]), corpora, tmp_path).verdict != "holds"


def test_two_layers_have_no_slope(corpora: Corpora, tmp_path) -> None:
    with pytest.raises(NotApplicable, match="2 layers"):
        result_of("lay-10", random_encoder([corpora.related], layers=2), corpora, tmp_path)
