"""syn-11: predictions that survive malformed contexts."""

import numpy as np
import pytest

from bertology.behave.malformed import elsewhere, shuffled, truncated, without
from bertology.corpus.cloze import ClozeItem, of_set
from bertology.corpus.worlds import cloze as embedded
from bertology.record.errors import NotApplicable
from tests.claims.driving import noise
from tests.claims.filled import FakeEncoder, at_random, finding, verdict

ITEMS = of_set(embedded(), "CPRAG", "ROLE", "TRIPLE")
EXPECTED = {i.context_with_mask: i.labels.get("expected", (i.target,)) for i in ITEMS}
BAGS = [(frozenset(i.context_with_mask.lower().split()), EXPECTED[i.context_with_mask]) for i in ITEMS]


def exact(context: str, word: str) -> float:
    """Knows the answer of contexts as they are, of no other."""
    return -1.0 if word in EXPECTED.get(context, ()) and noise(context) > -0.5 else -9.0


def overlapping(context: str, word: str) -> float:
    """Knows the answer by most words of the context, in whatever order."""
    bag = frozenset(context.lower().split())
    return (
        -1.0
        if any(word in answers and 2 * len(bag & own) > len(bag) and len(bag & own) > 2 for own, answers in BAGS)
        else -9.0
    )


def test_a_bag_of_words_survives() -> None:
    assert verdict("syn-11", overlapping) == "holds"


def test_an_encoder_that_needs_the_whole_context_fails() -> None:
    assert verdict("syn-11", exact) == "fails"


def test_one_malformation_that_is_not_survived_is_enough_to_fail() -> None:
    two_sentences = lambda context: context.count(".") > 1
    assert verdict("syn-11", lambda c, w: overlapping(c, w) if two_sentences(c) else exact(c, w)) == "fails"


def test_random_answers_do_not_hold() -> None:
    assert verdict("syn-11", at_random) != "holds"
    assert verdict("syn-11", lambda context, word: -1.0 if noise(context, word) > 0.5 else -9.0) != "holds"


def test_words_that_are_always_likely_are_nothing_to_survive() -> None:
    found = finding("syn-11", lambda context, word: -1.0 if noise(word) > 0 else -9.0)
    assert verdict("syn-11", lambda context, word: -1.0 if noise(word) > 0 else -9.0) != "holds"
    assert found.values["intact over chance context"].value == 0


def test_items_of_several_subwords_are_left_out_and_counted() -> None:
    long = {i.target for i in of_set(embedded(), "CPRAG")[:4]}
    found = finding("syn-11", overlapping, encoder=FakeEncoder(lambda word: 2 if word in long else 1))
    assert "items none of whose expected words is a single subword" in found.note
    assert found.values["intact over chance context"].n < len(ITEMS)
    with pytest.raises(NotApplicable, match="single subword"):
        finding("syn-11", overlapping, encoder=FakeEncoder(lambda word: 2))


def test_items_that_nothing_can_be_done_to_are_not_applicable() -> None:
    bare = (ClozeItem("x", "A [MASK].", "b", (), {"set": "TRIPLE"}),)
    with pytest.raises(NotApplicable, match="opening"):
        finding("syn-11", at_random, bare)


CHESS = ClozeItem(
    "c", "She cried check aloud. It was a game of [MASK].", "chess", ("golf",), {"opening": "She cried check aloud."}
)
SERVED = ClozeItem(
    "r",
    "Then the waitress knew which guest the waitress had [MASK].",
    "served",
    (),
    {"subject": "the waitress", "object": "which guest"},
)


def test_a_shuffle_keeps_the_words_the_runs_and_the_sentence_with_the_gap() -> None:
    rng = np.random.default_rng(1)
    orders = {shuffled(CHESS, 1, rng) for _ in range(20)}
    assert len(orders) > 5
    for order in orders:
        assert order.endswith(" It was a game of [MASK].")
        assert sorted(order.split()) == sorted(CHESS.context_with_mask.split())
    runs = {shuffled(CHESS, 2, rng) for _ in range(20)}
    assert runs == {CHESS.context_with_mask, "check aloud. She cried It was a game of [MASK]."}
    assert shuffled(SERVED, 1, rng) is None


def test_a_truncated_context_keeps_what_comes_before_and_two_words() -> None:
    assert truncated(CHESS) == "She cried check aloud. game of [MASK]."
    assert truncated(SERVED) is None


def test_a_phrase_is_dropped_where_it_stands_last_before_the_gap() -> None:
    assert without(SERVED, "subject") == "Then the waitress knew which guest had [MASK]."
    assert without(SERVED, "object") == "Then the waitress knew the waitress had [MASK]."
    assert without(CHESS, "subject") is None
    assert without(CHESS._replace(labels={"subject": "She cri"}), "subject") is None
    assert (
        without(CHESS._replace(labels={"subject": "She"}), "subject") == "Cried check aloud. It was a game of [MASK]."
    )


def test_another_context_has_none_of_the_items_words_as_an_answer() -> None:
    for k, item in enumerate(ITEMS[:10]):
        others = elsewhere(ITEMS, k, 5, seed=0)
        assert len(others) == 5 and item.context_with_mask not in others
        assert not {item.target, *item.alternatives} & {EXPECTED[c][0] for c in others}
