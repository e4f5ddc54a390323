"""syn-08: agreement with attractors and in nonce sentences."""

import pytest

from bertology.corpus.corpora import Corpora
from bertology.record.errors import NotApplicable
from tests.claims.chosen import coin, result
from tests.planted import random_encoder, result_of


@pytest.fixture(scope="module")
def pairs() -> Corpora:
    return Corpora.load({"agreement": Corpora.load(scale=0.25).agreement})


@pytest.fixture(scope="module")
def encoder(pairs: Corpora):
    return random_encoder([pairs.agreement], layers=1, heads=2, width=16, mlm=True)


def test_right_forms_that_need_their_subject_hold(pairs, encoder) -> None:
    found = result("syn-08", lambda s, hide, i: coin(i) if hide else 1.0, encoder, pairs)
    assert found.verdict == "holds"
    assert found.values["accuracy without attractors"].value == 1


def test_a_model_that_attractors_mislead_fails(pairs, encoder) -> None:
    found = result("syn-08", lambda s, hide, i: coin(i) if hide else 1.0 - s.labels["attractors"], encoder, pairs)
    assert found.verdict == "fails"
    assert "drop" in found.reason


def test_right_forms_that_do_not_need_their_subject_do_not_hold(pairs, encoder) -> None:
    found = result("syn-08", lambda s, hide, i: 1.0, encoder, pairs)
    assert found.verdict == "undecided"
    assert "masked subject" in found.reason


def test_a_model_that_knows_meaningful_sentences_only_does_not_hold(pairs, encoder) -> None:
    margin = lambda s, hide, i: coin(i) if hide or s.labels["nonce"] else 1.0
    found = result("syn-08", margin, encoder, pairs)
    assert found.verdict == "undecided"
    assert found.reason.startswith("nonce")


def test_wrong_forms_fail(pairs, encoder) -> None:
    assert result("syn-08", lambda s, hide, i: coin(i) if hide else -1.0, encoder, pairs).verdict == "fails"


def test_random_weights_do_not_hold(pairs, encoder, tmp_path) -> None:
    assert result_of("syn-08", encoder, pairs, tmp_path).verdict == "fails"


def test_pairs_without_attractors_or_nonce_are_not_applicable(pairs, encoder) -> None:
    few = pairs.agreement.where(lambda s: s.labels["attractors"] == 0 and not s.labels["nonce"], why="others")
    with pytest.raises(NotApplicable, match="0 of two or more attractors, 0 of nonce"):
        result("syn-08", lambda s, hide, i: 1.0, encoder, Corpora.load({"agreement": few}))
