"""emb-05: a cone that narrows with depth."""

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, code, random_encoder, result_of


def narrows(view: View) -> None:
    """A direction common to all words grows from layer to layer."""
    for layer in range(len(view.hidden)):
        view.hidden[layer] += 0.5 * layer * code("common", view.hidden.shape[-1])


def widens(view: View) -> None:
    """It shrinks instead."""
    for layer in range(len(view.hidden)):
        view.hidden[layer] += 0.5 * (len(view.hidden) - layer) * code("common", view.hidden.shape[-1])


def test_a_common_direction_that_grows_holds_and_goes_with_the_mean(corpora: Corpora, tmp_path) -> None:
    result = result_of("emb-05", Planted(narrows, corpora), corpora, tmp_path)
    assert result.verdict == "holds"
    assert abs(result.values["slope without mean and components"].value) < 0.1


def test_a_common_direction_that_shrinks_fails(corpora: Corpora, tmp_path) -> None:
    assert result_of("emb-05", Planted(widens, corpora), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("emb-05", random_encoder(corpora), corpora, tmp_path).verdict != "holds"
