"""dir-02: copies of models, from what they say to sequences of words."""

import numpy as np
import pytest

from bertology.claims.directions.answers import Answers
from bertology.train.artefacts import TunedModel
from tests.claims.directions.answered import finding, mostly, seed_of, verdict


def world(*, words: float = 0.85, labels: float = 0.4, sentences: float = 0.95):
    """A model says each text's own answer; copies of each kind agree with it so often."""
    share = {"words": words, "labels": labels, "sentences": sentences}

    def own(task, texts):
        return task.labels[sum(map(ord, texts[0])) % len(task.labels)]

    def says(asked, texts):
        if isinstance(asked, Answers):
            return own(asked.asked.task, texts)
        kind = asked.task.name.split(",")[0].split()[-1]
        true = own(asked.task, texts)
        other = next(x for x in asked.task.labels if x != true)
        return mostly(share[kind], true, other, kind, seed_of(asked), texts)

    return says


def score(asked, seed):
    return 0.6 if asked.encoder.name.startswith("random twin") else 0.8 + 0.01 * (seed % 3)


def test_a_copy_from_random_words_holds(corpora):
    assert verdict("dir-02", world(), corpora, score=score) == "holds"
    found = finding("dir-02", world(), corpora, score=score)
    assert found.values["agreement, copy from random words"].value == pytest.approx(0.85, abs=0.03)
    assert found.values["agreement from random words − from real sentences"].value == pytest.approx(-0.1, abs=0.04)


@pytest.mark.parametrize(
    ("arms", "expected"), [({"words": 0.4, "labels": 0.85}, "fails"), ({"words": 0.3, "labels": 0.1}, "fails")]
)
def test_a_copy_must_beat_shuffled_answers_and_the_commonest_one(corpora, arms, expected):
    assert verdict("dir-02", world(**arms), corpora, score=score) == expected


def test_random_weights_do_not_hold(corpora):
    """A random encoder is copied, but tuned it scores as its twin does."""
    assert verdict("dir-02", world(), corpora, score=lambda asked, seed: 0.6 + 0.01 * (seed % 3)) != "holds"


def test_copies_are_taught_what_the_model_said_and_the_control_the_same_shuffled(corpora):
    asked = []
    inner = world()

    def says(one, texts):
        if one not in asked:
            asked.append(one)
        return inner(one, texts)

    finding("dir-02", says, corpora, score=score)
    copies = [one for one in asked if not isinstance(one, Answers)]
    model = next(one.asked for one in asked if isinstance(one, Answers))
    assert isinstance(model, TunedModel) and len(copies) == 3 * 2 * 5
    words, shuffled, sentences = copies[:3]
    assert all(
        e.label == words.task.labels[sum(map(ord, e.texts[0])) % len(words.task.labels)] for e in words.task.train
    )
    assert [e.texts for e in words.task.train] == [e.texts for e in shuffled.task.train]
    labels = lambda one: [e.label for e in one.task.train]
    assert labels(words) != labels(shuffled) and sorted(labels(words)) == sorted(labels(shuffled))
    known = {e.texts for e in model.task.train}
    assert not known & {e.texts for e in sentences.task.train} and not {e.texts for e in model.task.test} & {
        e.texts for e in sentences.task.train
    }
    lengths = np.array([len(e.texts[0].split()) for e in words.task.train])
    assert abs(lengths.mean() - np.mean([len(e.texts[0].split()) for e in model.task.train])) < 2
