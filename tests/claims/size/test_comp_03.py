"""comp-03: what distillation keeps on classification and on spans."""

from dataclasses import replace

import pytest

from bertology.claims.size.comp_03_classification_and_spans import TAGS, below, question, who
from bertology.corpus.sentence import Sentence
from bertology.record.errors import NotApplicable
from tests.claims.size.compressed import jitter, verdict


def kept(classes: float, spans: float, *, size: float = 0.002):
    return lambda asked, seed: (spans if asked.task.kind == "token" else classes) + jitter(asked, seed, size)


@pytest.mark.parametrize(("scores", "expected"), [((0.88, 0.7), "holds"), ((0.7, 0.88), "fails")])
def test_more_must_be_kept_on_classification(corpora, scores, expected):
    assert verdict("comp-03", kept(*scores), corpora) == expected


def test_equal_shares_and_noise_do_not_hold(corpora):
    assert verdict("comp-03", kept(0.8, 0.8), corpora) != "holds"
    assert verdict("comp-03", kept(0.8, 0.8, size=0.05), corpora) != "holds"


def test_students_that_learn_nothing_are_not_compared(corpora):
    with pytest.raises(NotApplicable, match="nothing to compare"):
        verdict("comp-03", kept(0.5, 0.51), corpora)


def test_random_weights_do_not_hold(corpora):
    assert verdict("comp-03", kept(0.88, 0.7), corpora, twin=0.9) != "holds"


def made(words: str, upos: str, head: tuple[int, ...], deprel: str) -> Sentence:
    parts = tuple(words.split())
    starts = tuple(len(" ".join(parts[:k])) + (k > 0) for k in range(len(parts)))
    layers = {"upos": tuple(upos.split()), "head": head, "deprel": tuple(deprel.split())}
    return Sentence("s", " ".join(parts), parts, starts, layers)


def test_the_answer_is_the_subject_with_all_that_hangs_from_it():
    sentence = made("the old man sees dogs", "DET ADJ NOUN VERB NOUN", (2, 2, 3, -1, 3), "det amod nsubj root obj")
    asked = question(sentence, 0)
    assert asked is not None
    assert asked.texts == ("Who", "sees", "?", "the", "old", "man", "sees", "dogs")
    assert asked.label == ("O", "O", "O", "B-answer", "I-answer", "I-answer", "O", "O")
    assert below((2, 2, 3, -1, 3), 2) == {0, 1, 2}


def test_no_question_without_a_verb_with_a_subject():
    assert question(made("a dog", "DET NOUN", (1, -1), "det root"), 0) is None
    bare = made("a dog", "DET NOUN", (1, -1), "det root")
    assert question(replace(bare, layers={"upos": bare.layers["upos"]}), 0) is None
    torn = made("whom dogs he see", "PRON NOUN PRON VERB", (2, 3, 3, -1), "nmod obj nsubj root")
    assert question(torn, 0) is None


def test_the_question_decides_which_verb_is_meant(corpora):
    sentences = [s for s in corpora.treebank if s.layers["deprel"].count("nsubj") > 1]
    answers = {question(sentences[0], number).label for number in range(20)}
    assert len(answers) > 1


def test_the_task_is_of_spans_and_needs_questions(corpora):
    task = who(corpora.treebank)
    assert task.spans and task.measure == "F1" and task.labels == TAGS and task.majority == 0.0
    with pytest.raises(NotApplicable, match="questions"):
        who(corpora.treebank.sample(30, seed=0))
