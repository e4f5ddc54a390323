"""head-09: scopes of negation."""

import pytest

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    """Sentences with a negation only."""
    full = Corpora.load(scale=0.5)
    return Corpora.load({"negation": full.negation.where(lambda s: "negation" in s.spans, why="no negation")})


def attends_to_its_cue(view: View) -> None:
    """Layer 2 · head 1 attends from every word in scope to the cue, and from no other word."""
    spans = view.sentence.spans.get("negation", ())
    cue = next((start for start, _, label in spans if label == "cue"), None)
    scope = {w for start, end, label in spans if label == "scope" for w in range(start, end)}
    if cue is not None:
        for word in range(len(view.sentence)):
            view.point(2, 1, word, cue, 0.5 if word in scope else 0.0)


def looks_back(view: View) -> None:
    """Every head of every layer attends to the token before."""
    view.attention[:] = 0
    for query in range(len(view.line.ids)):
        view.attention[:, :, query, max(query - 1, 0)] = 1


def test_a_head_that_attends_to_the_cue_within_its_scope_holds(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-09", Planted(attends_to_its_cue, [corpora.negation]), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["best head"].value > 0.99


def test_heads_that_look_back_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-09", Planted(looks_back, [corpora.negation]), corpora, tmp_path).verdict != "holds"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-09", random_encoder([corpora.negation]), corpora, tmp_path).verdict != "holds"
