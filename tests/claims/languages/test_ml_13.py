"""ml-13: shared vocabulary and transfer, as a correlation and as an intervention."""

from pathlib import Path

import numpy as np
import pytest

from bertology.claims.languages import ml_13_overlap as module
from bertology.claims.registry import experiment, survey
from bertology.claims.training import scale
from bertology.corpus.corpora import Corpora
from bertology.encoder import wrap
from bertology.judging import results_of
from bertology.record.result import judge
from bertology.train.architecture import Architecture
from bertology.train.artefacts import Trained, write_text
from bertology.train.fake_english import BilingualTraining, doubled
from bertology.train.tokenizer import train_tokenizer
from tests.claims.driving import driven
from tests.claims.languages.made_tags import tags
from tests.claims.languages.respelt import treebanks, verdict
from tests.planted import random_encoder

CODES = ("de", "es", "fi", "fr", "ru")
N = len(CODES) + 1
SHARED = np.random.default_rng(2).random((N, N))
SHARED = (SHARED + SHARED.T) / 2


@pytest.fixture(scope="module")
def bilingual(tmp_path_factory):
    """An encoder of a doubled tokenizer, whatever it has learnt."""
    corpus, file = Corpora.load(scale=0.05).raw, tmp_path_factory.mktemp("raw") / "raw.txt"
    write_text(corpus, "train", file)
    tokenizer = doubled(train_tokenizer([file], size=300))
    architecture = Architecture(layers=1, heads=2, width=16, feed_forward=16, positions=96)
    made = wrap(architecture.build(tokenizer, 7), tokenizer, name="apart", has_mlm=True)
    anchored = wrap(made.model, tokenizer, name="together", has_mlm=True)
    return made, anchored


@pytest.fixture
def found(bilingual, monkeypatch):
    pairs = iter([])

    def overlaps(a, b):
        return float(next(pairs))

    monkeypatch.setattr(module, "overlap", overlaps)

    def made(apart: float, together: float, random: float = 0.2, slope: float | None = 0.6, twin_slope: float = 0.0):
        """What the claim makes of accuracies on words of their own, and of slopes of accuracy on overlap (None: no languages)."""
        nonlocal pairs
        pairs = iter(SHARED.ravel())
        corpora = treebanks(CODES, 0.05) if slope is not None else Corpora.load(scale=0.05)
        encoder = random_encoder(
            corpora.in_languages("treebank").values() or [corpora.treebank], layers=1, heads=2, width=8, seed=5
        )

        def answer(asked):
            if isinstance(asked, BilingualTraining):
                return Trained(bilingual[int(asked.recipe.objectives[0].shared > 0)], [], Path("nowhere"))
            codes, who = [r.code for r in asked.readers], asked.readers[0].encoder
            twin, dice = who.twin_seed is not None, np.random.default_rng(len(asked.readers) + (who.twin_seed or 0))
            if "fake" in codes:
                right = random if twin else together if who.name == "together" else apart
                return tags(
                    codes, lambda s, t: right if s == 0 else 0.9, int(dice.integers(99)), corpora.treebank, 1500
                )
            rise = twin_slope if twin else slope
            return tags(codes, lambda s, t: 0.95 if s == t else 0.2 + rise * SHARED[s, t], int(dice.integers(99)))

        return driven(experiment("ml-13")(encoder, corpora, 0), answer)

    return made


def test_a_correlation_without_an_effect_holds(found):
    made = found(0.7, 0.705)
    assert verdict("ml-13", made) == "holds"
    assert made.values["correlation of overlap and transfer"].value > 0.8


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"apart": 0.6, "together": 0.8}, "effect of shared subwords"),
        ({"apart": 0.02, "together": 0.02, "random": 0.01}, "most frequent tag"),
        ({"apart": 0.7, "together": 0.7, "random": 0.85}, "random weights"),
        ({"apart": 0.7, "together": 0.7, "slope": -0.2}, "correlation of overlap"),
    ],
    ids=["an effect", "no transfer", "transfer of random weights", "no correlation"],
)
def test_each_part_of_the_conflict_can_fail(found, given, why):
    said, reason, _ = judge(survey()["ml-13"].claim, found(**given))
    assert said == "fails" and why in reason


def test_a_correlation_that_random_twins_show_as_well_does_not_hold(found):
    assert verdict("ml-13", found(0.7, 0.7, twin_slope=0.6)) != "holds"


def test_without_languages_the_claim_can_fail_but_not_hold(found):
    made = found(0.7, 0.7, slope=None)
    assert verdict("ml-13", made) == "undecided"
    assert "not measured" in made.note and "6 are due" in made.note
    assert verdict("ml-13", found(0.6, 0.8, slope=None)) == "fails"


def test_words_with_a_common_subword_are_left_out(bilingual):
    corpora = Corpora.load(scale=0.05)
    words = module._unshared(bilingual[1], corpora)
    table = {i for i in range(300) if i not in bilingual[1].tokenizer.all_special_ids}
    fake = module.fake_reader(bilingual[1], module.SHARED).tokenizer.table
    common = {i for i in table if fake[i] == i}
    for line in bilingual[1].encode(corpora.treebank).lines:
        for w, pieces in enumerate(line.pieces):
            assert words[line.index, w] == (not {int(line.ids[p]) for p in pieces} & common)
    assert 0.05 < np.mean(list(words.values())) < 0.95


def test_random_weights_do_not_hold_and_the_claim_trains(monkeypatch):
    """Nothing is learnt in so few steps."""
    monkeypatch.setattr(scale, "TOKENS", 2000)
    monkeypatch.setattr(module, "WORDS", 600)
    monkeypatch.setattr(scale, "SEEDS", (0, 1))
    corpora = Corpora.load(scale=0.05)
    encoder = random_encoder([corpora.treebank], layers=1, heads=2, width=8)
    (result,) = results_of(encoder, ["ml-13"], corpora)
    assert result.verdict in ("fails", "undecided"), result.reason
    assert "Scale: 2,000 tokens" in result.note
