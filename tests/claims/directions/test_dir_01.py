"""dir-01: pairs in which the words overlap and nothing follows."""

from dataclasses import replace

import numpy as np
import pytest

from bertology.claims.directions import dir_01_heuristics as claimed
from bertology.claims.directions.learners import ENTAILED, NOT
from bertology.corpus.corpora import Corpora
from bertology.corpus.grammar.inference import HEURISTICS, templates
from bertology.corpus.inference import Pair, corpus, halves, overlapping
from bertology.record.errors import NotApplicable
from bertology.train.tasks import inference
from tests.claims.directions.answered import finding, mostly, of_twin, seed_of, verdict


def truth(corpora: Corpora) -> dict[tuple[str, ...], str]:
    found = {(p.premise, p.hypothesis): p.label for p in templates(claimed.EACH)}
    task = inference(corpora.inference)
    return found | {e.texts: e.label for part in (task.train, task.dev, task.test) for e in part}


def chance(asked, texts):
    return mostly(0.5, ENTAILED, NOT, seed_of(asked), texts)


def believer(asked, texts):
    """Takes overlap for entailment; the twin guesses."""
    return chance(asked, texts) if of_twin(asked) else ENTAILED if overlapping(*texts) else NOT


def test_a_model_of_the_heuristic_holds(corpora):
    found = finding("dir-01", believer, corpora)
    assert verdict("dir-01", believer, corpora) == "holds"
    assert found.values["accuracy where heuristics mislead"].value == 0
    assert {f"accuracy, {name} misleads" for name in HEURISTICS} <= set(found.values)
    assert len(found.rows) == 30 and {row.n for row in found.rows} == {claimed.EACH}
    assert "by design" in found.note


def test_a_model_that_understands_fails(corpora):
    known = truth(corpora)
    knows = lambda asked, texts: chance(asked, texts) if of_twin(asked) else known[texts]
    assert verdict("dir-01", knows, corpora) == "fails"


def test_a_model_that_denies_whatever_overlaps_fails(corpora):
    """Reversed on the templates only: wrong for another reason than the heuristic."""
    known, ours = truth(corpora), {(p.premise, p.hypothesis) for p in templates(claimed.EACH)}
    denies = lambda asked, texts: chance(asked, texts) if of_twin(asked) else NOT if texts in ours else known[texts]
    assert verdict("dir-01", denies, corpora) == "fails"


def test_a_twin_that_is_tuned_as_well_breaks_it(corpora):
    assert verdict("dir-01", lambda asked, texts: ENTAILED if overlapping(*texts) else NOT, corpora) != "holds"


@pytest.mark.parametrize("says", [chance, lambda asked, texts: ENTAILED], ids=["guesses", "always entailed"])
def test_a_task_that_was_not_learnt_tells_nothing(corpora, says):
    with pytest.raises(NotApplicable, match="give a larger encoder or more pairs"):
        finding("dir-01", says, corpora)


def test_revised_pairs_and_monotonicity_are_reported_where_the_corpus_has_them(corpora):
    plain = [(s.document, Pair(*halves(s), s.labels["label"], {})) for s in corpora.inference]
    more = [(d, Pair(p.premise, f"{p.hypothesis[:-1]} too.", "neutral", {"revised": "hypothesis"})) for d, p in plain]
    up = [
        (f"m{i}", Pair(f"All {i} came.", f"Some {i} came.", "entailment", {"monotonicity": "upward"}))
        for i in range(30)
    ]
    given = replace(corpora, given={"inference": corpus("mine", [*plain, *more, *up])})
    found = finding("dir-01", believer, given)
    assert found.values["accuracy, revised hypothesis"].value > 0.5
    assert found.values["accuracy, upward monotone, entailed"].n == 4
    assert found.values["accuracy, upward monotone, entailed"].value == 0 and "before revision" in str(
        set(found.values)
    )
    assert "by design" not in found.note


def test_given_pairs_on_heuristics_replace_ours(corpora):
    plain = [(s.document, Pair(*halves(s), s.labels["label"], {})) for s in corpora.inference]
    pairs = [
        ("h", Pair("A saw B.", "B saw A." if k else "A saw B.", "not" if k else "entailment", {"heuristic": "mine"}))
        for k in (0, 1)
    ]
    half = ("x", Pair("A saw B.", "B saw.", "not", {"heuristic": "one-sided"}))
    given = corpus("mine", [*plain, *pairs, half])
    assert [p.hypothesis for p in claimed.challenge(given, 0)] == ["A saw B.", "B saw A."]
    assert len(list(claimed.challenge(corpora.inference, 0))) == 30 * claimed.EACH


def test_hypotheses_alone_are_all_that_the_baseline_reads(corpora):
    asked = []

    def score(one, seed):
        asked.append(one.task)
        return 0.61

    found = finding("dir-01", believer, corpora, score=score)
    assert found.values["accuracy of the hypothesis alone"].value == pytest.approx(0.61)
    texts = {e.texts for task in asked for e in task.train}
    assert {len(t) for t in texts} == {1} and np.array([t[0] for t in texts]).size
