"""Masking whole words, spans, phrases or entities helps."""

from typing import Any

import pytest

from bertology.claims.training import pre_04_units as module
from bertology.corpus.sentence import sentence
from bertology.train.objectives.units import Subwords
from tests.claims.driving import noise
from tests.claims.training.made_up import verdict


def score(spans: float, sentences: float):
    def answer(run: Any, asked: Any) -> float:
        larger = not isinstance(run.recipe.objectives[0].masking.units, Subwords)
        gain = spans if asked.task.kind == "token" else sentences
        return 0.6 + larger * gain + 0.004 * noise(run.seed, run.recipe.objectives, asked.task.name)

    return answer


def test_a_gain_that_is_larger_on_spans_holds(corpora):
    assert verdict("pre-04", lambda run: 3.0, corpora, score(0.10, 0.02)) == "holds"


def test_a_gain_that_is_as_large_on_sentences_does_not_hold(corpora):
    assert verdict("pre-04", lambda run: 3.0, corpora, score(0.10, 0.10)) != "holds"


@pytest.mark.parametrize("gains", [(0.02, 0.10), (-0.05, -0.15)])
def test_a_gain_larger_on_sentences_and_a_loss_on_spans_fail(corpora, gains):
    assert verdict("pre-04", lambda run: 3.0, corpora, score(*gains)) == "fails"


def test_noise_does_not_hold(corpora):
    assert verdict("pre-04", lambda run: 3.0, corpora, score(0, 0)) != "holds"


def test_a_noun_phrase_is_a_noun_with_what_stands_by_it():
    s = sentence(
        ("The", "old", "man", "gave", "Ruth", "Smith", "a", "letter", "slowly"), "s", layers={
            "head": (2, 2, 3, -1, 3, 4, 7, 3, 3),
            "deprel": ("det", "amod", "nsubj", "root", "iobj", "flat", "det", "obj", "advmod"),
            "upos": ("DET", "ADJ", "NOUN", "VERB", "PROPN", "PROPN", "DET", "NOUN", "ADV"),
        },
    )  # fmt: skip
    assert module.tags(s) == ("B-NP", "I-NP", "I-NP", "O", "B-NP", "I-NP", "B-NP", "I-NP", "O")


def test_the_task_scores_spans_and_has_phrases_in_every_part(corpora):
    task = module.noun_phrases(corpora.treebank)
    assert task.measure == "F1"
    assert all(any("B-NP" in e.label for e in part) for part in (task.train, task.dev, task.test))
    assert task.majority == 0
