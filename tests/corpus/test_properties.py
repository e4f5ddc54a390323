"""Properties of sentences, from labels and from trees."""

import numpy as np
import pytest

from bertology.corpus.properties import aside, properties, root_tense, subject_number, thirds, tree_depth
from bertology.corpus.sentence import Corpus, Sentence, sentence

HEADS, RELATIONS = (1, 3, 3, -1, 3, 4, 3), ("det", "nsubj", "aux", "root", "obl", "nmod", "punct")


def dogs(**changed: object) -> Sentence:
    """The dogs have barked outside often ."""
    feats = (
        {},
        {"Number": "Plur"},
        {"Tense": "Pres", "VerbForm": "Fin"},
        {"Tense": "Past", "VerbForm": "Part"},
        {},
        {},
        None,
    )
    layers = {"head": HEADS, "deprel": RELATIONS, "feats": feats, **changed}
    return sentence(["The", "dogs", "have", "barked", "outside", "often", "."], "a", layers=layers)


def test_depth_counts_edges_below_the_root() -> None:
    assert tree_depth(HEADS) == 2
    assert tree_depth((-1,)) == 0
    assert tree_depth((-1, 0, 1, 2)) == 3


def test_a_cycle_has_no_depth() -> None:
    assert tree_depth((1, 0)) == -1


def test_tense_is_that_of_the_finite_auxiliary_when_the_root_is_a_participle() -> None:
    assert root_tense(dogs()) == "present"
    assert subject_number(dogs()) == "plur"


def test_a_sentence_without_tree_has_neither() -> None:
    bare = sentence(("Hello", "."), "b")
    assert root_tense(bare) == subject_number(bare) == ""
    assert aside(bare) == [0, 1]


def test_words_aside_are_not_the_root_nor_its_dependants_nor_punctuation() -> None:
    assert aside(dogs()) == [0, 5]


def test_thirds_are_of_equal_size_and_keep_ties_together() -> None:
    values, counts = np.unique(thirds(range(300)), return_counts=True)
    assert dict(zip(values, counts, strict=True)) == {"low": 100, "middle": 100, "high": 100}
    assert set(thirds([5] * 10)) == {"low"}
    assert thirds([-1, 3])[0] == ""


def test_embedded_labels_agree_with_the_trees(corpora) -> None:
    treebank = corpora.treebank
    agree = [root_tense(s) == s.labels["tense"] for s in treebank if root_tense(s)]
    assert len(agree) > 0.8 * len(treebank) and np.mean(agree) > 0.98
    assert all(tree_depth(s.layers["head"]) >= 1 for s in treebank if len(s) > 2)


def test_rare_classes_and_constant_properties_are_left_out() -> None:
    def labelled(i: int) -> Sentence:
        kind = "rare" if i == 0 else ("past" if i % 2 else "present")
        return sentence(("a",) * (1 + i % 9), str(i), labels={"tense": kind, "voice": "active"})

    found = properties(Corpus("made", tuple(labelled(i) for i in range(200))))
    assert set(found) == {"length", "tense"}
    assert set(found["tense"]) == {"", "past", "present"}


@pytest.fixture(scope="module")
def corpora():
    from tests.planted import small

    return small(scale=0.1)
