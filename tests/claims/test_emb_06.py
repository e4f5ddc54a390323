"""emb-06: senses by the nearest neighbour."""

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of


def writes_the_sense(view: View) -> None:
    """The sense of a target is written on it from layer 1 on."""
    for word, sense in enumerate(view.sentence.layers["sense"]):
        if sense:
            for layer in range(1, len(view.hidden)):
                view.write(layer, word, sense)


def knows_no_senses(view: View) -> None:
    """Word identity and noise."""


def test_senses_written_on_the_words_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("emb-06", Planted(writes_the_sense, corpora, layers=2), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["accuracy of the nearest neighbour, %"].value > 95


def test_words_without_senses_do_not_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("emb-06", Planted(knows_no_senses, corpora, layers=2), corpora, tmp_path)
    assert result.verdict != "holds"
    assert abs(result.values["mean silhouette of senses"].value) < 0.05


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("emb-06", random_encoder(corpora, layers=2), corpora, tmp_path).verdict != "holds"
