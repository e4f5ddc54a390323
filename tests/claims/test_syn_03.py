"""syn-03: labels of ancestors."""

import numpy as np

from bertology.corpus.constituents import ancestors
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder.align import Encoded
from bertology.observe.vectors import WordTable
from bertology.probe.ancestors import ancestor_labels
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 1, "heads": 2, "width": 48}


def write_ancestors(view: View, shares: tuple[float, float, float]) -> None:
    """In layer 1 each word shows its ancestors' labels, each with a chance of its own."""
    for word, labels in enumerate(ancestors(view.sentence)):
        for name, label, share in zip("abc", labels, shares, strict=False):
            if view.rng.random() < share:
                view.write(1, word, f"{name} {label}", 3.0)


def the_parent_is_clearest(view: View) -> None:
    write_ancestors(view, (1.0, 0.55, 0.0))


def the_farthest_is_clearest(view: View) -> None:
    write_ancestors(view, (0.0, 0.5, 1.0))


def test_a_clear_parent_and_a_dim_great_grandparent_hold(corpora: Corpora, tmp_path) -> None:
    encoder = Planted(the_parent_is_clearest, corpora, static=0.2, **SIZE)
    result = result_of("syn-03", encoder, corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["skill, parent"].value > 0.9


def test_a_clear_great_grandparent_refutes_the_claim(corpora: Corpora, tmp_path) -> None:
    encoder = Planted(the_farthest_is_clearest, corpora, static=0.2, **SIZE)
    result = result_of("syn-03", encoder, corpora, tmp_path)
    assert result.verdict == "fails"
    assert "half of the gain" in result.reason


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("syn-03", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"


def test_labels_are_of_words_with_three_ancestors_and_of_no_punctuation() -> None:
    s = sentence(
        ["a", "b", "c", "."], "x", layers={"xpos": ("X", "X", "X", ".")},
        spans={"constituent": ((0, 4, "S"), (0, 4, "VP"), (0, 2, "NP"), (0, 1, "QP"))},
    )  # fmt: skip
    table = WordTable(np.zeros((1, 4, 2), np.float16), np.zeros(4, np.int32), np.arange(4, dtype=np.int32))
    labels = ancestor_labels(table, Encoded(Corpus("c", (s,)), ()))
    assert labels.tolist() == [["QP", "NP", "", ""], ["NP", "VP", "", ""], ["VP", "S", "", ""]]
