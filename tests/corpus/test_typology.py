"""Distance of languages by the side on which dependants stand."""

import numpy as np

from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import sentence
from bertology.corpus.typology import RELATIONS, directions, distance


def mirrored(treebank):
    def change(s):
        n = len(s)
        turn = lambda values: tuple(values[::-1])
        heads = tuple(-1 if h < 0 else n - 1 - h for h in s.layers["head"][::-1])
        return sentence(turn(s.words), s.id, layers={"head": heads, "deprel": turn(s.layers["deprel"])})

    return treebank.map(change, name="mirrored")


def test_a_mirrored_language_turns_every_relation():
    treebank = Corpora.load(scale=0.05).treebank
    here, there = directions(treebank), directions(mirrored(treebank))
    known = np.isfinite(here.before)
    assert known.sum() >= 8 and np.allclose(here.before[known], 1 - there.before[known])
    assert here.before[RELATIONS.index("det")] == 1
    assert distance(here, here) == 0 and distance(here, there) == np.abs(2 * here.before[known] - 1).mean()


def test_languages_with_few_common_relations_have_no_distance():
    treebank = Corpora.load(scale=0.05).treebank
    few = directions(treebank.where(lambda s: s.id == treebank[0].id, why="others"))
    assert np.isnan(distance(directions(treebank), few))
