"""ml-04: vectors align words across languages."""

from itertools import combinations

import numpy as np
import pytest

from bertology.corpus.sentence import Corpus, sentence
from bertology.corpus.silver_links import silver_links
from bertology.probe.word_alignment import edge_cover, mutual_argmax
from bertology.record.errors import NotApplicable
from tests.claims.languages.tongues import concept, given, hearing, parallel
from tests.planted import View, random_encoder, result_of

CLOSED = ("DET", "ADP")


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return parallel(120)


def _blurred(view: View, open_noise: float, closed_noise: float) -> None:
    for word, tag in enumerate(view.sentence.layers["upos"]):
        concept(view, 1, word)
        noise = closed_noise if tag in CLOSED else open_noise
        view.hidden[1, list(view.line.pieces[word])] += noise * view.rng.standard_normal(64) / 8


def open_words_blurred(view: View) -> None:
    """Words are vectors of their concepts in layer 1; those of open classes with noise."""
    _blurred(view, 4.0, 0.2)


def closed_words_blurred(view: View) -> None:
    _blurred(view, 0.2, 4.0)


def test_words_that_share_vectors_hold(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-04", hearing(open_words_blurred, corpus), given(corpus), tmp_path)
    assert result.verdict == "holds", result.reason
    assert result.values["F1, closed words"].value > 0.9
    assert result.baselines["position diagonal"].value < 0.4
    assert "encoder mutual argmax, layer 1" in result.note or "encoder edge cover, layer 1" in result.note


def test_closed_words_that_are_blurred_fail(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-04", hearing(closed_words_blurred, corpus), given(corpus), tmp_path)
    assert result.verdict == "fails", result.reason


def test_random_weights_do_not_hold(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-04", random_encoder([corpus], layers=2, heads=2), given(corpus), tmp_path)
    assert result.verdict != "holds", result.reason


def test_without_links_between_trees_nothing_is_judged(corpus: Corpus, tmp_path) -> None:
    few = Corpus("few", corpus.sentences[:40])
    with pytest.raises(NotApplicable, match="fewer than 100 words"):
        result_of("ml-04", random_encoder([few], layers=2, heads=2), given(few), tmp_path)


def tree(words: str, tags: str, heads: list[int], relations: str):  # type: ignore[no-untyped-def]
    layers = {"upos": tuple(tags.split()), "head": tuple(heads), "deprel": tuple(relations.split())}
    return sentence(words.split(), words, layers=layers)


ENGLISH = tree("The dog gave Anna an old bone .", "DET NOUN VERB PROPN DET ADJ NOUN PUNCT", [1, 2, -1, 2, 6, 6, 2, 2],
               "det nsubj root iobj det amod obj punct")  # fmt: skip
GERMAN = tree("Einen alten Knochen gab der Hund Anna .", "DET ADJ NOUN VERB DET NOUN PROPN PUNCT", [2, 2, 3, -1, 5, 3, 3, 3],
              "det amod obj root det nsubj iobj punct")  # fmt: skip


def test_trees_pair_words_under_paired_governors() -> None:
    pairs = [(ENGLISH.words[a], GERMAN.words[b]) for a, b in silver_links(ENGLISH, GERMAN)]
    assert pairs == [
        ("The", "der"),
        ("dog", "Hund"),
        ("gave", "gab"),
        ("an", "Einen"),
        ("old", "alten"),
        ("bone", "Knochen"),
    ]


def test_trees_pair_nothing_that_is_not_unique_or_whose_roots_differ() -> None:
    two = tree("Big old dogs sleep", "ADJ ADJ NOUN VERB", [2, 2, 3, -1], "amod amod nsubj root")
    one = tree("Alte Hunde schlafen", "ADJ NOUN VERB", [1, 2, -1], "amod nsubj root")
    assert silver_links(two, one) == [(2, 1), (3, 2)]
    noun = tree("Schlaf", "NOUN", [-1], "root")
    assert silver_links(two, noun) == []
    assert silver_links(two, sentence(["Schlaf"], "bare")) == []


def test_an_edge_cover_is_the_cheapest_of_all() -> None:
    rng = np.random.default_rng(0)
    for rows, columns in ((2, 3), (3, 3), (1, 3), (3, 2)):
        similarity = rng.uniform(-1, 1, (rows, columns))
        places = list(np.ndindex(rows, columns))
        cheapest = min(
            sum(1 - similarity[p] for p in chosen)
            for n in range(1, len(places) + 1) for chosen in combinations(places, n)
            if {i for i, _ in chosen} == set(range(rows)) and {j for _, j in chosen} == set(range(columns))
        )  # fmt: skip
        cover = edge_cover(similarity)
        assert cover.any(0).all() and cover.any(1).all()
        assert (1 - similarity)[cover].sum() == pytest.approx(cheapest)


def test_mutual_nearest_words_are_linked() -> None:
    similarity = np.array([[0.9, 0.8], [0.95, 0.1], [0.0, 0.85]])
    assert [tuple(p) for p in np.argwhere(mutual_argmax(similarity))] == [(1, 0), (2, 1)]
