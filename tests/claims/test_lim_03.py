"""lim-03: five methods rank the paradigms of polarity items."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import kendalltau
from sklearn.metrics import matthews_corrcoef

from bertology.behave.choice import REST
from bertology.claims.knowledge.lim_03_five_methods import has_licensor, mcc, tau
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import sentence
from bertology.observe.vectors import SentenceTable
from bertology.record.errors import NotApplicable
from tests.claims.chosen import result
from tests.planted import random_encoder, result_of


@pytest.fixture(scope="module")
def pairs() -> Corpora:
    return Corpora.load({"pairs": Corpora.load(scale=0.6).pairs})


@pytest.fixture(scope="module")
def encoder(pairs: Corpora):
    return random_encoder([pairs.pairs], layers=1, heads=2, width=16, mlm=True)


def random_vectors(ask) -> Sequence[SentenceTable]:
    vectors = np.random.default_rng(0).standard_normal((1, 2, len(ask.over), 16)).astype(np.float16)
    return (SentenceTable(vectors, np.arange(len(ask.over), dtype=np.int32), ("mean",)),)


def ranked(s, number: int, backwards: bool) -> float:
    """Right in a share of the pairs that grows, or falls, with the place of the paradigm in the alphabet."""
    order = sorted(PARADIGMS)
    share = (order.index(s.labels["phenomenon"]) + 0.5) / len(order)
    share = 1 - share if backwards else share
    return 1.0 if np.random.default_rng([number, 7]).random() < share else -1.0


PARADIGMS = (
    "npi_under_negation", "npi_under_only", "npi_in_question", "npi_scope", "no_as_licensor", "npi_presence_ever",
    "npi_presence_plural", "npi_presence_any", "npi_scope_only", "npi_scope_no",
)  # fmt: skip


def test_opposite_rankings_of_a_model_that_knows_something_hold(pairs, encoder) -> None:
    def margin(s, hide, i):
        return -1.5 if hide == REST else ranked(s, i, backwards=hide == "sentence")

    found = result("lim-03", margin, encoder, pairs, others=random_vectors)
    assert found.verdict == "holds", found.reason
    assert "likelihood of pairs against masked choice" in found.note
    assert found.values["lowest correlation of two methods"].value < -0.5


def test_opposite_rankings_without_a_pull_of_the_context_fail(pairs, encoder) -> None:
    margin = lambda s, hide, i: ranked(s, i, backwards=hide == "sentence")
    found = result("lim-03", margin, encoder, pairs, others=random_vectors)
    assert found.verdict == "fails" and "pull" in found.reason


def test_noise_that_parts_two_methods_does_not_hold(pairs, encoder) -> None:
    def margin(s, hide, i):
        return -1.5 if hide == REST else float(np.random.default_rng([i, hide == "sentence"]).standard_normal())

    assert result("lim-03", margin, encoder, pairs, others=random_vectors).verdict != "holds"


def test_random_weights_do_not_hold(pairs, encoder, tmp_path) -> None:
    assert result_of("lim-03", encoder, pairs, tmp_path).verdict != "holds"


def test_few_paradigms_are_not_applicable(pairs, encoder) -> None:
    few = pairs.pairs.where(lambda s: s.labels["phenomenon"] in PARADIGMS[:2], why="others")
    with pytest.raises(NotApplicable, match="2 paradigms"):
        result("lim-03", lambda s, hide, i: 1.0, encoder, Corpora.load({"pairs": few}))


def test_tau_and_mcc_equal_those_of_scipy_and_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, (2, 20, 9)).astype(float)
    assert np.allclose(tau(a, b), [kendalltau(x, y).statistic for x, y in zip(a, b, strict=True)])
    said, true = rng.random((2, 200)) < 0.4
    shares = np.array([(said & true).mean(), (said & ~true).mean(), (~said & true).mean(), (~said & ~true).mean()])
    assert np.isclose(mcc(shares), matthews_corrcoef(true, said))
    assert mcc(np.array([0.5, 0.5, 0.0, 0.0])) == 0


@pytest.mark.parametrize(("text", "expected"), [("Anna has n't slept .", True), ("Only Anna slept .", True), ("Has Anna slept ?", True),
                                                ("Anna hasn't slept .", True), ("Anna has slept .", False)])  # fmt: skip
def test_a_licensor_is_seen_wherever_it_stands(text, expected) -> None:
    assert has_licensor(sentence(text.split(), "s")) is expected
