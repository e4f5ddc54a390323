"""wor-08: names that give the answer away."""

import pytest

from bertology.corpus.cloze import ClozeItem, of_set
from bertology.corpus.worlds import cloze as embedded
from bertology.record.errors import NotApplicable
from tests.claims.filled import at_random
from tests.claims.recalled import finding, knows, verdict

NAMES = of_set(embedded(), "NAME")
KIND = {kind: [i for i in NAMES if i.labels["name"] == kind] for kind in ("helpful", "unhelpful", "fictional")}


def test_answers_that_names_tell_hold() -> None:
    assert verdict("wor-08", knows((*KIND["helpful"], *KIND["fictional"]))) == "holds"


def test_facts_known_whatever_the_name_do_not_hold() -> None:
    assert verdict("wor-08", knows((*KIND["helpful"], *KIND["unhelpful"]))) != "holds"
    assert verdict("wor-08", knows((*KIND["unhelpful"], *KIND["fictional"]))) == "fails"


def test_random_answers_do_not_hold() -> None:
    assert verdict("wor-08", at_random) != "holds"


def test_a_favourite_answer_does_not_pay() -> None:
    found = finding("wor-08", lambda context, word: -1.0 if word == "Italian" else -9.0)
    assert found.values["helpful − unhelpful names"].value == 0
    assert found.values["invented names, what they seem to tell over chance"].value == pytest.approx(0, abs=1e-9)


def facts(subject: str, word: str, number: int, relation: str) -> ClozeItem:
    labels = {"set": "FACT", "relation": relation, "subject": subject, "template": 0, "pair": f"{relation}{number}"}
    return ClozeItem(f"{relation}{number}", f"{subject} is from [MASK].", word, (), labels)


def test_without_labels_a_name_helps_that_holds_its_object_or_calls_it_up() -> None:
    held = [facts(f"Rome-{n} Company", "Rome", n, "P176") for n in range(12)]
    plain = [facts(f"Bank {n}", "Rome", 50 + n, "P176") for n in range(12)]
    called = [facts(f"Mario S{n}", "Rome", n, "P19") for n in range(12)]
    alien = [facts(f"Bob S{n}", "Rome", 50 + n, "P19") for n in range(12)]
    log = lambda context, word: -1.0 if context.startswith(("Mario is a common name in the following city", "Rome")) else -9.0  # fmt: skip
    found = finding("wor-08", log, (*held, *plain, *called, *alien))
    assert found.note.startswith("24 helpful and 24 unhelpful names")
    assert found.values["helpful − unhelpful names"].value == 50


def test_too_few_names_do_not_apply() -> None:
    with pytest.raises(NotApplicable, match="0 helpful and 0 unhelpful"):
        finding("wor-08", at_random, tuple(KIND["unhelpful"] + KIND["fictional"]))
