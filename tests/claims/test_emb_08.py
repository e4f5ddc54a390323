"""emb-08: poolings."""

import numpy as np
import pytest

from bertology.claims.localization.emb_08_pooling import largest_losses
from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, code, random_encoder, result_of


@pytest.fixture(scope="module")
def two_tasks(corpora: Corpora) -> Corpora:
    """Sentences of equal description but for tense and topic."""
    treebank = corpora.treebank

    def described(s):
        parts = {k: getattr(s, k) for k in s.__slots__}
        return type(s)(**(parts | {"labels": {"tense": s.labels["tense"], "topic": f"t{len(s.id + s.text) % 4}"}}))

    return Corpora.load({"treebank": treebank.map(described, name="two tasks")})


def _tell(view: View, tense: float, spike: float, cls: float) -> None:
    labels, width = view.sentence.labels, view.hidden.shape[-1]
    for word in range(len(view.sentence)):
        for layer in range(1, len(view.hidden)):
            view.write(layer, word, labels["tense"], tense)
    token = view.token(int(view.rng.integers(len(view.sentence))))
    view.hidden[-1, token, int(labels["topic"][1])] += spike
    view.hidden[1:, 0] += cls * (code(labels["tense"], width) + code(labels["topic"], width))


def spread_and_spiked(view: View) -> None:
    """Tense lies faintly on every word, the topic in a spike on one word of the last layer: mean and maximum each win
    once."""
    _tell(view, 0.06, 0.7, 0.0)


def told_to_cls(view: View) -> None:
    """[CLS] is told everything and no word is."""
    _tell(view, 0.0, 0.0, 0.4)


def test_tasks_that_prefer_different_poolings_hold(two_tasks: Corpora, tmp_path) -> None:
    result = result_of("emb-08", Planted(spread_and_spiked, two_tasks, layers=2), two_tasks, tmp_path)
    assert result.verdict == "holds"


def test_a_cls_that_knows_more_than_the_mean_fails(two_tasks: Corpora, tmp_path) -> None:
    result = result_of("emb-08", Planted(told_to_cls, two_tasks, layers=2), two_tasks, tmp_path)
    assert result.verdict == "fails"
    assert result.values["mean − [CLS]"].high < -0.01


def test_random_weights_do_not_hold(two_tasks: Corpora, tmp_path) -> None:
    assert result_of("emb-08", random_encoder(two_tasks, layers=2), two_tasks, tmp_path).verdict != "holds"


def test_a_pooling_that_wins_everywhere_has_no_loss() -> None:
    rates = np.array([[0.9, 0.5, 0.6], [0.8, 0.7, 0.4]])
    losses = largest_losses(rates)
    assert [rates[t, q] - rates[t, k] for k, (t, q) in enumerate(losses)] == pytest.approx([-0.1, 0.4, 0.4])
