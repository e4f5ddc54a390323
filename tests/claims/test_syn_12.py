"""syn-12: parsing as an intermediate task."""

import numpy as np
import pytest

from bertology.claims.knowledge.syn_12_intermediate_parsing import Tree, parsing, shuffled, tags
from bertology.corpus.sentence import Sentence
from bertology.train.artefacts import Staging
from tests.claims.training.answered import jitter, random_weights, verdict


def arms(parsing: float, trees: float, *, learnt: float = 0.3, worth: float = 0.3, size: float = 0.003):
    def of(asked, seed, order):
        if isinstance(asked, Staging):
            gain = parsing if "parsing" in asked.stages[0][0].name else trees
            return 0.8 + gain + jitter(asked, seed, order, size)
        if asked.task.kind == "token":
            return 0.4 + learnt * ("parsing" in asked.task.name) + jitter(asked, seed, order, size)
        return 0.8 - worth * random_weights(asked) + jitter(asked, seed, order, size)

    return of


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ((0.0, 0.0), "holds"),
        ((-0.1, 0.0), "holds"),
        ((0.1, 0.0), "fails"),
        ((0.0, -0.1), "fails"),
        ((0.1, 0.1), "fails"),
    ],
)
def test_parsing_first_must_gain_next_to_nothing(corpora, gains, expected):
    assert verdict("syn-12", arms(*gains), corpora) == expected


def test_what_was_not_learnt_shows_nothing(corpora):
    assert verdict("syn-12", arms(0.0, 0.0, learnt=-0.05), corpora) == "fails"


def test_random_weights_and_noise_do_not_hold(corpora):
    assert verdict("syn-12", arms(0.0, 0.0, worth=0.0), corpora) != "holds"
    assert verdict("syn-12", arms(0.0, 0.0, size=0.05), corpora) != "holds"


def test_tags_by_hand():
    layers = {"upos": ("DET", "NOUN", "VERB", "DET", "NOUN")}
    sentence = Sentence("s", "a b c d e", tuple("abcde"), (0, 2, 4, 6, 8), layers)
    tree = Tree((1, 2, -1, 4, 2), ("det", "nsubj", "root", "det", "obj"))
    assert tags(sentence, tree) == ("det NOUN+1", "nsubj VERB+1", "root", "det NOUN+1", "obj VERB-1")
    far = Tree((4, 2, -1, 1, 2), ("det", "nsubj", "root", "det", "obj"))
    assert tags(sentence, far)[0] == "det NOUN+2" and tags(sentence, far)[3] == "det NOUN-1"


def test_random_trees_keep_their_shape_and_lose_their_words():
    tree = Tree((1, 2, -1, 4, 2), ("det", "nsubj", "root", "det", "obj"))
    mixed = shuffled(tree, np.random.default_rng(3))
    below = lambda t: sorted(t.heads.count(k) for k in range(5))
    assert mixed != tree and below(mixed) == below(tree) and mixed.heads.count(-1) == 1
    root = mixed.heads.index(-1)
    assert mixed.relations[root] == "root" and sorted(mixed.relations) == sorted(tree.relations)
    for k in range(5):
        word, steps = k, 0
        while mixed.heads[word] >= 0:
            word, steps = mixed.heads[word], steps + 1
            assert steps < 5
        assert word == root


def test_the_tasks_are_of_the_same_sentences(corpora):
    real, random = parsing(corpora.treebank), parsing(corpora.treebank, 0)
    assert [e.texts for e in real.train] == [e.texts for e in random.train]
    assert real.labels != random.labels and "nsubj VERB+1" in real.labels
    assert real.majority < 0.5
