"""Minimal pairs: two consecutive sentences a pair, with the labels of BLiMP."""

import gzip
import json

import pytest

from bertology.corpus import minimal_pairs
from bertology.record.errors import BadCorpus

PAIR = {
    "sentence_good": "The cats sleep.",
    "sentence_bad": "The cats sleeps.",
    "field": "syntax/semantics",
    "linguistics_term": "agreement",
    "UID": "sv",
    "simple_LM_method": True,
    "pairID": "7",
}


@pytest.fixture
def write(tmp_path):
    def write(*items, name="pairs.jsonl"):
        file = tmp_path / name
        file.write_text("\n".join(i if isinstance(i, str) else json.dumps(i) for i in items))
        return file

    return write


def test_a_pair_is_two_consecutive_sentences_of_one_document(write):
    good, bad = minimal_pairs.read(write(PAIR))
    assert (good.text, bad.text) == ("The cats sleep.", "The cats sleeps.")
    assert good.document == bad.document == "sv/7" and good.id != bad.id
    assert good.labels["acceptable"] is True and bad.labels["acceptable"] is False
    assert good.labels["phenomenon"] == "sv" and good.labels["pair"] == "7"
    assert good.labels["field"] == "syntax_semantics" and good.labels["linguistics_term"] == "agreement"
    assert bad.words == ("The", "cats", "sleeps", ".") and bad.starts == (0, 4, 9, 15)


def test_two_sentences_are_enough(write):
    bare = {key: PAIR[key] for key in ("sentence_good", "sentence_bad")}
    corpus = minimal_pairs.read(write(bare, bare, name="mine.v2.jsonl"))
    assert [s.document for s in corpus] == ["mine/1", "mine/1", "mine/2", "mine/2"]


def test_a_folder_is_read_in_the_order_of_names(write, tmp_path):
    write(PAIR | {"UID": "b"}, name="b.jsonl")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(json.dumps(PAIR | {"UID": "a"}).encode()))
    (tmp_path / "README.md").write_text("not pairs")
    corpus = minimal_pairs.read(tmp_path)
    assert [s.labels["phenomenon"] for s in corpus] == ["a", "a", "b", "b"]


def test_a_folder_without_pairs_is_refused(tmp_path):
    with pytest.raises(BadCorpus, match="holds no minimal pairs"):
        minimal_pairs.read(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "list where an object"),
        ({"sentence_good": "A."}, "sentence_good and sentence_bad"),
        (PAIR | {"sentence_bad": " "}, "sentence_good and sentence_bad"),
        (PAIR | {"sentence_bad": 3}, "sentence_good and sentence_bad"),
        ('{"sentence_good": "a \\ud800", "sentence_bad": "b"}', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"a": ' + "9" * 5_000 + "}", "not JSON"),
    ],
)
def test_a_line_that_is_no_pair_is_counted_or_refused(write, line, message):
    file = write(PAIR, line, PAIR)
    corpus = minimal_pairs.read(file)
    assert len(corpus) == 4 and list(corpus.dropped.values()) == [1]
    with pytest.raises(BadCorpus, match=rf"pairs.jsonl line 2: .*{message}"):
        minimal_pairs.read(file, strict=True)


def test_a_pair_of_equal_sentences_measures_nothing(write):
    corpus = minimal_pairs.read(write(PAIR, PAIR | {"sentence_bad": PAIR["sentence_good"]}), strict=True)
    assert len(corpus) == 2 and corpus.dropped == {"pairs of two equal sentences": 1}


def test_blimp_has_a_thousand_pairs_a_paradigm(data):
    files = sorted((data / "blimp").glob("*.jsonl.gz"))
    assert len(files) == 50
    for file in files[::8]:
        corpus = minimal_pairs.read(file, strict=True)
        assert len(corpus) / 2 + sum(corpus.dropped.values()) == 1_000, file
        assert {s.labels["phenomenon"] for s in corpus} == {file.name.split(".")[0]}
        assert [s.labels["acceptable"] for s in corpus] == [True, False] * (len(corpus) // 2)


def test_the_field_of_binding_is_written_one_way(data):
    for name in ("principle_A_case_1", "principle_A_case_2"):
        corpus = minimal_pairs.read(data / "blimp" / f"{name}.jsonl.gz")
        assert {s.labels["field"] for s in corpus} == {"syntax_semantics"}


def test_a_folder_may_mix_forms_and_hold_other_files(write, tmp_path):
    write(PAIR, name="a.jsonl")
    (tmp_path / "b.txt").write_text("True\tthe author laughs\nFalse\tthe author laugh\n")
    (tmp_path / "notes.txt").write_text("nothing of the kind\n")
    corpus = minimal_pairs.read(tmp_path)
    assert [s.labels["phenomenon"] for s in corpus] == ["sv", "sv", "b", "b"]


def test_a_file_of_no_known_form_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing of the kind\n")
    with pytest.raises(BadCorpus, match="form that is known"):
        minimal_pairs.read(tmp_path / "notes.txt")
    assert not minimal_pairs.known(tmp_path / "notes.txt")
