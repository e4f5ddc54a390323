"""ml-05: adding languages does not harm the representations."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bertology.claims.languages import ml_05_more_languages
from bertology.claims.registry import experiment, survey
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import Encoder
from bertology.judging import lacking, results_of
from bertology.record.result import Finding, judge
from bertology.train.artefacts import Trained, Training
from bertology.train.layout import Blocks
from tests.claims.driving import driven
from tests.planted import random_encoder

LANGUAGES = ("de", "fi", "fr", "tr")


def said(code: str, lines: int) -> Corpus:
    return Corpus(code, tuple(sentence([f"{code}{(k * j) % 31}" for j in range(1, 9)], f"{k}") for k in range(lines)))


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    lengths = dict(zip(LANGUAGES, (300, 250, 400, 350), strict=True))
    return Corpora.load(
        {f"raw.{code}": said(code, n) for code, n in lengths.items()} | {"raw.en": said("en", 320)}, scale=0.05
    )


class Tagged:
    """An accuracy as probes report it."""

    def __init__(self, accuracy: float) -> None:
        self.value = accuracy

    def accuracy(self) -> np.ndarray:
        return np.array([[self.value]])


def answered(corpora: Corpora, by_number: dict[int, float], twin: float) -> tuple[str, Finding]:
    """The claim where an encoder of so many languages has this accuracy, a little more from seed to seed."""
    encoder = random_encoder([corpora.treebank], layers=1, heads=2, width=32)
    made: dict[str, float] = {}

    def answer(asked: Any) -> Any:
        if isinstance(asked, Training):
            n = len({s.document[:2] for s in asked.over})
            assert asked.tokens == n * ml_05_more_languages.TOKENS
            own = Encoder(encoder.model, encoder.tokenizer, encoder.family, f"{n} {asked.seed}", False)
            made[own.name] = by_number[n] + 0.002 * (asked.seed % 3)
            return Trained(own, [], Path())
        return Tagged(made.get(asked.readers[0].encoder.name, twin))

    finding = driven(experiment("ml-05")(encoder, corpora, 0), answer)
    return judge(survey()["ml-05"].claim, finding)[0], finding


def test_encoders_that_lose_nothing_hold(corpora: Corpora) -> None:
    verdict, finding = answered(corpora, {1: 0.80, 2: 0.805, 4: 0.80}, 0.5)
    assert verdict == "holds"
    assert finding.values["most languages, beyond the random twin"].value == pytest.approx(30.2, abs=0.1)
    assert "de, fi, fr" in finding.note and "tr" not in finding.note.split(".")[0]


def test_encoders_that_lose_two_points_a_doubling_fail(corpora: Corpora) -> None:
    verdict, finding = answered(corpora, {1: 0.80, 2: 0.78, 4: 0.76}, 0.5)
    assert verdict == "fails"
    assert finding.values["points gained by each doubling of languages"].value == pytest.approx(-2.0)


def test_encoders_that_learnt_nothing_do_not_hold(corpora: Corpora) -> None:
    assert answered(corpora, {1: 0.5, 2: 0.5, 4: 0.5}, 0.502)[0] != "holds"


def test_english_is_the_same_text_in_every_mixture_and_no_language_has_more(corpora: Corpora) -> None:
    texts = corpora.in_languages("raw")
    every = ("en", "de", "fi", "fr")
    mixtures = [ml_05_more_languages.mixed(texts, every[:n], every, 0) for n in (1, 2, 4)]
    english = [[s.text for s in m if s.document.startswith("en:")] for m in mixtures]
    assert english[0] == english[1] == english[2] == [s.text for s in mixtures[0]]
    sizes = {code: sum(len(s.text) for s in mixtures[2] if s.document.startswith(code)) for code in every}
    assert max(sizes.values()) - min(sizes.values()) < 40
    assert sizes["fi"] == sum(len(s.text) for s in texts["fi"])  # the shortest is whole


def test_other_languages_must_be_given() -> None:
    lack = lacking(
        survey()["ml-05"].claim, random_encoder([said("en", 5)], layers=1, heads=2, width=32), Corpora.load(scale=0.05)
    )
    assert "raw.de=FILE" in lack


def test_it_runs_from_scratch_to_a_verdict(corpora: Corpora, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three thousand subwords teach nothing, and it says so."""
    recipe = replace(ml_05_more_languages.RECIPE, vocabulary=200, layout=Blocks(32), tokens_per_step=512)
    monkeypatch.setattr(ml_05_more_languages, "RECIPE", recipe)
    monkeypatch.setattr(ml_05_more_languages, "TOKENS", 1024)
    monkeypatch.setattr(ml_05_more_languages, "NUMBERS", (1, 2))
    encoder = random_encoder([corpora.treebank], layers=1, heads=2, width=32)
    (result,) = results_of(encoder, ["ml-05"], corpora)
    assert result.verdict in ("undecided", "fails"), result.reason
    assert result.values["accuracy, 2 languages"].n == 3
