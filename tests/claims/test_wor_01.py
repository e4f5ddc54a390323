"""wor-01: categories known, inference and roles not."""

import math

import pytest

from bertology.corpus.cloze import ClozeItem, of_set
from bertology.corpus.worlds import cloze as embedded
from bertology.record.errors import NotApplicable
from tests.claims.filled import at_random, finding, verdict

FITS = {(c, i.target) for i in of_set(embedded(), "NEG") for c in i.labels["contexts"]}
INFERRED = {(i.context_with_mask, i.target) for i in of_set(embedded(), "CPRAG")}
ROLES = {(i.context_with_mask, i.target) for i in of_set(embedded(), "ROLE") if i.target in i.labels["expected"]}


def knows(*questions: set[tuple[str, str]], high: float = -1.0):  # type: ignore[no-untyped-def]
    return lambda context, word: high if any((context, word) in one for one in questions) else -9.0


def test_categories_without_inference_and_roles_hold() -> None:
    assert verdict("wor-01", knows(FITS)) == "holds"


def test_knowing_all_or_nothing_does_not_hold() -> None:
    assert verdict("wor-01", knows(FITS, INFERRED, ROLES)) == "fails"
    assert verdict("wor-01", knows(FITS, INFERRED)) == "fails"
    assert verdict("wor-01", knows(FITS, ROLES)) == "fails"
    assert verdict("wor-01", knows()) == "fails"


def test_random_answers_do_not_hold() -> None:
    assert verdict("wor-01", at_random) != "holds"


def test_a_preference_below_a_hundredth_of_probability_is_no_sensitivity() -> None:
    found = finding("wor-01", knows(FITS, INFERRED, high=math.log(0.009)))
    assert found.values["pragmatic inference, preferred"].value == 100
    assert found.values["pragmatic inference, by .01"].value == 0
    found = finding("wor-01", knows(FITS, INFERRED, high=math.log(0.012)))
    assert found.values["pragmatic inference, by .01"].value == 100


def test_a_tie_is_no_preference() -> None:
    found = finding("wor-01", knows())
    assert all(
        found.values[f"{name}, preferred"].value == 0 for name in ("pragmatic inference", "role reversal", "categories")
    )


def test_the_fitting_side_of_a_reversal_has_the_larger_cloze_value() -> None:
    served = lambda id, context, value: ClozeItem(
        id,
        f"{context} had [MASK].",
        "served",
        (),
        {"set": "ROLE", "pair": "1", "expected": ("asked",), "tgt_cloze": value},
    )
    pair = served("1-b", "which waitress the customer", 0.0), served("1-a", "which customer the waitress", 0.3)
    others = (*of_set(embedded(), "NEG"), *of_set(embedded(), "CPRAG"))
    rows = finding("wor-01", lambda c, w: -1.0 if c.startswith("which customer") else -2.0, (*others, *pair)).rows
    dots = {row.label: row.value for row in rows if "⇄" in row.label}
    assert dots == {
        "customer the waitress … served ⇄ fitting": -1.0,
        "customer the waitress … served ⇄ reversed": -2.0,
    }
    equal = tuple(i._replace(labels={**i.labels, "tgt_cloze": 0.1}) for i in pair)
    with pytest.raises(NotApplicable, match="role reversal"):
        finding("wor-01", at_random, (*others, *equal))
