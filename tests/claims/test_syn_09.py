"""syn-09: polarity items, licensors and presence against scope."""

import pytest

from bertology.behave.choice import REST
from bertology.corpus.corpora import Corpora
from bertology.corpus.minimal_pairs import npi_kind
from bertology.record.errors import NotApplicable
from tests.claims.chosen import coin, result
from tests.planted import random_encoder, result_of


@pytest.fixture(scope="module")
def pairs() -> Corpora:
    return Corpora.load({"pairs": Corpora.load(scale=0.25).pairs})


@pytest.fixture(scope="module")
def encoder(pairs: Corpora):
    return random_encoder([pairs.pairs], layers=1, heads=2, width=16, mlm=True)


def kind(s) -> str:
    return npi_kind(s.labels["phenomenon"])


def test_licensing_without_scope_holds(pairs, encoder) -> None:
    margin = lambda s, hide, i: coin(i) if kind(s) == "scope" else 0.0 if hide == REST else 1.0
    found = result("syn-09", margin, encoder, pairs)
    assert found.verdict == "holds"
    assert found.values["licensor, accuracy"].value == found.values["presence, accuracy"].value == 1


def test_scope_without_licensing_fails(pairs, encoder) -> None:
    margin = lambda s, hide, i: 1.0 if kind(s) == "scope" else 0.0 if hide == REST else coin(i)
    assert result("syn-09", margin, encoder, pairs).verdict == "fails"


def test_preferences_for_words_alone_fail(pairs, encoder) -> None:
    found = result("syn-09", lambda s, hide, i: coin(i) if kind(s) == "scope" else 1.0, encoder, pairs)
    assert found.verdict == "fails"
    assert found.reason.startswith("pull of the context")


@pytest.mark.parametrize("seed", range(3))
def test_random_weights_do_not_hold(pairs, seed, tmp_path) -> None:
    encoder = random_encoder([pairs.pairs], layers=2, heads=2, width=16, mlm=True, seed=seed)
    found = result_of("syn-09", encoder, pairs, tmp_path)
    assert found.verdict != "holds"
    assert abs(found.values["pull of the context"].value) < 0.05


def test_pairs_without_scope_are_not_applicable(pairs, encoder) -> None:
    others = pairs.pairs.where(lambda s: kind(s) != "scope", why="scope")
    with pytest.raises(NotApplicable, match="no pairs on the scope"):
        result("syn-09", lambda s, hide, i: 1.0, encoder, Corpora.load({"pairs": others}))


@pytest.mark.parametrize(
    ("phenomenon", "expected"),
    [
        ("matrix_question_npi_licensor_present", "licensor"), ("only_npi_licensor_present", "licensor"), ("npi_present_2", "presence"),
        ("sentential_negation_npi_scope", "scope"), ("npi_src_any: neg_pos < pos_pos", "licensor"),
        ("npi_src_any: neg_neg < pos_neg", "scope"), ("simple_npi_anim", "licensor"), ("npi_across_anim", "scope"),
        ("adjunct_island", ""), ("agreement_simple", ""),
    ],
)  # fmt: skip
def test_paradigms_are_told_apart_by_their_names(phenomenon, expected) -> None:
    assert npi_kind(phenomenon) == expected
