"""Recall tables: templates chosen on one half and read on the other, and what is not asked."""

import numpy as np
import pytest

from bertology.behave import facts as recall
from bertology.corpus.cloze import ClozeItem, of_set
from bertology.corpus.worlds import cloze
from bertology.record.errors import NotApplicable
from tests.claims.filled import FakeEncoder


@pytest.fixture(scope="module")
def facts() -> recall.Facts:
    return recall.gather(FakeEncoder(), of_set(cloze(), "FACT"))  # type: ignore[arg-type]


def test_a_template_is_chosen_on_the_half_that_it_is_not_used_on(facts):
    half = recall.halves(facts, 0)
    table = np.zeros((len(facts.items), facts.templates))
    table[half == 0, 1] = table[half == 1, 2] = 1
    best = recall.chosen(facts, table, half)
    assert set(best[half == 0]) == {2} and set(best[half == 1]) == {1}
    assert recall.at(table, best).sum() == 0


def test_choosing_among_templates_gains_nothing_from_noise(facts):
    gains = []
    for seed in range(30):
        table = (np.random.default_rng(seed).random((len(facts.items), facts.templates)) < 0.3).astype(float)
        gains.append(recall.at(table, recall.chosen(facts, table, recall.halves(facts, seed))).mean())
    assert np.mean(gains) == pytest.approx(0.3, abs=0.02)


def test_halves_part_every_relation(facts):
    half = recall.halves(facts, 0)
    for r in range(len(facts.names)):
        assert abs(half[facts.relation == r].mean() - 0.5) < 0.05


def test_the_commonest_object_is_right_for_its_own_facts(facts):
    share = recall.majority(facts)[facts.relation == facts.names.index("language")].mean()
    assert share == pytest.approx(7 / 28)


@pytest.mark.parametrize(
    ("context", "subject", "found"),
    [
        ("A house is [MASK].", "a house", (0, 7)),
        ("The housekeeper has a house of [MASK].", "house", (22, 27)),
        ("One and one make [MASK].", "one", None),
        ("It is [MASK].", "house", None),
        ("St. Ives (Cornwall) is in [MASK].", "St. Ives (Cornwall)", (0, 19)),
    ],
)
def test_a_subject_stands_once_as_a_whole_word(context, subject, found):
    assert recall.place(ClozeItem("", context, "x", (), {"subject": subject})) == found


def test_relations_with_too_few_facts_are_counted():
    items = [i for i in of_set(cloze(), "FACT") if i.labels["relation"] == "colour"]
    some = [i for i in items if int(i.labels["pair"].split(":")[-1]) < 5]
    with pytest.raises(NotApplicable, match="1 relations with fewer than 8 usable facts"):
        recall.gather(FakeEncoder(), some)  # type: ignore[arg-type]


class Says:
    """Log-probabilities and ranks by word."""

    def __init__(self, **words: tuple[float, float]) -> None:
        self.words = words

    def log(self, question: tuple[str, str]) -> float:
        return self.words[question[1]][0]

    def rank(self, question: tuple[str, str]) -> float:
        return self.words[question[1]][1]


def test_a_likelier_object_that_also_fits_does_not_count_against_one(facts):
    item = facts.items[0][0]._replace(target="x", labels={**facts.items[0][0].labels, "expected": ("y",)})
    one = recall.Facts(({0: item},), np.zeros(1, dtype=int), ("r",), facts.unused)
    assert recall.right(one, Says(x=(-2.0, 2.0), y=(-1.0, 1.0))).item() == 1  # type: ignore[arg-type]
    assert recall.right(one, Says(x=(-2.0, 3.0), y=(-1.0, 1.0))).item() == 0  # type: ignore[arg-type]
    assert recall.right(one, Says(x=(-2.0, 2.0), y=(-3.0, 5.0))).item() == 0  # type: ignore[arg-type]
