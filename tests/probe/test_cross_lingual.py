"""Probes that are fitted in one language and read in another."""

import numpy as np
import pytest

from bertology.probe.cross_lingual import CrossTagging, Reader
from bertology.record.errors import NotApplicable
from bertology.stats.tally import in_split
from tests.claims.languages.respelt import planted, shared_tags, tags_of_their_own, treebanks


def tags(plant, place, **options):
    corpora = treebanks(("de", "ru"))
    encoder = planted(plant, corpora)
    ask = CrossTagging(tuple(Reader(c, encoder, t) for c, t in corpora.in_languages("treebank").items()), **options)
    ask.build(place, lambda *given: None)
    return ask.load(place)


def test_a_shared_direction_is_read_in_every_language_and_one_of_its_own_is_not(tmp_path):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    shared, own = tags(shared_tags, tmp_path / "a"), tags(tags_of_their_own, tmp_path / "b")
    assert shared.accuracy().min() > 0.85
    inside = np.eye(3, dtype=bool)
    assert own.accuracy()[inside].min() > 0.85 > 0.6 > own.accuracy()[~inside].max()
    assert (shared.layers == 1).all()  # where it was planted


def test_blocks_are_those_of_the_whole_treebank(tmp_path):
    made = tags(shared_tags, tmp_path, words=500)
    treebank = treebanks(("de", "ru")).treebank
    target = made.target("en")
    assert (target.blocks == treebank.blocks[target.sentence]).all() and 400 < len(target.gold) <= 520
    assert (
        target.gold == [treebank[s].layers["upos"][w] for s, w in zip(target.sentence, target.word, strict=True)]
    ).all()
    assert made.trained[1] == in_split(target.blocks, "train").sum()


def test_sources_may_be_few(tmp_path):
    made = tags(shared_tags, tmp_path, sources=("de",))
    assert made.layers.tolist() == [1, -1, -1]
    assert (made.target("ru").said[1:] == "").all()


def test_too_little_to_learn_from_is_not_applicable(tmp_path):
    with pytest.raises(NotApplicable, match="words to learn part of speech from"):
        tags(shared_tags, tmp_path, words=60)
