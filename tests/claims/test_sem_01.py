"""sem-01: right, related and unrelated role fillers in that order."""

import pytest

from bertology.corpus.cloze import of_set
from bertology.corpus.worlds import cloze as embedded
from bertology.record.errors import NotApplicable
from tests.claims.driving import noise
from tests.claims.filled import FakeEncoder, at_random, finding, verdict

GRADE = {
    (item.context_with_mask, word): grade
    for name in ("TRIPLE", "CPRAG")
    for item in of_set(embedded(), name)
    for grade, word in enumerate((item.target, *item.alternatives))
}


def graded(context: str, word: str) -> float:
    return -1.0 - 2 * GRADE.get((context, word), 3) + 0.1 * noise(context, word)


def test_a_graded_encoder_holds() -> None:
    assert verdict("sem-01", graded) == "holds"


def test_random_answers_and_a_reversed_grading_do_not_hold() -> None:
    assert verdict("sem-01", at_random) != "holds"
    assert verdict("sem-01", lambda c, w: -graded(c, w) - 20) == "fails"


def test_a_preference_for_words_is_worth_nothing_in_the_embedded_set() -> None:
    found = finding("sem-01", lambda context, word: -9 + 3 * noise(word))
    assert verdict("sem-01", lambda context, word: -9 + 3 * noise(word)) != "holds"
    assert found.values["right over related"].value == 50


def test_a_preference_for_words_is_taken_off_where_a_set_is_unbalanced() -> None:
    common = {
        word for number, item in enumerate(of_set(embedded(), "TRIPLE")) if not number % 2 for word in (item.target,)
    }
    items = tuple(i for i in of_set(embedded(), "TRIPLE") if i.target in common)
    likely = lambda context, word: (-1.0 if word in common else -5.0) + 1e-3 * noise(context, word)
    found = finding("sem-01", likely, items)
    assert found.values["right over related"].value == 100
    assert 20 < found.values["right over related, beyond the word"].value < 80
    assert verdict("sem-01", likely, items) != "holds"


def test_expected_verbs_of_role_items_are_looked_for_among_the_first_five() -> None:
    verbs = {(i.context_with_mask, i.labels["expected"][-1]) for i in of_set(embedded(), "ROLE")}
    found = finding("sem-01", lambda c, w: -1.0 if (c, w) in verbs else graded(c, w) - 10)
    assert found.values["expected verb among the first five"].value == 100
    long = finding("sem-01", graded, encoder=FakeEncoder(lambda word: 2 if word in {v for _, v in verbs} else 1))
    assert "expected verb" in str(list(long.values))
    mute = finding("sem-01", graded, encoder=FakeEncoder(lambda word: 2))
    assert "88 role-reversal items none of whose expected words is a single subword" in mute.note


def test_sets_of_context_and_category_serve_where_there_are_no_triples() -> None:
    items = of_set(embedded(), "CPRAG")
    assert verdict("sem-01", graded, items) == "holds"
    assert "set CPRAG" in finding("sem-01", graded, items).note
    with pytest.raises(NotApplicable, match="0 cloze items with a related"):
        finding("sem-01", graded, of_set(embedded(), "NEG"))
