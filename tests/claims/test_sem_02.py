"""sem-02: semantics on spans, beyond what neighbouring embeddings know."""

import numpy as np
import pytest

from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, sentence
from bertology.probe.edge_readings import annotated
from bertology.record.errors import NotApplicable
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 1, "heads": 2, "width": 24}


def labelled_sentences(*, lexical: bool = False, size: int = 400) -> Corpora:
    """Entities, roles and proto-roles on random words; with `lexical` labels are those of the next word, else of no word."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(size):
        forms = rng.integers(30, size=7)
        a, b, c = ((forms[[3, 5, 2]] % 2) if lexical else rng.integers(2, size=3)).tolist()
        made.append(
            sentence(
                [f"word{form}" for form in forms], f"s{number}",
                spans={"entity": ((2, 3, "AB"[a]),)},
                links={"role": ((1, 4, "xy"[b]),), "proto-role": ((1, 4, f"{'+-'[c]}moves"),)},
            )
        )  # fmt: skip
    return Corpora.load({"spans": Corpus("spans", tuple(made))})


def writes_labels(view: View) -> None:
    """Layer 1 says of each span what is said of it."""
    (_, _, kind), (_, _, role), (_, _, rating) = (
        view.sentence.spans["entity"][0], view.sentence.links["role"][0], view.sentence.links["proto-role"][0],
    )  # fmt: skip
    view.write(1, 2, f"entity {kind}", 3)
    view.write(1, 4, f"role {role}", 3)
    view.write(1, 1, f"rating {rating}", 3)


def writes_nothing(view: View) -> None:
    """Word identity and noise."""


def test_labels_written_on_spans_hold(tmp_path) -> None:
    corpora = labelled_sentences()
    assert annotated(corpora.spans) == ("entity types", "semantic roles", "proto-roles")
    result = result_of("sem-02", Planted(writes_labels, [corpora.spans], **SIZE), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["proto-roles, F1"].value > 95
    assert "Not in this corpus: relations" in result.note


def test_what_neighbours_say_and_the_span_does_not_fails(tmp_path) -> None:
    corpora = labelled_sentences(lexical=True)
    result = result_of("sem-02", Planted(writes_nothing, [corpora.spans], **SIZE), corpora, tmp_path)
    assert result.verdict == "fails"
    assert result.values["entity types, F1 of the convolution"].value > 70


def test_random_weights_do_not_hold(tmp_path) -> None:
    corpora = labelled_sentences()
    assert result_of("sem-02", random_encoder([corpora.spans], **SIZE), corpora, tmp_path).verdict != "holds"


def test_a_corpus_with_few_examples_is_not_applicable(tmp_path) -> None:
    corpora = labelled_sentences(size=40)
    with pytest.raises(NotApplicable, match="too few examples"):
        result_of("sem-02", random_encoder([corpora.spans], **SIZE), corpora, tmp_path)
