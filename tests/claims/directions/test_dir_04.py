"""dir-04: fragments of reasoning, untaught and taught."""

from collections import Counter

import pytest

from bertology.claims.directions import dir_04_reasoning as claimed
from bertology.claims.directions.answers import Answers
from bertology.claims.directions.learners import ENTAILED, NOT
from bertology.corpus.grammar.reasoning import FRAGMENTS, reasoning
from bertology.record.errors import NotApplicable
from bertology.train.artefacts import TunedModel
from bertology.train.tasks import inference
from tests.claims.directions.answered import finding, mostly, of_twin, seed_of, verdict

WRONG = {ENTAILED: NOT, NOT: ENTAILED}


def world(corpora, curve=(0.5, 0.6, 0.75, 0.95), *, twin: float = 0.6, first: float = 0.9):
    """Right on reasoning in so many cases after each amount of teaching."""
    task = inference(corpora.inference)
    known = {e.texts: e.label for part in (task.train, task.dev, task.test) for e in part}
    asked = {(p.premise, p.hypothesis): p.label for p in reasoning(claimed.EACH, half=1)}
    share = dict(zip((0, *claimed.TAUGHT), curve, strict=True))

    def says(one, texts):
        taught = 0 if isinstance(one, Answers) else len(one.task.train)
        if texts in asked:
            p = twin if of_twin(one) else share[taught]
            return mostly(p, asked[texts], WRONG[asked[texts]], taught, seed_of(one), texts)
        return mostly(first - 0.1 * (taught > 0), known[texts], WRONG[known[texts]], taught, seed_of(one), texts)

    return says


def test_low_without_and_high_with_teaching_holds(corpora):
    found = finding("dir-04", world(corpora), corpora)
    assert verdict("dir-04", world(corpora), corpora) == "holds"
    assert found.values["change of the score on the first task"].value == pytest.approx(-0.1, abs=0.03)
    assert {f"accuracy taught, {name}" for name in FRAGMENTS} <= set(found.values)
    assert {row.label for row in found.rows} == {f"{n} pairs taught" for n in (0, *claimed.TAUGHT)}


@pytest.mark.parametrize(
    "curve",
    [(0.9, 0.9, 0.9, 0.95), (0.5, 0.5, 0.5, 0.5), (0.95, 0.8, 0.7, 0.5)],
    ids=["known untaught", "not taught", "reversed"],
)
def test_both_ends_of_the_curve_must_be_as_predicted(corpora, curve):
    assert verdict("dir-04", world(corpora, curve), corpora) == "fails"


def test_a_twin_that_learns_as_well_breaks_it(corpora):
    assert verdict("dir-04", world(corpora, twin=0.95), corpora) != "holds"


def test_a_first_task_that_was_not_learnt_tells_nothing(corpora):
    with pytest.raises(NotApplicable, match="was not learnt"):
        finding("dir-04", world(corpora, first=0.5), corpora)


def test_teaching_goes_on_from_the_tuned_models_with_growing_parts_of_one_lesson(corpora):
    seen = {}
    inner = world(corpora)

    def says(one, texts):
        seen[id(one)] = one
        return inner(one, texts)

    finding("dir-04", says, corpora)
    taught = [one for one in seen.values() if not isinstance(one, Answers) and not of_twin(one)]
    assert all(isinstance(one.start, TunedModel) and one.start.task.labels == one.task.labels for one in taught)
    by_size = Counter(len(one.task.train) for one in taught)
    assert set(by_size) == set(claimed.TAUGHT) and len(set(by_size.values())) == 1
    names = lambda examples: {
        w for e in examples for t in e.texts for w in t.replace(".", "").replace(",", "").split() if w[0].isupper()
    }
    common = {"All", "Everyone", "Nobody", "If", "The"}
    assert not (names(taught[0].task.train) & names(taught[0].task.test)) - common


def test_no_hypothesis_tells_its_label():
    """Of each fragment and form, affirmed or denied, half are entailed."""
    pairs = reasoning(200, half=0, seed=3)
    for name in FRAGMENTS:
        for denied in (False, True):
            own = Counter(
                p.label for p in pairs if p.labels["fragment"] == name and (" not " in p.hypothesis) == denied
            )
            assert own[ENTAILED] == own[NOT] == 50, (name, denied)
