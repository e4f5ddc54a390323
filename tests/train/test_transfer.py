"""A token task fine-tuned once and scored on sentences elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from bertology.corpus.corpora import Corpora
from bertology.record.errors import BadRequest
from bertology.train.finetune import FineTuning
from bertology.train.task import Example, Task
from bertology.train.tasks import parts_of_speech
from bertology.train.transfer import Transfer
from tests.planted import random_encoder

RECIPE = FineTuning(epochs=4, batch=16, rate=3e-3)


@pytest.fixture(scope="module")
def material():
    treebank = Corpora.load(scale=0.05).treebank
    task = parts_of_speech(treebank).limited(96)
    return replace(task, labels=(*task.labels, "X")), random_encoder([treebank], layers=1, heads=2, width=32)


def test_words_right_are_counted_by_sentence_and_language(material, tmp_path):
    task, encoder = material
    other = tuple(Example(e.texts, tuple("X" for _ in e.label)) for e in task.test[:9])
    ask = Transfer(encoder, task, RECIPE, 0, (("en", task.test[:9]), ("none right", other), ("train", task.train)))
    ask.build(tmp_path, lambda *given: None)
    right = ask.load(tmp_path)
    words = np.array([len(e.label) for e in task.test[:9]])
    assert right["en"].shape == (9,) and (right["en"] <= words).all()
    assert (right["none right"] == 0).all()
    assert right["train"].sum() > 0.6 * sum(len(e.label) for e in task.train)


def test_what_is_scored_elsewhere_is_part_of_the_key(material):
    task, encoder = material
    keys = {Transfer(encoder, task, RECIPE, 0, (("en", task.test[:n]),)).key for n in (3, 4)}
    keys |= {Transfer(encoder, task, RECIPE, 1, (("en", task.test[:3]),)).key}
    assert len(keys) == 3


def test_a_task_of_sentences_is_refused(material):
    example = (Example(("a",), "x"), Example(("b",), "y"))
    with pytest.raises(BadRequest, match="is a sentence task"):
        Transfer(material[1], Task("t", "sentence", ("x", "y"), example, example, example), RECIPE, 0, ())
