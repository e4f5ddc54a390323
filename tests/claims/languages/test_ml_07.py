"""ml-07: translations are nearest neighbours, in part by the words they share."""

import numpy as np
import pytest

from bertology.corpus.sentence import Corpus
from bertology.intervene.shared_subwords import HideShared, shared_subwords
from bertology.observe import SentenceVectors, summarise
from bertology.probe.retrieval import Retrieval
from bertology.record.errors import NotApplicable
from tests.claims.languages.tongues import concept, given, hearing, parallel
from tests.planted import View, random_encoder, result_of


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return parallel()


def names_help(view: View) -> None:
    """Above layer 0 words are vectors of their concepts, and names are the strongest."""
    for layer in (1, 2):
        for word, tag in enumerate(view.sentence.layers["upos"]):
            concept(view, layer, word, 2.0 if tag == "PROPN" else 0.25)
            view.hidden[layer, list(view.line.pieces[word])] += 0.3 * view.rng.standard_normal(64) / 8


def names_mislead(view: View) -> None:
    """Words are vectors of their concepts, names are noise, so that hiding them helps."""
    for layer in (0, 1, 2):
        for word, tag in enumerate(view.sentence.layers["upos"]):
            if tag == "PROPN":
                view.hidden[layer, list(view.line.pieces[word])] = 4 * view.rng.standard_normal(64) / 8
            else:
                concept(view, layer, word)


def test_translations_near_by_their_names_hold(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-07", hearing(names_help, corpus), given(corpus), tmp_path)
    assert result.verdict == "holds", result.reason
    assert "20%" not in result.note and "11% of subwords are shared" in result.note  # one name of nine subwords
    assert result.baselines["random choice"].value == pytest.approx(1 / 40, abs=0.004)


def test_translations_near_despite_their_names_fail(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-07", hearing(names_mislead, corpus), given(corpus), tmp_path)
    assert result.verdict == "fails", result.reason
    assert result.values["drop when shared subwords are hidden"].high < 0


def test_random_weights_do_not_hold_though_they_retrieve_by_names(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-07", random_encoder([corpus], layers=2, heads=2), given(corpus), tmp_path)
    assert result.verdict != "holds", result.reason
    assert result.values["retrieval"].low > 3 * result.baselines["random choice"].value
    assert result.values["retrieval, shared subwords hidden"].value < result.values["retrieval"].low


def test_a_hidden_subword_is_as_if_it_were_not_there(corpus: Corpus) -> None:
    """The mean over the other tokens does not move when a hidden one is another word."""
    encoder = random_encoder([corpus], layers=2, heads=2)
    some = Corpus("some", corpus.sentences[:10])
    names = {f"name{k}" for k in range(40)}
    assert [
        {line.ids[p] for p in np.flatnonzero(shared)} == {encoder.tokenizer.convert_tokens_to_ids(w) for w in some[line.index].words if w in names}
        for line, shared in zip(encoder.encode(some).lines, shared_subwords(encoder.encode(some)), strict=True)
    ] == [True] * 10  # fmt: skip
    other = Corpus("other", tuple(_renamed(s) for s in some))
    vectors = [
        summarise(encoder, c, SentenceVectors(("mean",)), under=HideShared())[0].pooled("mean") for c in (some, other)
    ]
    intact = [summarise(encoder, c, SentenceVectors(("mean",)))[0].pooled("mean") for c in (some, other)]
    assert np.array_equal(*vectors)
    assert not np.array_equal(*intact)


def test_as_many_others_are_hidden_and_none_of_them_is_shared(corpus: Corpus) -> None:
    encoder = random_encoder([corpus], layers=2, heads=2)
    encoded = encoder.encode(corpus)
    batch = next(encoder.batches(corpus))
    shared = dict(zip((line.index for line in encoded.lines), shared_subwords(encoded), strict=True))
    mask = HideShared(others=True, seed=1).change(batch, encoder).mask
    for row, line in enumerate(batch.lines):
        hidden = ~mask[row, : len(line.ids)].numpy()
        assert hidden.sum() == shared[line.index].sum() == 1
        assert not (hidden & (shared[line.index] | line.special)).any()


def test_too_few_translations_are_not_judged(tmp_path) -> None:
    few = parallel(30)
    with pytest.raises(NotApplicable, match="in common with 'en'"):
        result_of("ml-07", random_encoder([few], layers=2, heads=2), given(few), tmp_path)


def test_a_copy_of_the_translation_counts_as_found(corpus: Corpus) -> None:
    """Every sentence twice: half of the hits would be lost to the copy."""
    twice = Corpus("twice", tuple(_copied(s, k) for s in corpus for k in (0, 1)))
    encoder = hearing(names_help, twice)
    (vectors,) = summarise(encoder, twice, SentenceVectors(("mean",), 20000))
    search = Retrieval()
    found = search.finish(search.compute(encoder, encoder.encode(twice), table=vectors))
    assert found.at_best.rate().min() > 0.9
    assert found.chance.rate() == pytest.approx(np.full(3, 1 / 40), abs=0.005)


def _renamed(s):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    words = tuple("name0" if w.startswith("name") else w for w in s.words)
    if words == s.words:
        words = tuple("name1" if w.startswith("name") else w for w in s.words)
    from bertology.corpus.sentence import sentence

    return replace(sentence(words, s.id), labels=s.labels, document=s.document)


def _copied(s, k):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    meaning = f"{s.labels['translation']} {k}"
    return replace(s, id=f"{s.id} {k}", labels={**s.labels, "translation": meaning})
