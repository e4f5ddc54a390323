"""ml-09: vectors say which language they come from."""

import numpy as np
import pytest
from sklearn.metrics import v_measure_score

from bertology.corpus.sentence import Corpus
from bertology.intervene.halves import HalfVocabulary
from bertology.observe import summarise
from bertology.probe.language_identity import FamilyClusters, v_measure
from bertology.stats.tally import in_split
from tests.claims.languages.tongues import concept, given, hearing, offset, parallel
from tests.planted import View, random_encoder, result_of


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return parallel()


def languages_apart(view: View) -> None:
    """Every token has its language's own vector above layer 0."""
    for layer in (1, 2):
        offset(view, layer, 1.0)


def one_language(view: View) -> None:
    """Words are vectors of their concepts, whatever the language."""
    for layer in (0, 1, 2):
        for word in range(len(view.line.pieces)):
            concept(view, layer, word)


def test_languages_written_into_words_hold(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-09", hearing(languages_apart, corpus, static=0.5), given(corpus), tmp_path)
    assert result.verdict == "holds", result.reason
    assert result.values["accuracy, unseen subwords"].value > 0.95
    assert result.values["accuracy, sentences, centred"].value < 0.5
    assert result.baselines["most frequent language"].value == pytest.approx(0.25)


def test_vectors_of_concepts_alone_fail(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-09", hearing(one_language, corpus, static=0.0), given(corpus), tmp_path)
    assert result.verdict == "fails", result.reason
    assert result.values["accuracy, unseen subwords"].value < 0.5


def test_random_weights_do_not_hold_though_they_know_the_language_of_a_sentence(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-09", random_encoder([corpus], layers=2, heads=2), given(corpus), tmp_path)
    assert result.verdict != "holds", result.reason
    assert result.values["accuracy, sentences"].low > 0.6
    assert result.baselines["random twin, sentences"].low > 0.6


def test_no_subword_is_read_on_both_sides(corpus: Corpus) -> None:
    encoder = random_encoder([corpus], layers=1, heads=2)
    read: dict[bool, set[int]] = {True: set(), False: set()}
    for batch in encoder.batches(corpus):
        mask = HalfVocabulary(3).change(batch, encoder).mask
        for row, training in enumerate(in_split(batch.blocks, "train").tolist()):
            assert mask[row][batch.special[row]].all()
            read[training] |= set(batch.ids[row][mask[row] & ~batch.special[row]].tolist())
    assert not read[True] & read[False]
    assert min(map(len, read.values())) > 400


def test_v_measure_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    for k in (1, 2, 4):
        a, b = rng.integers(k, size=30), rng.integers(3, size=30)
        assert v_measure(a, b) == pytest.approx(v_measure_score(b, a), abs=1e-9)


def families(view: View) -> None:
    """Germanic and Uralic languages lie together."""
    other = {"en": 0, "de": 0, "fi": 1, "et": 1}[view.sentence.labels["language"]]
    view.hidden[1] += 3.0 * other
    offset(view, 1, 0.3)


def test_families_that_lie_together_are_found_where_they_do() -> None:
    corpus = parallel(60, languages=("en", "de", "fi", "et"))
    encoder = hearing(families, corpus)
    statistic = FamilyClusters()
    (table,) = summarise(encoder, corpus, *statistic.needs().values())
    found = statistic.finish(statistic.compute(encoder, encoder.encode(corpus), table=table))
    assert found.v[1] == pytest.approx(1.0)
    assert found.random[1] < 0.6
