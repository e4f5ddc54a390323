"""emb-02: static vectors from many contexts."""

from collections import Counter

import numpy as np
import pytest

from bertology.corpus.corpora import Corpora
from bertology.corpus.word_pairs import WordPair
from tests.planted import Planted, View, random_encoder, result_of

CLASSES = 5


@pytest.fixture(scope="module")
def graded(corpora: Corpora) -> Corpora:
    """Pairs of 80 frequent words, similar where their classes are near on a line; a word's class is drawn."""
    counts = Counter(w.lower() for s in corpora.text for w in s.words if w.isalpha())
    words = [w for w, _ in counts.most_common(80)]
    rng = np.random.default_rng(0)
    ends = [rng.choice(80, 2, replace=False) for _ in range(300)]
    pairs = tuple(WordPair(words[a], words[b], CLASSES - abs(_class(words[a]) - _class(words[b]))) for a, b in ends)
    return Corpora.load({"text": corpora.text, "word_pairs": pairs})


def _class(word: str) -> int:
    return sum(map(ord, word)) % CLASSES


def _place(view: View, layers: range, noise: float) -> None:
    for word, form in enumerate(view.sentence.words):
        for layer in layers:
            view.write(layer, word, "low", 2 * np.cos(_class(form.lower()) / CLASSES * np.pi / 2))
            view.write(layer, word, "high", 2 * np.sin(_class(form.lower()) / CLASSES * np.pi / 2))
    for layer in layers:
        view.hidden[layer] += noise * view.rng.standard_normal(view.hidden[layer].shape)


def noisy_in_each_context(view: View) -> None:
    """Similarity from layer 1 on, under noise that many contexts average out."""
    _place(view, range(1, len(view.hidden)), 0.3)


def known_to_the_embeddings(view: View) -> None:
    """Similarity at layer 0 alone."""
    _place(view, range(1), 0.0)


def test_similarity_under_noise_of_contexts_holds(graded: Corpora, tmp_path) -> None:
    result = result_of("emb-02", Planted(noisy_in_each_context, graded, layers=2), graded, tmp_path)
    assert result.verdict == "holds"


def test_similarity_in_the_embeddings_alone_fails(graded: Corpora, tmp_path) -> None:
    assert result_of("emb-02", Planted(known_to_the_embeddings, graded, layers=2), graded, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(graded: Corpora, tmp_path) -> None:
    assert result_of("emb-02", random_encoder(graded, layers=2), graded, tmp_path).verdict != "holds"
