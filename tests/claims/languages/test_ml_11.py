"""ml-11: new input embeddings under a frozen body."""

import numpy as np
import pytest

from bertology.claims.languages import ml_11_new_embeddings as module
from bertology.claims.registry import experiment
from bertology.corpus.corpora import Corpora
from bertology.judging import results_of
from bertology.record.errors import NotApplicable
from bertology.train.relearn import Relearning
from tests.claims.driving import driven
from tests.claims.languages.made_tags import tags
from tests.claims.languages.respelt import tongue, verdict
from tests.planted import random_encoder


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    return Corpora.load(scale=0.05)


def found(corpora, own: float, random: float, asked_for: list | None = None):
    """What the claim makes of accuracies in the second language."""

    def answer(asked):
        if asked_for is not None:
            asked_for.append(asked)
        if isinstance(asked, Relearning):
            return asked.encoder
        seed = asked.readers[0].encoder.twin_seed
        second = (own if seed is None else random) + 0.01 * np.random.default_rng(
            99 if seed is None else seed
        ).standard_normal()
        return tags([r.code for r in asked.readers], lambda s, t: (0.9, second)[t], 7 if seed is None else seed)

    encoder = random_encoder([corpora.treebank, corpora.raw], layers=3, heads=2, width=8, mlm=True, seed=5)
    return driven(experiment("ml-11")(encoder, corpora, 0), answer)


@pytest.mark.parametrize(
    ("own", "random", "expected"),
    [(0.7, 0.25, "holds"), (0.3, 0.7, "fails"), (0.7, 0.7, "undecided"), (0.1, 0.02, "fails")],
)
def test_the_second_language_must_be_read_better_than_by_random_bodies_and_by_one_tag(corpora, own, random, expected):
    assert verdict("ml-11", found(corpora, own, random)) == expected


def test_without_another_language_embeddings_of_the_own_tokenizer_are_learnt_on_english(corpora):
    asked: list = []
    assert "Fake-English" in found(corpora, 0.7, 0.2, asked).note
    learnt = [a for a in asked if isinstance(a, Relearning)]
    assert all(a.own and a.over is corpora.raw for a in learnt) and len({a.key for a in learnt}) == 2 * len(
        module.SEEDS
    )
    assert {a.layers for a in asked if not isinstance(a, Relearning)} == {(3,)}


def test_a_second_language_is_taken_where_it_has_text_and_trees(corpora):
    german = {"raw.de": tongue(corpora.raw, "de"), "treebank.de": tongue(corpora.treebank, "de")}
    asked: list = []
    found(Corpora.load(german, scale=0.05), 0.7, 0.2, asked)
    assert {a.over.name for a in asked if isinstance(a, Relearning)} == {german["raw.de"].name}
    assert not any(a.own for a in asked if isinstance(a, Relearning))
    with pytest.raises(NotApplicable, match=r"no treebank of it: give --corpus treebank\.de=FILE"):
        module.second_language(Corpora.load({"raw.de": german["raw.de"]}, scale=0.05))


def test_random_weights_do_not_hold(corpora, monkeypatch):
    monkeypatch.setattr(module, "TOKENS", 4000)
    monkeypatch.setattr(module, "SEEDS", (0, 1))
    encoder = random_encoder([corpora.treebank, corpora.raw], layers=1, heads=2, width=16, mlm=True, seed=5)
    (result,) = results_of(encoder, ["ml-11"], corpora)
    assert result.verdict in ("fails", "undecided"), result.reason
