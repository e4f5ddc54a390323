"""head-03: heads that follow relations."""

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of


def looks_at_its_governor(view: View) -> None:
    """Layer 2 · head 1 attends from every object and determiner to its governor."""
    for word, (head, relation) in enumerate(
        zip(view.sentence.layers["head"], view.sentence.layers["deprel"], strict=True)
    ):
        if relation in ("obj", "det"):
            view.point(2, 1, word, head)


def test_a_head_that_attends_to_governors_holds(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-03", Planted(looks_at_its_governor, corpora), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["obj"].value > 0.95


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-03", random_encoder(corpora), corpora, tmp_path).verdict != "holds"
