"""head-04: object heads recur across treebanks."""

from dataclasses import replace

import pytest

from bertology.corpus.corpora import Corpora
from bertology.record.errors import NotApplicable
from tests.planted import Planted, View, random_encoder, result_of


@pytest.fixture(scope="module")
def two(corpora: Corpora) -> Corpora:
    """The treebank, and the same sentences under other names."""
    second = corpora.treebank.map(lambda s: replace(s, id=f"second {s.id}"), name="second")
    return Corpora.load({"treebank": corpora.treebank, "treebank2": second})


def follows(view: View, relations: tuple[str, ...]) -> None:
    for word, (head, name) in enumerate(zip(view.sentence.layers["head"], view.sentence.layers["deprel"], strict=True)):
        if name in relations:
            view.point(2, 1, word, head)


def objects_in_both(view: View) -> None:
    """Objects follow their verb everywhere, subjects in the first treebank only."""
    follows(view, ("obj",) if view.sentence.id.startswith("second") else ("obj", "nsubj"))


def everything_in_both(view: View) -> None:
    follows(view, ("obj", "nsubj", "amod", "advmod"))


def objects_in_one(view: View) -> None:
    follows(view, ("nsubj",) if view.sentence.id.startswith("second") else ("obj",))


def test_object_heads_in_both_and_subject_heads_in_one_hold(two: Corpora, tmp_path) -> None:
    assert result_of("head-04", Planted(objects_in_both, [two.treebank]), two, tmp_path).verdict == "holds"


def test_object_heads_in_one_treebank_only_fail(two: Corpora, tmp_path) -> None:
    assert result_of("head-04", Planted(objects_in_one, [two.treebank]), two, tmp_path).verdict == "fails"


def test_relations_that_recur_alike_fail(two: Corpora, tmp_path) -> None:
    assert result_of("head-04", Planted(everything_in_both, [two.treebank]), two, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(two: Corpora, tmp_path) -> None:
    encoder = random_encoder([two.treebank], layers=2, heads=2, width=16)
    assert result_of("head-04", encoder, two, tmp_path).verdict != "holds"


def test_one_treebank_is_not_enough(corpora: Corpora, tmp_path) -> None:
    with pytest.raises(NotApplicable, match="one treebank only"):
        result_of("head-04", random_encoder(corpora), corpora, tmp_path)


def test_a_given_treebank_is_compared_with_the_embedded_one() -> None:
    from bertology.claims.localization.head_04_across import two_treebanks

    embedded = Corpora.load(scale=0.02).treebank
    given = Corpora.load({"treebank": replace(embedded, name="given", sentences=embedded.sentences[:40])}, scale=0.02)
    first, second = two_treebanks(given)
    assert (len(first), len(second)) == (40, len(embedded))
