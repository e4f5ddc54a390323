"""Words in context: the sense stands at the target, data and gold go line by line."""

import json

import pytest

from bertology.corpus import senses
from bertology.record.errors import BadCorpus


@pytest.fixture
def bank(tmp_path):
    folder = tmp_path / "coarse" / "bank"
    folder.mkdir(parents=True)
    (folder / "classes_map.txt").write_text('{"0": "bank_money", "11": "bank_river"}')
    (folder / "train.data.txt").write_text("1\tthe bank paid\n0\tBank of  a\xa0b river .", encoding="utf-8")
    (folder / "train.gold.txt").write_bytes(b"0\r\n11")
    (folder / "test.data.txt").write_text("2\ton the bank\n")
    (folder / "test.gold.txt").write_text("11\n")
    return folder


def test_the_sense_stands_at_the_target_only(bank):
    corpus = senses.read(bank.parent, strict=True)
    assert [s.id for s in corpus] == ["bank/train/1", "bank/train/2", "bank/test/1"]
    assert corpus[0].layers["sense"] == ("", "bank/bank_money", "")
    assert corpus[1].layers["sense"] == ("bank/bank_river", "", "", "", "", "")
    assert corpus[1].layers["lemma"] == ("bank", "of", "a", "b", "river", ".")
    assert [s.labels["part"] for s in corpus] == ["train", "train", "test"]
    assert corpus[0].labels["target"] == 1


def test_one_word_folder_may_be_given_itself(bank):
    assert senses.read(bank).fingerprint == senses.read(bank.parent).fingerprint


@pytest.mark.parametrize(
    ("data", "gold", "message"),
    [
        ("9\ton the bank", "0", "position '9' is no word of the 3"),
        ("-1\ton the bank", "0", "position '-1'"),
        ("x\ton the bank", "0", "position 'x'"),
        ("1\ton the bank", "0", "word 1 is 'the', not 'bank'"),
        ("2\ton the bank", "7", "sense '7' of bank is not in classes_map.txt"),
    ],
)
def test_a_broken_instance_is_counted_or_refused(bank, data, gold, message):
    (bank / "test.data.txt").write_text(data)
    (bank / "test.gold.txt").write_text(gold)
    corpus = senses.read(bank)
    assert len(corpus) == 2 and sum(corpus.dropped.values()) == 1
    with pytest.raises(BadCorpus, match=f"test.data.txt line 1: {message}"):
        senses.read(bank, strict=True)


def test_data_and_gold_of_unlike_length_are_refused(bank):
    (bank / "train.gold.txt").write_text("0\n")
    with pytest.raises(BadCorpus, match=r"train.data.txt of bank has 2 lines, train.gold.txt has 1"):
        senses.read(bank)


def test_incomplete_folders_are_refused(bank):
    (bank / "train.gold.txt").unlink()
    with pytest.raises(BadCorpus, match=r"lacks train.gold.txt"):
        senses.read(bank)
    (bank / "classes_map.txt").write_text("[1]")
    with pytest.raises(BadCorpus, match=r"is no JSON object of sense number to label"):
        senses.read(bank)
    (bank / "classes_map.txt").unlink()
    with pytest.raises(BadCorpus, match=r"holds no folder with classes_map.txt"):
        senses.read(bank.parent)


def test_json_lines_hold_words_index_and_sense(tmp_path):
    item = {"words": ["River", "banks", "."], "index": 1, "sense": "shore", "lemma": "bank", "document": "d"}
    file = tmp_path / "mine.jsonl"
    broken = [{"index": 3}, {"index": True}, {"index": None}, {"sense": ""}, {"words": []}, {"words": ["a", ""]}]
    file.write_text("\n".join(json.dumps(item | change) for change in [{}, *broken]))
    corpus = senses.read(file)
    assert len(corpus) == 1 and sum(corpus.dropped.values()) == len(broken)
    assert corpus[0].layers["sense"] == ("", "bank/shore", "") and corpus[0].document == "d"
    assert corpus[0].layers["lemma"] == ("river", "bank", ".")


def test_coarsewsd_has_its_published_counts(data):
    corpus = senses.read(data / "coarsewsd20", strict=True)
    assert corpus.dropped == {} and len(corpus) == 23_588
    count = {(word, part): 0 for word in ("apple", "pitcher", "mole") for part in ("train", "test")}
    for s in corpus:
        key = s.labels["word"], s.labels["part"]
        if key in count:
            count[key] += 1
    assert list(count.values()) == [2_358, 1_032, 6_421, 2_819, 480, 206]
    assert len({label for s in corpus for label in s.layers["sense"] if label.startswith("mole/")}) == 5
