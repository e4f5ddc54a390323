"""Word pairs: any of the usual table forms leads to the same pairs."""

import pytest

from bertology.corpus import word_pairs
from bertology.corpus.word_pairs import WordPair
from bertology.record.errors import BadCorpus

PAIRS = (WordPair("old", "new", 1.58), WordPair("smart", "bright", 9.2))

FORMS = {
    "plain tsv": "old\tnew\t1.58\nsmart\tbright\t9.2\n",
    "simlex": "word1\tword2\tPOS\tSimLex999\nold\tnew\tA\t1.58\nsmart\tbright\tA\t9.20\n",
    "wordsim": "Word 1,Word 2,Human (mean)\nold,new,1.58\n\nsmart,bright,9.2\n",
    "semicolons": "old;new;1.58\nsmart;bright;9.2",
    "other order": "score,word2,word1\n1.58,new,old\n9.2,bright,smart\n",
    "quotes": '# a comment\n"old","new","1.58"\n"smart","bright",9.2\n',
    "json": '{"word1": "old", "word2": "new", "score": 1.58}\n'
    '{"first": "smart", "second": "bright", "similarity": 9.2}\n',
    "unknown header": "a\tb\tc\nold\tnew\t1.58\nsmart\tbright\t9.2\n",
}


@pytest.fixture
def write(tmp_path):
    def write(text):
        file = tmp_path / "pairs.csv"
        file.write_text(text)
        return file

    return write


@pytest.mark.parametrize("form", FORMS)
def test_every_usual_table_gives_the_same_pairs(write, form):
    assert word_pairs.read(write(FORMS[form]), strict=True) == PAIRS


@pytest.mark.parametrize("row", ["old\tnew", "old\tnew\tx", "old\tnew\tnan", "old\t\t3", "inf\tx\tinf"])
def test_a_broken_row_is_warned_of_or_refused(write, row):
    file = write(FORMS["plain tsv"] + row + "\n")
    with pytest.warns(UserWarning, match="1 skipped"):
        assert word_pairs.read(file) == PAIRS
    with pytest.raises(BadCorpus, match=r"pairs.csv line 3: "):
        word_pairs.read(file, strict=True)


@pytest.mark.parametrize(
    ("text", "message"), [("", "no tab, comma"), ("old new 3\n", "no tab, comma"), ("a\tb\tc\n", "no usable")]
)
def test_a_file_without_pairs_is_refused(write, text, message):
    with pytest.raises(BadCorpus, match=message):
        word_pairs.read(write(text))
