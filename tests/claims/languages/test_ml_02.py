"""ml-02: zero-shot transfer of parts of speech, above everything that needs no knowledge of the other language."""

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import bertology as bt
from bertology.claims.languages import zero_shot
from bertology.claims.registry import experiment
from bertology.claims.training import fine_tuned
from bertology.judging import results_of
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.train.transfer import Transfer
from tests.claims.driving import driven
from tests.claims.languages.respelt import CODES, treebanks, verdict
from tests.planted import random_encoder


def found(accuracy: Callable[[str, str], float], encoder: Any = None, corpora: Any = None) -> Finding:
    """What the claim makes of accuracies by (who, language); who is "own", "twin", "English", or "inside" for the language itself."""
    corpora = corpora or treebanks()
    encoder = encoder or random_encoder([corpora.treebank], layers=1, heads=2, width=8)

    def answer(asked: Transfer) -> dict[str, np.ndarray]:
        who = (
            "twin"
            if asked.encoder.twin_seed is not None
            else "English"
            if asked.encoder.name == "primer-mini"
            else "own"
        )
        if len(asked.elsewhere) == 1:
            who = "inside"
        rng = np.random.default_rng([zlib.crc32(asked.encoder.name.encode()), asked.seed])
        return {c: rng.binomial([len(e.label) for e in examples], accuracy(who, c)) for c, examples in asked.elsewhere}

    return driven(experiment("ml-02")(encoder, corpora, 0), answer)


GOOD = {"own": 0.85, "twin": 0.4, "English": 0.5, "inside": 0.95}


def test_transfer_above_all_controls_in_every_language_holds():
    made = found(lambda who, code: GOOD[who])
    assert verdict("ml-02", made) == "holds"
    assert made.values["zero-shot over in-language accuracy"].value == pytest.approx(0.85 / 0.95, abs=0.03)
    assert made.values["share of languages above all controls"].n == len(CODES)
    assert {row.label for row in made.rows} == set(CODES)


@pytest.mark.parametrize("control", ["twin", "English"])
def test_a_control_that_does_as_well_breaks_it(control):
    assert verdict("ml-02", found(lambda who, code: 0.85 if who == control else GOOD[who])) != "holds"


def test_transfer_below_the_controls_fails():
    assert verdict("ml-02", found(lambda who, code: 0.2 if who == "own" else GOOD[who])) == "fails"


def test_the_most_frequent_tag_is_a_control():
    low = {"own": 0.15, "twin": 0.02, "English": 0.03, "inside": 0.9}
    assert verdict("ml-02", found(lambda who, code: low[who])) == "fails"


def test_two_languages_of_five_without_transfer_do_not_hold():
    bad = ("de", "ru")
    made = found(lambda who, code: 0.3 if who == "own" and code in bad else GOOD[who])
    assert made.values["share of languages above all controls"].value == pytest.approx(0.6)
    assert verdict("ml-02", made) != "holds"


def test_the_english_encoder_itself_cannot_hold():
    assert verdict("ml-02", found(lambda who, code: GOOD[who], bt.load(None))) == "undecided"


def test_few_languages_are_not_applicable():
    with pytest.raises(NotApplicable, match=r"2 languages .*de, fi.* 5 are due: give more of --corpus treebank"):
        found(lambda who, code: GOOD[who], corpora=treebanks(("de", "fi")))


def test_random_weights_do_not_hold(monkeypatch):
    corpora = treebanks(scale=0.03)
    monkeypatch.setattr(zero_shot, "SENTENCES", 12)
    monkeypatch.setattr(fine_tuned, "EXAMPLES", 16)
    small = lambda seed: random_encoder(
        corpora.in_languages("treebank").values(), layers=1, heads=2, width=16, seed=seed
    )
    encoder = small(5)
    monkeypatch.setattr(zero_shot, "load", lambda name: small(6))
    (result,) = results_of(encoder, ["ml-02"], corpora)
    assert result.verdict in ("fails", "undecided"), result.reason
    assert "Scale: " in result.note
