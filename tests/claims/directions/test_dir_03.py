"""dir-03: suites of simple tests, answered by models that score well."""

from dataclasses import replace

import pytest

from bertology.claims.directions.learners import ENTAILED, NOT
from bertology.corpus.corpora import Corpora
from bertology.corpus.suites import Case, cases, corpus
from bertology.record.errors import NotApplicable
from bertology.train.tasks import inference
from tests.claims.directions.answered import finding, mostly, of_twin, seed_of, verdict

WORST = "MFT: what is denied is not entailed"


def world(corpora: Corpora, failing: str = WORST, *, share: float = 0.97, twin: float = 0.6):
    """Right on the task in `share` of cases, right on all suites but one."""
    task = inference(corpora.inference)
    known = {e.texts: e.label for part in (task.train, task.dev, task.test) for e in part}
    every = list(cases(corpora.suites))
    wrong = {NOT: ENTAILED, ENTAILED: NOT}
    fails = {c.texts for c in every if c.suite == failing}
    of_suites = {c.texts: c.label for c in every if c.kind == "MFT"}

    def says(asked, texts):
        if texts in known:
            return mostly(twin if of_twin(asked) else share, known[texts], wrong[known[texts]], seed_of(asked), texts)
        if texts in of_suites:
            return wrong[of_suites[texts]] if texts in fails else of_suites[texts]
        return 0.5

    return says


def test_one_suite_that_fails_is_enough(corpora):
    found = finding("dir-03", world(corpora), corpora)
    assert verdict("dir-03", world(corpora), corpora) == "holds"
    assert WORST in found.note and found.values["failure rate of the worst suite"].value == 1
    assert found.values["failure rate, INV: did not, didn't"].value == 0
    assert {row.measure for row in found.rows} == {
        "failure rate", "failure rate, random twin", "sensitivity", "sensitivity, random twin",
    }  # fmt: skip


def test_a_model_without_faults_fails_the_claim(corpora):
    assert verdict("dir-03", world(corpora, failing="none"), corpora) == "fails"


def test_a_twin_that_scores_as_well_breaks_it(corpora):
    assert verdict("dir-03", world(corpora, twin=0.97), corpora) != "holds"


@pytest.mark.parametrize(("share", "reason"), [(0.5, "was not learnt"), (0.8, "about models that score well")])
def test_models_that_do_not_score_well_tell_nothing(corpora, share, reason):
    with pytest.raises(NotApplicable, match=reason):
        finding("dir-03", world(corpora, share=share), corpora)


def test_the_worst_suite_is_estimated_on_cases_it_was_not_chosen_on(corpora):
    """A suite that fails only where it is chosen shows no failure."""
    chosen = [c for c in cases(corpora.suites) if c.suite == WORST][::2]
    base = world(corpora, failing="none")
    says = lambda asked, texts: ENTAILED if texts in {c.texts for c in chosen} else base(asked, texts)
    found = finding("dir-03", says, corpora)
    assert WORST in found.note and found.values["failure rate of the worst suite"].value == 0


def test_invariance_and_direction_fail_as_they_should(corpora):
    moves = {"A came.": 0.9, "A soon came.": 0.4, "B came.": 0.5, "B soon came.": 0.45}
    given = [
        *(Case("inv", "INV", (f"{k}.", "A came."), (f"{k}.", "A soon came.")) for k in range(20)),
        *(Case("down", "DIR", (f"{k}.", "A came."), (f"{k}.", "A soon came."), ENTAILED, "down") for k in range(20)),
        *(Case("up", "DIR", (f"{k}.", "A came."), (f"{k}.", "A soon came."), ENTAILED, "up") for k in range(20)),
        *(Case("a little", "DIR", (f"{k}.", "B came."), (f"{k}.", "B soon came."), ENTAILED, "up") for k in range(20)),
        *(Case("few", "MFT", (f"{k}.", "B came."), (), NOT) for k in range(5)),
        *(Case("one text", "MFT", (f"{k}.",), (), NOT) for k in range(25)),
    ]
    mine = replace(corpora, given={"suites": corpus("mine", given)})
    base = world(corpora, failing="none")
    found = finding("dir-03", lambda a, texts: moves[texts[1]] if texts[1] in moves else base(a, texts), mine)
    rates = {name: e.value for name, e in found.values.items() if name.startswith("failure rate, ")}
    assert rates == {
        "failure rate, inv": 1, "failure rate, down": 0, "failure rate, up": 1, "failure rate, a little": 0,
    }  # fmt: skip
    sensitivity = {r.label: r.value for r in found.rows if r.measure == "sensitivity"}
    assert sensitivity["down"] == pytest.approx(-0.5) and sensitivity["inv"] == pytest.approx(0.5)
    assert "80 of 110 cases" in found.note


def test_suites_of_another_task_are_refused(corpora):
    mine = replace(
        corpora, given={"suites": corpus("mine", [Case("s", "MFT", (f"{k}.",), (), "good") for k in range(30)])}
    )
    with pytest.raises(NotApplicable, match="no suite of mine"):
        finding("dir-03", world(corpora), mine)
