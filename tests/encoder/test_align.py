"""Words to subwords for every kind of tokenizer."""

import pytest

from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder.align import encode
from bertology.record.errors import Misaligned
from tests.encoder.tiny import tokenizer

WORDS = ("The", "unbelievable", "cats", "did", "n't", "sit", "on", "Anna", "'s", "mats", ".")
GLUED = (False, False, False, True, False, False, False, True, False, True, False)


@pytest.mark.parametrize("kind", ["wordpiece", "bpe", "bpe-prefix", "unigram"])
def test_every_word_maps_to_the_subwords_that_spell_it(kind: str) -> None:
    tok = tokenizer(kind)
    corpus = Corpus("one", (sentence(WORDS, "s", glued=GLUED),))
    (line,) = encode(corpus, tok, 512).lines
    assert sorted(p for pieces in line.pieces for p in pieces) == sorted(
        set(range(1, len(line.ids) - 1)) - _blank(tok, line)
    )
    for word, pieces in zip(WORDS, line.pieces, strict=True):
        spelled = "".join(tok.convert_ids_to_tokens(int(line.ids[p])) for p in pieces)
        assert _plain(spelled) == word.lower()


def test_a_subword_over_two_words_goes_to_the_one_it_covers_most() -> None:
    corpus = Corpus("one", (sentence(("did", "n't"), "s", glued=(True, False)),))
    tok = tokenizer("wordpiece")
    (line,) = encode(corpus, tok, 512).lines
    assert all(line.pieces)


def test_two_segments_get_a_separator_and_their_own_type() -> None:
    corpus = Corpus("pair", (sentence(("cats", "sit", "Birds", "sing"), "s", layers={"segment": (0, 0, 1, 1)}),))
    (line,) = encode(corpus, tokenizer(), 512).lines
    assert int(line.special.sum()) == 3
    assert [int(line.types[p[0]]) for p in line.pieces] == [0, 0, 1, 1]


def test_long_sentences_are_dropped_and_counted_never_cut() -> None:
    corpus = Corpus("long", (sentence(["cats"] * 30, "long"), sentence(["cats"], "short")))
    encoded = encode(corpus, tokenizer(), 16)
    assert [line.index for line in encoded.lines] == [1]
    assert encoded.dropped == {"longer than 16 subwords": 1}


def test_words_without_subwords_are_counted_and_refused_when_nothing_is_left() -> None:
    invisible = sentence(("a", "\u200b"), "s")
    encoded = encode(Corpus("some", (invisible, sentence(("a", "b"), "t"))), tokenizer(), 64)
    assert list(encoded.dropped.values()) == [1]
    with pytest.raises(Misaligned, match="word 2"):
        encode(Corpus("none", (invisible,)), tokenizer(), 64)


def test_slow_tokenizers_are_encoded_word_by_word() -> None:
    fast = tokenizer()

    class Slow:
        is_fast = False
        encode = staticmethod(lambda word, add_special_tokens: fast.encode(word, add_special_tokens=False))

        def build_inputs_with_special_tokens(self, a, b=None):
            return [2, *a, 3, *(b or []), *([3] if b else [])]

        def get_special_tokens_mask(self, a, b=None, already_has_special_tokens=False):
            return [1, *[0] * len(a), 1, *([0] * len(b) if b else []), *([1] if b else [])]

        def create_token_type_ids_from_sequences(self, a, b=None):
            return [0] * (len(a) + 2) + [1] * (len(b) + 1 if b else 0)

    corpus = Corpus("one", (sentence(("The", "old", "dog"), "s"),))
    slow, quick = encode(corpus, Slow(), 64).lines[0], encode(corpus, fast, 64).lines[0]
    assert slow.pieces == quick.pieces
    assert (slow.ids == quick.ids).all()


def _plain(spelled: str) -> str:
    return spelled.replace("##", "").replace("Ġ", "").replace("▁", "").lower()


def _blank(tok, line) -> set[int]:
    """Subwords that are only the space before a word belong to none."""
    return {p for p in range(1, len(line.ids) - 1) if tok.convert_ids_to_tokens(int(line.ids[p])) in ("▁", "Ġ")}
