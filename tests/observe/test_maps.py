"""Word-level maps on disk: what is kept, and that batches do not matter."""

import numpy as np
import pytest

from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, sentence
from bertology.observe import summarise
from bertology.observe.maps import AttentionMaps, ParsedMaps, governor_hits, kept_words
from tests.planted import random_encoder, small


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    return small(scale=0.02)


def test_maps_are_those_of_the_sentence_alone_whatever_the_batch(corpora: Corpora) -> None:
    encoder, treebank = random_encoder(corpora, layers=2, heads=2, width=16), corpora.treebank
    (table,) = summarise(encoder, treebank, AttentionMaps())
    assert len(table.sentence) > 40
    for place in (0, len(table.sentence) // 2, len(table.sentence) - 1):
        alone = Corpus("alone", (treebank[int(table.sentence[place])],))
        (own,) = summarise(encoder, alone, AttentionMaps())
        at, n = int(table.start[place]), int(table.length[place])
        np.testing.assert_allclose(own.flat, table.flat[:, at : at + n * n], atol=2e-3)


def test_the_limit_of_pairs_is_kept_and_punctuation_is_not(corpora: Corpora) -> None:
    encoder, treebank = random_encoder(corpora, layers=2, heads=2, width=16), corpora.treebank
    (table,) = summarise(encoder, treebank, AttentionMaps(pairs=1000))
    assert 700 < table.flat.shape[1] == int((table.length**2).sum()) <= 1000
    for s in table.on("all", treebank):
        assert "punct" not in s.relations
        assert (s.heads == -1).sum() == 1


def test_a_sentence_whose_punctuation_governs_is_left_out() -> None:
    layers = {"head": (1, -1, 1), "deprel": ("nsubj", "root", "punct")}
    assert kept_words(sentence(["Dogs", "bark", "!"], "a", layers=layers)) == [0, 1]
    layers = {"head": (2, -1, 1), "deprel": ("nsubj", "root", "punct")}
    assert kept_words(sentence(["Dogs", "bark", "!"], "a", layers=layers)) is None


def test_hits_by_hand() -> None:
    maps = np.array([[[0.9, 0.8, 0.1], [0.2, 0.9, 0.3], [0.5, 0.1, 0.0]]], dtype=np.float32)
    s = ParsedMaps(0, maps, np.array([1, -1, 1]), ("det", "root", "obj"))
    hits = governor_hits(s)[:, 0]
    assert hits[0].tolist() == [True, False]  # word 0 attends most to word 1; word 2 attends most to word 0
    assert hits[2].tolist() == [False, True]  # word 2 attends most to word 0; word 1 attends most to word 2
