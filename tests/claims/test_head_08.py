"""head-08: attention as a weak pointer."""

import pytest

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    """Sentences whose verb has a distractor."""
    full = Corpora.load(scale=1.2)
    return Corpora.load({"subjects": full.subjects.where(lambda s: "distractor" in s.links, why="no distractor")})


def pulled_slightly(view: View) -> None:
    """In layer 1 a verb attends half as much again to distractors of its subject's number."""
    for verb, noun, label in view.sentence.links.get("distractor", ()):
        if label == "match":
            view.attention[0, :, view.token(verb), view.token(noun)] *= 1.5


def points_to_subjects(view: View) -> None:
    """Every head attends from a verb to its subject."""
    for verb, subject, _ in view.sentence.links.get("agreement", ()):
        for layer in range(1, len(view.attention) + 1):
            for head in range(view.attention.shape[1]):
                view.point(layer, head, verb, subject, 0.8)


def test_even_attention_with_a_slight_pull_holds(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-08", Planted(pulled_slightly, [corpora.subjects]), corpora, tmp_path)
    assert result.verdict == "holds"


def test_heads_that_point_to_subjects_fail(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-08", Planted(points_to_subjects, [corpora.subjects]), corpora, tmp_path)
    assert result.verdict == "fails"
    assert result.values["mean confusion"].value < 0.5


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-08", random_encoder([corpora.subjects]), corpora, tmp_path).verdict != "holds"
