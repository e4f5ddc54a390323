"""wor-02: attributes by class, on nouns that training did not hold."""

import numpy as np
import pytest

from bertology.claims.knowledge.wor_02_attributes import attributes, balanced_f1, cross_validated
from bertology.corpus.attributes import embedded
from bertology.corpus.corpora import Corpora
from bertology.record.errors import NotApplicable
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 1, "heads": 2, "width": 48}


def write(view: View, kinds: tuple[str, ...]) -> None:
    """Layer 1 adds a direction for each attribute of these classes that the noun has."""
    (place,) = [i for i, mark in enumerate(view.sentence.layers["noun"]) if mark]
    for name, holds in view.sentence.labels.items():
        if name.split(": ")[0] in kinds and holds == 1:
            view.write(1, place, name, 1.0)


def knows_uses_and_kinds(view: View) -> None:
    write(view, ("functional", "encyclopaedic"))


def knows_looks(view: View) -> None:
    write(view, ("perceptual",))


def test_uses_and_kinds_without_looks_hold(tmp_path) -> None:
    corpora = Corpora.load()
    encoder = Planted(knows_uses_and_kinds, [corpora.attributes], static=0.5, **SIZE)
    result = result_of("wor-02", encoder, corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["functional, F1"].value > 75


def test_looks_without_uses_fail(tmp_path) -> None:
    corpora = Corpora.load()
    encoder = Planted(knows_looks, [corpora.attributes], static=0.5, **SIZE)
    assert result_of("wor-02", encoder, corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(tmp_path) -> None:
    corpora = Corpora.load()
    assert result_of("wor-02", random_encoder([corpora.attributes], **SIZE), corpora, tmp_path).verdict != "holds"


def test_attributes_that_mean_nothing_come_out_as_a_coin_however_rare_they_are() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2, 200, 300))
    holds = (rng.random((200, 40)) < np.where(np.arange(40) < 20, 0.08, 0.5)).astype(float)
    f1 = balanced_f1(cross_validated(vectors, holds, 0)[0].rate())
    assert abs(f1[:20].mean() - 0.5) < 0.06
    assert abs(f1[20:].mean() - 0.5) < 0.06


def test_every_noun_is_tested_once_and_never_on_itself() -> None:
    rng = np.random.default_rng(0)
    holds = (rng.random((100, 12)) < 0.4).astype(float)
    holds[3, 2] = np.nan
    memory = np.eye(100)[None] * 5 + rng.normal(size=(1, 100, 100))
    tally, layers = cross_validated(memory, holds, 0)
    assert tally.weight.sum(2).max() == 1 and tally.weight.sum() == 100 * 12 - 1 and len(layers) == 5
    assert abs(balanced_f1(tally.rate()).mean() - 0.5) < 0.12


def test_rare_attributes_are_left_out_and_a_corpus_without_classes_is_not_applicable(tmp_path) -> None:
    table = attributes(embedded())
    assert min((table.holds == 1).sum(0)) >= 8 and "functional: drunk" not in table.names
    few = embedded().where(lambda s: s.labels["noun"] < "c", why="shortened")
    corpora = Corpora.load({"attributes": few})
    with pytest.raises(NotApplicable, match="are due"):
        result_of("wor-02", random_encoder([few], **SIZE), corpora, tmp_path)
