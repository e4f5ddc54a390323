"""syn-10: blind to negation, or not."""

import pytest

from bertology.corpus.cloze import ClozeItem, of_set
from bertology.corpus.worlds import cloze as embedded
from bertology.record.errors import NotApplicable
from tests.claims.driving import noise
from tests.claims.filled import FakeEncoder, at_random, finding, verdict

TRUE = {
    (context, item.target): item.labels["polarity"]
    for item in of_set(embedded(), "NEG")
    for context in item.labels["contexts"]
}


def blind(context: str, word: str) -> float:
    """The category is likely, with "not" or without."""
    return (-1.0 if TRUE.get((context.replace(" not", ""), word)) == "affirmative" else -8.0) + 0.1 * noise(
        context, word
    )


def logical(context: str, word: str) -> float:
    """What is true is likely."""
    return (-1.0 if (context, word) in TRUE else -8.0) + 0.1 * noise(context, word)


def test_an_encoder_that_overlooks_not_holds() -> None:
    found = finding("syn-10", blind)
    assert verdict("syn-10", blind) == "holds"
    assert found.values["true completion preferred, negated"].value == 0
    assert found.values["same favourite after 'not'"].value == 100
    assert {row.label for row in found.rows} >= {"A robin is ⇄ affirmative", "A robin is ⇄ negated"}


def test_an_encoder_that_heeds_not_fails() -> None:
    assert verdict("syn-10", logical) == "fails"


def test_random_answers_do_not_hold() -> None:
    assert verdict("syn-10", at_random) != "holds"


def test_the_dots_of_a_pair_are_log_odds_of_the_category() -> None:
    rows = finding("syn-10", lambda context, word: 0.0 if word == "bird" else -2.0).rows
    robin = {row.label: row.value for row in rows if row.label.startswith("A robin")}
    assert robin == {"A robin is ⇄ affirmative": 2.0, "A robin is ⇄ negated": 2.0}


def test_answers_that_cannot_be_compared_are_left_out_and_counted() -> None:
    whole = finding("syn-10", blind)
    long = finding("syn-10", blind, encoder=FakeEncoder(lambda word: 2 if word == "bird" else 1))
    value = "true completion preferred, affirmative"
    assert long.values[value].n < whole.values[value].n
    assert "Left out:" in long.note and "unlike numbers of subwords" in long.note and "Left out" not in whole.note
    statement = lambda polarity, target, other: ClozeItem(
        f"x {polarity}",
        f"A robin is {polarity} a [MASK].",
        target,
        (other,),
        {"set": "NEG", "pair": "x", "polarity": polarity},
    )
    mute = (*of_set(embedded(), "NEG"), statement("affirmative", "b?rd", "tree"), statement("negative", "tree", "b?rd"))
    assert "2 comparisons with a word that the encoder cannot write" in finding("syn-10", blind, mute).note


def test_broken_pairs_are_left_out_and_counted() -> None:
    items = of_set(embedded(), "NEG")
    assert "1 items that are not two a pair" in finding("syn-10", blind, items[1:]).note
    same = items[1]._replace(labels={**items[1].labels, "polarity": "affirmative"})
    assert (
        "1 pairs that do not turn an affirmative item round"
        in finding("syn-10", blind, (items[0], same, *items[2:])).note
    )
    with pytest.raises(NotApplicable, match="no plain category statement"):
        finding("syn-10", blind, items[:1])


def test_natural_negation_is_counted_apart() -> None:
    items = of_set(embedded(), "NEG")
    natural = tuple(i._replace(labels={**i.labels, "licensing": "Y"}) for i in items[:40])
    found = finding(
        "syn-10",
        lambda c, w: logical(c, w) if any(c in i.labels["contexts"] for i in natural) else blind(c, w),
        (*natural, *items[40:]),
    )
    assert found.values["true completion preferred, natural negated"].value == 100
    assert found.values["true completion preferred, negated"].value == 0


def test_the_favourite_is_looked_up_with_the_article_of_the_category_both_times() -> None:
    article = lambda context: context.split("[MASK]")[0].split()[-1]
    assert finding("syn-10", blind, favourite=article).values["same favourite after 'not'"].value == 100
    assert finding("syn-10", blind, favourite=lambda c: str("not" in c)).values["same favourite after 'not'"].value == 0
