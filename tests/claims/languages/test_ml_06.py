"""ml-06: transfer between languages that share neither letters nor subwords."""

import numpy as np
import pytest

from bertology.claims.languages.crossed import subwords, unshared
from bertology.corpus.corpora import Corpora
from bertology.corpus.scripts import main_script, script
from bertology.probe.cross_lingual import CrossTagging, Reader
from bertology.record.errors import NotApplicable
from tests.claims.languages.respelt import planted, shared_tags, tags_of_their_own, tongue, treebanks
from tests.planted import random_encoder, result_of

CODES = ("de", "ru")


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    return treebanks(CODES)


def test_tags_in_one_direction_in_all_languages_hold(corpora, tmp_path):
    result = result_of("ml-06", planted(shared_tags, corpora), corpora, tmp_path)
    assert result.verdict == "holds", result.reason
    assert result.values["accuracy across scripts"].value > 80
    assert "LATIN" in result.note and "CYRILLIC" in result.note
    assert any("one script, as unlike" in name for name in result.values)


def test_tags_that_no_two_languages_share_do_not_hold(corpora, tmp_path):
    assert result_of("ml-06", planted(tags_of_their_own, corpora), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora, tmp_path):
    encoder = random_encoder(corpora.in_languages("treebank").values(), layers=1, heads=2, width=32, seed=7)
    assert result_of("ml-06", encoder, corpora, tmp_path).verdict == "fails"


def test_one_script_is_not_applicable(tmp_path):
    corpora = treebanks(("de", "fi"))
    encoder = random_encoder([corpora.treebank], layers=1, heads=2, width=8)
    with pytest.raises(NotApplicable, match=r"all treebanks are in one script \(LATIN\)"):
        result_of("ml-06", encoder, corpora, tmp_path)


def test_only_words_without_a_subword_of_the_source_count(corpora, tmp_path):
    encoder = random_encoder(corpora.in_languages("treebank").values(), layers=1, heads=2, width=8)
    own = tongue(corpora.treebank, "ru")
    ask = CrossTagging((Reader("en", encoder, corpora.treebank), Reader("ru", encoder, own)), words=600)
    ask.build(tmp_path, lambda *given: None)
    made = ask.load(tmp_path)
    target = made.target("ru")
    words = np.array([own[s].words[w] for s, w in zip(target.sentence, target.word, strict=True)])
    alone = unshared(encoder, own, subwords(encoder, corpora.treebank), made, "ru")
    assert set(words[~alone]) == {w for w in words if not w.isalpha()}
    assert alone.any() and {main_script(words[alone])} == {"CYRILLIC"}


def test_scripts_are_told_by_most_letters():
    assert main_script(["кот and кошка пёс"]) == "CYRILLIC" and main_script(["1, 2."]) == ""
    assert [script(c) for c in "aя中あ1 "] == ["LATIN", "CYRILLIC", "CJK", "HIRAGANA", "", ""]
