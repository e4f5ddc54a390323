"""Attributes of nouns: the hand-made list, and the folder of Forbes et al. (2019)."""

import pytest

from bertology.corpus import attributes
from bertology.record.errors import BadCorpus


def test_the_list_names_known_nouns_and_every_attribute_has_enough_of_them() -> None:
    corpus = attributes.embedded()
    nouns = {s.labels["noun"] for s in corpus}
    assert len(nouns) >= 150 and len(corpus) == len(nouns) * len(attributes.CARRIERS)
    listed = attributes._ATTRIBUTES.strip().splitlines()
    assert {noun for line in listed for noun in line.split(": ")[2].split()} <= nouns
    kinds = [line.split(": ")[0] for line in listed]
    assert set(kinds) == set(attributes.CLASSES) and min(map(kinds.count, attributes.CLASSES)) >= 12


def test_each_noun_stands_once_in_each_carrier_with_its_attributes() -> None:
    corpus = attributes.embedded()
    for s in corpus:
        (place,) = [i for i, mark in enumerate(s.layers["noun"]) if mark]
        assert s.words[place] == s.labels["noun"] == s.document
    apple = next(s for s in corpus if s.labels["noun"] == "apple")
    assert apple.text == "I saw the apple yesterday."
    assert apple.labels["perceptual: red"] == 1 and apple.labels["encyclopaedic: an animal"] == 0


def test_a_folder_is_read_without_what_nobody_agreed_on_and_without_names_of_several_words(tmp_path) -> None:
    (tmp_path / "properties.tsv").write_text("uid\tcategorization\nhot\tperceptual\nflies\tencyclopedic\n")
    (tmp_path / "abstract.csv").write_text("objectUID,hot,flies,other\nkite,0,1,1\noven,1,-2,1\nice_box,0,0,0\n")
    corpus = attributes.read(tmp_path)
    assert corpus.dropped == {"a name of several words": 1}
    rows = {s.labels["noun"]: dict(s.labels) for s in corpus}
    assert rows == {
        "kite": {"noun": "kite", "perceptual: hot": 0, "encyclopaedic: flies": 1},
        "oven": {"noun": "oven", "perceptual: hot": 1},
    }
    with pytest.raises(BadCorpus, match="1 objects in several words"):
        attributes.read(tmp_path, strict=True)


def test_another_folder_is_refused(tmp_path) -> None:
    with pytest.raises(BadCorpus, match=r"properties\.tsv"):
        attributes.read(tmp_path)
    (tmp_path / "properties.tsv").write_text("name\nhot\n")
    with pytest.raises(BadCorpus, match="no column 'uid'"):
        attributes.read(tmp_path)
    with pytest.raises(BadCorpus, match="no folder"):
        attributes.read(tmp_path / "properties.tsv")
