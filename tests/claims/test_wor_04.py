"""wor-04: ranking triples of a new source."""

import numpy as np
import pytest

from bertology.corpus.cloze import of_set
from bertology.corpus.worlds import cloze as embedded
from bertology.record.errors import NotApplicable
from tests.claims.driving import noise
from tests.claims.filled import at_random
from tests.claims.recalled import finding, knows, verdict

FACTS = of_set(embedded(), "FACT")
OBJECTS = sorted({i.target for i in FACTS})
OF = {str(i.labels["subject"]): (i.target, i.labels["source"]) for i in FACTS}
FLAT = lambda context, word: -5.0


def vector(shared: bool):  # type: ignore[no-untyped-def]
    """A phrase's own object as its direction: of all sources, or of its source alone."""

    def of(phrase: str) -> np.ndarray:
        found = np.zeros(3 * len(OBJECTS))
        word, source = OF.get(phrase, (phrase, "home"))
        block = 0 if phrase in OBJECTS and phrase not in OF else 1 if shared or source == "home" else 2
        found[block * len(OBJECTS) + OBJECTS.index(word)] = 1
        return found + 0.01 * np.array([noise(phrase, k) for k in range(4)]).repeat(len(found))[: len(found)]

    return of


def test_a_learner_that_is_lost_in_a_new_source_holds() -> None:
    assert verdict("wor-04", knows(FACTS), blind=FLAT, vector=vector(shared=False)) == "holds"


def test_a_learner_that_carries_over_as_well_does_not_hold() -> None:
    assert verdict("wor-04", knows(FACTS), blind=FLAT, vector=vector(shared=True)) != "holds"


def test_random_answers_do_not_hold() -> None:
    assert verdict("wor-04", at_random, blind=FLAT, vector=vector(shared=False)) != "holds"


def test_ranking_all_wrong_fails() -> None:
    wrong = lambda context, word: -10 - knows(FACTS)(context, word)
    assert verdict("wor-04", wrong, blind=FLAT, vector=vector(shared=False)) == "fails"


def test_a_learner_that_learns_nothing_does_not_apply() -> None:
    with pytest.raises(NotApplicable, match="learns nothing that could be lost"):
        finding(
            "wor-04", knows(FACTS), blind=FLAT, vector=lambda phrase: np.array([noise(phrase, k) for k in range(50)])
        )


def test_one_source_does_not_apply() -> None:
    with pytest.raises(NotApplicable, match="of one source"):
        finding("wor-04", at_random, tuple(i for i in FACTS if i.labels["source"] == "home"), vector=vector(True))
    mixed = tuple(
        i._replace(labels={**i.labels, "source": "home" if i.labels["relation"] < "l" else "abroad"}) for i in FACTS
    )
    with pytest.raises(NotApplicable, match="share 0 relations"):
        finding("wor-04", at_random, mixed, vector=vector(True))
