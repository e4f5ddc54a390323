"""Triples true and corrupted: what is drawn, what an area is, and what a bilinear model can learn."""

import numpy as np
import pytest

from bertology.behave import facts as recall
from bertology.behave import triples
from bertology.corpus.cloze import of_set
from bertology.corpus.facts import Fact, filled_templates
from bertology.corpus.worlds import cloze
from tests.claims.filled import FakeEncoder


@pytest.fixture(scope="module")
def embedded() -> triples.Triples:
    facts = recall.gather(FakeEncoder(), of_set(cloze(), "FACT"), one_subword=False)  # type: ignore[arg-type]
    return triples.corrupted(facts, ("home", "abroad"), most=10, wrong=3, seed=0)


def test_false_tails_differ_and_never_fit_the_subject(embedded):
    true = {}
    for one in of_set(cloze(), "FACT"):
        true.setdefault((one.labels["relation"], one.labels["subject"]), set()).add(one.target)
    for subject, r, tails in zip(embedded.facts.subjects, embedded.facts.relation, embedded.tails, strict=True):
        assert len(set(tails)) == 4 and tails[0] in true[embedded.facts.names[r], subject]
        assert not set(tails[1:]) & true[embedded.facts.names[r], subject]


def test_the_area_is_the_share_of_false_tails_below_the_true_one():
    scores = np.array([[3.0, 1, 2, 0], [1, 1, 2, 0], [0, 1, 2, 3], [np.nan, 1, 2, 3]])
    assert triples.area(scores)[:3].tolist() == [1, 0.5, 0] and np.isnan(triples.area(scores)[3])


def synthetic(shift: int) -> tuple[triples.Triples, dict[str, np.ndarray]]:
    """Tails are a rotation of heads; in the second source another one, `shift` places on."""
    rng = np.random.default_rng(0)
    points = {f"w{k}": rng.standard_normal(12) for k in range(8)}
    vectors, facts = dict(points), []
    for source, turn in (("a", 0), ("b", shift)):
        for n in range(64):
            name = f"{source}{n}"
            vectors[name] = np.roll(points[f"w{n % 8}"], 3 + turn) + 0.2 * rng.standard_normal(12)
            facts.append(Fact(name, f"w{n % 8}", source))
    items = filled_templates("r", ["[X] is [Y]."], facts)
    found = recall.gather(FakeEncoder(), items)  # type: ignore[arg-type]
    return triples.corrupted(found, ("a", "b"), most=64, wrong=3, seed=0), vectors


def test_a_bilinear_model_learns_a_map_and_takes_it_to_a_source_where_it_holds():
    inside, outside = triples.bilinear(*synthetic(0))
    assert inside.mean() > 0.9 and outside.mean() > 0.9
    inside, outside = triples.bilinear(*synthetic(5))
    assert inside.mean() > 0.9 and outside.mean() < 0.7


def test_nothing_is_learnt_from_noise_not_even_that_a_tail_was_false():
    drawn, vectors = synthetic(0)
    rng = np.random.default_rng(1)
    inside, _ = triples.bilinear(drawn, {name: rng.standard_normal(12) for name in vectors})
    assert abs(inside.mean() - 0.5) < 0.08


def test_tails_in_a_lesson_are_as_often_false_as_true():
    relation, true = np.zeros(9, dtype=int), np.arange(9)
    fact, word, truth = triples._lesson(np.arange(9), relation, true, 3)
    assert len(fact) == 36
    assert all((truth[word == w] > 0).sum() == 1 and (truth[word == w] < 0).sum() == 3 for w in range(9))


def test_the_weight_is_chosen_elsewhere(embedded):
    rng = np.random.default_rng(0)
    log, alone = rng.standard_normal((2, *embedded.tails.shape))
    log[:, 0] += 2
    inside, outside = triples.weighted_information(log, alone, embedded)
    assert inside.mean() > 0.8 and outside.mean() > 0.8


def test_a_tail_that_two_facts_share_is_not_false_of_either():
    fact, word, truth = triples._lesson(np.arange(4), np.zeros(4, dtype=int), np.array([0, 0, 1, 1]), 2)
    true = [0, 0, 1, 1]
    assert all(true[f] != w for f, w, t in zip(fact, word, truth, strict=True) if t < 0)
