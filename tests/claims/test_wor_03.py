"""wor-03: facts recalled, beyond what the template alone calls for."""

from collections import Counter

import pytest

from bertology.corpus.cloze import of_set
from bertology.corpus.worlds import cloze as embedded
from bertology.record.errors import NotApplicable
from tests.claims.filled import FakeEncoder, at_random
from tests.claims.recalled import finding, knows, verdict

FACTS = of_set(embedded(), "FACT")


def test_facts_that_are_known_hold() -> None:
    assert verdict("wor-03", knows(FACTS)) == "holds"


def test_random_answers_fail() -> None:
    assert verdict("wor-03", at_random) == "fails"


def test_saying_the_commonest_object_is_no_recall() -> None:
    commonest = {
        r: Counter(i.target for i in FACTS if i.labels["relation"] == r).most_common(1)[0][0]
        for r in {i.labels["relation"] for i in FACTS}
    }
    some = [i for i in FACTS if i.target == commonest[i.labels["relation"]]]
    assert verdict("wor-03", knows(some)) != "holds"


def test_what_is_known_without_the_subject_is_no_recall() -> None:
    assert verdict("wor-03", knows(FACTS), blind=knows(FACTS)) != "holds"
    assert verdict("wor-03", at_random, blind=knows(FACTS)) == "fails"


def test_winners_are_relations_above_both_controls() -> None:
    known = knows(i for i in FACTS if i.labels["relation"] in ("colour", "number"))
    note = finding("wor-03", known).note
    assert "by its interval: " in note and {"colour", "number"} == set(
        note.split("interval: ")[1].split(".")[0].split(", ")
    )


def test_another_true_object_does_not_count_against_one() -> None:
    base = [i for i in FACTS if i.labels["relation"] == "colour"]
    odd = [i._replace(target="x", labels={**i.labels, "expected": (i.target,)}) for i in base]
    both = lambda context, word: -1.5 if word == "x" else knows(base)(context, word)
    pieces = finding("wor-03", both, tuple(odd), blind=at_random)
    assert pieces.values["precision at 1"].value == 100


def test_objects_of_several_subwords_are_left_out_and_counted() -> None:
    long = {i.target for i in FACTS if i.labels["relation"] == "number"}
    found = finding("wor-03", knows(FACTS), encoder=FakeEncoder(lambda word: 2 if word in long else 1))
    assert "26 facts whose objects are not one subword" in found.note and "11 relations" in found.note
    with pytest.raises(NotApplicable, match="no relation whose facts can be asked"):
        finding("wor-03", knows(FACTS), encoder=FakeEncoder(lambda word: 2))
