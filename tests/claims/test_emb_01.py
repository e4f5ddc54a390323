"""emb-01: what a bystander knows of its sentence."""

import pytest

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of


@pytest.fixture(scope="module")
def few(corpora: Corpora) -> Corpora:
    """600 sentences, described by length, depth and tense alone."""
    treebank = corpora.treebank
    sentences = [
        type(s)(**{**{k: getattr(s, k) for k in s.__slots__}, "labels": {"tense": s.labels["tense"]}})
        for s in treebank[:600]
    ]
    return Corpora.load({"treebank": type(treebank)("few", tuple(sentences))})


def _tell(view: View, layers: range) -> None:
    for layer in layers:
        for word in range(len(view.sentence)):
            view.write(layer, word, view.sentence.labels["tense"])
            view.write(layer, word, f"length {len(view.sentence) // 4}")


def all_words_know(view: View) -> None:
    """Tense and length are written on every word from layer 1 on."""
    _tell(view, range(1, len(view.hidden)))


def only_embeddings_know(view: View) -> None:
    """The same at layer 0 alone."""
    _tell(view, range(1))


def test_a_sentence_written_on_every_word_holds(few: Corpora, tmp_path) -> None:
    result = result_of("emb-01", Planted(all_words_know, few, layers=2, width=32), few, tmp_path)
    assert result.verdict == "holds"


def test_knowledge_lost_after_the_embeddings_fails(few: Corpora, tmp_path) -> None:
    assert result_of("emb-01", Planted(only_embeddings_know, few, layers=2, width=32), few, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(few: Corpora, tmp_path) -> None:
    assert result_of("emb-01", random_encoder(few, layers=2, width=32), few, tmp_path).verdict != "holds"
