"""syn-02: parts of speech, chunks and relations in token vectors."""

from bertology.corpus.corpora import Corpora
from bertology.probe.tasks import TASKS
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 2, "heads": 2, "width": 32}


def tags_in_layer_1(view: View) -> None:
    """Layer 1 writes the labels of all three tasks onto each word."""
    for task in ("part of speech", "chunk", "relation"):
        for word, label in enumerate(TASKS[task].labels(view.sentence)):
            view.write(1, word, f"{task} {label}", 4.0)


def test_planted_labels_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("syn-02", Planted(tags_in_layer_1, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "holds"
    assert "part of speech 1, chunk 1, relation 1" in result.note


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("syn-02", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"
