"""wor-06: single facts known, what follows from them not."""

import pytest

from bertology.corpus.cloze import of_set
from bertology.corpus.worlds import cloze as embedded
from bertology.record.errors import NotApplicable
from tests.claims.driving import noise
from tests.claims.filled import FakeEncoder, at_random
from tests.claims.recalled import finding, knows, verdict

SINGLE, COMPOSED = of_set(embedded(), "SINGLE"), of_set(embedded(), "COMPOSED")


def test_single_facts_without_their_composition_hold() -> None:
    assert verdict("wor-06", lambda c, w: at_random(c, w) if " than " in c else knows(SINGLE)(c, w)) == "holds"


def test_composed_facts_that_are_known_do_not_hold() -> None:
    assert verdict("wor-06", knows((*SINGLE, *COMPOSED))) != "holds"
    weak = knows((*(i for i in SINGLE if noise(i.labels["fact"]) > -0.67), *COMPOSED))
    assert verdict("wor-06", weak) == "fails"


def test_random_answers_do_not_hold() -> None:
    assert verdict("wor-06", at_random) == "fails"


def test_a_preference_for_a_word_is_no_knowledge() -> None:
    likes = {"large", "old", "fast", "heavy", "hard", "hot", "high", "enter"}
    likes |= {"larger", "older", "faster", "heavier", "harder", "hotter", "higher"}
    prefers = lambda c, w: -1.0 if w in likes else -2.0
    try:
        assert verdict("wor-06", prefers) != "holds"
    except NotApplicable as error:
        assert "both single facts are right of 0" in str(error)


def test_only_what_follows_from_known_facts_counts() -> None:
    known = [i for i in SINGLE if i.labels["dimension"] in ("size", "use")]
    false = lambda c, w: -1.0 if (c, w) in {(i.context_with_mask, i.alternatives[0]) for i in SINGLE} else -9.0
    answer = lambda c, w: knows((*known, *COMPOSED))(c, w) if c in {i.context_with_mask for i in (*known, *COMPOSED)} else false(c, w)  # fmt: skip
    found = finding("wor-06", answer)
    assert found.values["composed, both single facts right"].value == 100
    assert {r.label for r in found.rows if r.measure.startswith("composed")} == {"size", "use"}


def test_without_known_facts_it_does_not_apply() -> None:
    with pytest.raises(NotApplicable, match="both single facts are right of 0 composed facts"):
        finding("wor-06", lambda c, w: -1.0)
    long = FakeEncoder(lambda word: 2 if word.endswith("er") else 1)
    assert finding("wor-06", knows((*SINGLE, *COMPOSED)), encoder=long)
