"""Fake-English: the same text under other ids."""

import numpy as np
import pytest

from bertology.corpus.corpora import Corpora
from bertology.encoder import wrap
from bertology.record.errors import BadRequest
from bertology.train.architecture import Architecture
from bertology.train.artefacts import write_text
from bertology.train.draft import IGNORED, Source, Symbols
from bertology.train.fake_english import STRETCH, BilingualMLM, Reading, doubled, fake_reader, shifted
from bertology.train.stream import open_stream
from bertology.train.tokenizer import read_tokenizer, train_tokenizer


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    corpus, file = Corpora.load(scale=0.1).raw, tmp_path_factory.mktemp("raw") / "raw.txt"
    write_text(corpus, "train", file)
    return corpus, file


@pytest.fixture(scope="module")
def tokenizer(text, tmp_path_factory):
    made, place = train_tokenizer([text[1]], size=400), tmp_path_factory.mktemp("both")
    doubled(made).save_pretrained(place)
    return read_tokenizer(place)


def test_the_fake_of_a_text_is_the_text_with_v_added_to_its_ordinary_ids(text, tokenizer):
    texts = [s.text for s in text[0]][:50]
    size = len(tokenizer) // 2
    for real, fake in zip(tokenizer(texts)["input_ids"], Reading(tokenizer)(texts)["input_ids"], strict=True):
        special = np.isin(real, tokenizer.all_special_ids)
        assert special.sum() == 2 and (np.array(real) < size).all()
        assert (np.array(fake) - real == np.where(special, 0, size)).all()


def test_a_share_of_the_subwords_may_stay():
    special = frozenset((0, 1, 2))
    table = shifted(203, special, 0.5, 1)
    assert (table[:203] == np.arange(203)).sum() == 3 + 100
    assert (table[203:] == np.arange(203, 406)).all()
    assert (shifted(203, special, 0.5, 1) != shifted(203, special, 0.5, 2)).any()
    assert (shifted(203, special, 1.0) == np.arange(406)).all()
    with pytest.raises(BadRequest, match=r"a share of 1\.5 common subwords"):
        shifted(203, special, 1.5)


def test_an_encoder_is_deaf_to_what_the_fake_shares_with_english(text, tokenizer):
    """Words keep their places; the two readings are two encoders to whoever keeps answers by fingerprint."""
    small = Architecture(layers=1, heads=2, width=16, feed_forward=16, positions=96, segments=2)
    encoder = wrap(small.build(tokenizer, 0), tokenizer, has_mlm=True)
    fake = fake_reader(encoder)
    assert fake.fingerprint != encoder.fingerprint
    for real, other in zip(encoder.encode(text[0]).lines, fake.encode(text[0]).lines, strict=True):
        assert real.pieces == other.pieces and (real.special == other.special).all()
        assert not set(real.ids[~real.special].tolist()) & set(other.ids.tolist())


@pytest.mark.parametrize("shared", [0.0, 0.5])
def test_languages_take_turns_and_no_example_mixes_them(text, tokenizer, shared, tmp_path):
    stream, size = open_stream([text[1]], tokenizer, tmp_path), len(tokenizer) // 2
    source = Source(stream, Symbols.of(tokenizer))
    table = shifted(size, frozenset(tokenizer.all_special_ids), shared)
    languages = set()
    for first in range(10, len(stream) - 46, 500):
        draft = source.assemble([(first, first + 46)])
        BilingualMLM(shared=shared).corrupt(draft, source, np.random.default_rng(first))
        is_fake = bool(first // STRETCH % 2)
        true = stream.ids[first : first + 46].astype(np.int64)
        assert (draft.clean[1:-1] == (table[true] if is_fake else true)).all()
        known = draft.labels != IGNORED
        assert known.any() and (draft.labels[known] == draft.clean[known]).all()
        languages.add(is_fake)
    assert languages == {False, True}
