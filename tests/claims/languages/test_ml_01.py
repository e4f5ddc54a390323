"""ml-01: languages with fewer subwords a word transfer better."""

from dataclasses import replace

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from bertology.claims.languages.language_pairs import correlation
from bertology.claims.languages.ml_01_subwords import subwords_a_word
from bertology.corpus.sentence import Corpus
from bertology.record.errors import NotApplicable
from tests.claims.languages.tongues import Hearing, concept, given, parallel
from tests.planted import SPECIAL, Planted, View, random_encoder, result_of

LANGUAGES = ("en", "de", "fi", "fr", "it", "nl", "tr")
"""Cut into one subword a word, two, ..., by their place here."""


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return parallel(110, languages=LANGUAGES)


def cut(corpus: Corpus) -> PreTrainedTokenizerFast:
    """WordPiece that knows English words and names whole, and cuts the first letters off other languages' words one by one."""
    words = sorted({w for s in corpus for w in s.words})
    vocabulary = dict.fromkeys([*SPECIAL, "a"])
    for word in words:
        letters = LANGUAGES.index(word[:2]) if word[:2] in LANGUAGES and not word.startswith("name") else 0
        vocabulary |= dict.fromkeys(
            [
                word[0] if letters else word,
                *(f"##{c}" for c in word[1:letters]),
                *([f"##{word[letters:]}"] if letters else []),
            ]
        )
    tok = Tokenizer(
        models.WordPiece({w: i for i, w in enumerate(vocabulary)}, unk_token="[UNK]", max_input_chars_per_word=200)
    )
    tok.normalizer, tok.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.WhitespaceSplit()
    tok.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tok, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]",
    )  # fmt: skip


class Cutting(Hearing):
    """Planted, with that tokenizer."""

    def __init__(self, plant, corpus: Corpus) -> None:  # type: ignore[no-untyped-def]
        super().__init__(plant, [corpus], layers=2, heads=2, width=64, noise=0.02, static=0.05)
        self.tokenizer = cut(corpus)


def _blurred(view: View, noise: float) -> None:
    for layer in (1, 2):
        for word in range(len(view.line.pieces)):
            concept(view, layer, word)
            view.hidden[layer, list(view.line.pieces[word])] += noise * view.rng.standard_normal(64) / 8


def cut_words_are_blurred(view: View) -> None:
    """The more subwords a word has, the less of its concept is in it."""
    _blurred(view, 0.7 * LANGUAGES.index(view.sentence.labels["language"]))


def whole_words_are_blurred(view: View) -> None:
    """The same, the other way round."""
    place = LANGUAGES.index(view.sentence.labels["language"])
    _blurred(view, 0.7 * (len(LANGUAGES) - place) if place else 0.0)


def test_languages_blurred_by_their_subwords_hold(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-01", Cutting(cut_words_are_blurred, corpus), given(corpus), tmp_path)
    assert result.verdict == "holds", result.reason
    assert "6 languages beside English" in result.note


def test_languages_blurred_the_other_way_fail(corpus: Corpus, tmp_path) -> None:
    result = result_of("ml-01", Cutting(whole_words_are_blurred, corpus), given(corpus), tmp_path)
    assert result.verdict == "fails", result.reason


def test_random_weights_do_not_hold(corpus: Corpus, tmp_path) -> None:
    encoder = random_encoder([corpus], layers=2, heads=2)
    encoder.tokenizer = cut(corpus)
    result = result_of("ml-01", encoder, given(corpus), tmp_path)
    assert result.verdict != "holds", result.reason


def test_treebanks_give_transfer_by_parts_of_speech(corpus: Corpus, tmp_path) -> None:
    by_language = {
        code: replace(corpus, name=code, sentences=tuple(s for s in corpus if s.labels["language"] == code))
        for code in LANGUAGES
    }
    corpora = given(corpus, **{f"treebank.{code}": treebank for code, treebank in by_language.items()})
    result = result_of("ml-01", Planted(tags, [corpus], layers=2, heads=2, width=64), corpora, tmp_path)
    assert "part-of-speech probe fitted on English" in result.note
    assert result.values["transfer beyond the random twin's"].low > 0


def tags(view: View) -> None:
    for word, tag in enumerate(view.sentence.layers["upos"]):
        view.write(1, word, f"tag {tag}", 3.0)


def test_four_languages_are_too_few(tmp_path) -> None:
    few = parallel(110, languages=LANGUAGES[:5])
    with pytest.raises(NotApplicable, match="4 languages"):
        result_of("ml-01", random_encoder([few], layers=2, heads=2), given(few), tmp_path)


def test_subwords_are_counted_by_language(corpus: Corpus) -> None:
    encoder = random_encoder([corpus], layers=2, heads=2)
    encoder.tokenizer = cut(corpus)
    found = subwords_a_word(encoder.encode(corpus), encoder.tokenizer.unk_token_id)
    assert found["en"].mean == 1.0 == found["en"].whole
    assert found["fi"].mean == pytest.approx(1 + 2 * 6 / 7)  # six of seven words are cut in three; the name is whole
    assert found["tr"].words == 110 * 7 and found["tr"].unknown == 0.0


def test_a_perfect_order_of_languages_correlates_at_one() -> None:
    x = np.arange(8.0)
    assert correlation(x, x**2).low == pytest.approx(1.0)
    assert correlation(x, -x).high == pytest.approx(-1.0)
    mixed = correlation(x, np.array([3.0, 1, 4, 1.5, 5, 9, 2, 6]))
    assert mixed.low < 0 < mixed.value < mixed.high
