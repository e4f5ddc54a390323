"""over-03: heads of a layer are alike."""

import pytest

from bertology.corpus.corpora import Corpora
from bertology.record.errors import NotApplicable
from tests.planted import Planted, View, random_encoder, result_of


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    return Corpora.load(scale=0.15)


def by_layer(view: View) -> None:
    """All heads of a layer attend as many tokens back as the layer's number."""
    for layer in range(1, 5):
        for query in range(len(view.line.ids)):
            for head in range(4):
                view.attend(layer, head, query, (query - layer) % len(view.line.ids), 0.5)


def by_head(view: View) -> None:
    """Heads of the same number are alike in all layers."""
    for query in range(len(view.line.ids)):
        for head in range(4):
            for layer in range(1, 5):
                view.attend(layer, head, query, (query - head) % len(view.line.ids), 0.5)


def test_layers_of_like_heads_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("over-03", Planted(by_layer, [corpora.text]), corpora, tmp_path).verdict == "holds"


def test_heads_alike_across_layers_fail(corpora: Corpora, tmp_path) -> None:
    assert result_of("over-03", Planted(by_head, [corpora.text]), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("over-03", random_encoder([corpora.text]), corpora, tmp_path).verdict != "holds"


def test_a_single_head_a_layer_is_not_applicable(corpora: Corpora, tmp_path) -> None:
    with pytest.raises(NotApplicable, match="of 1 heads"):
        result_of("over-03", random_encoder([corpora.text], heads=1), corpora, tmp_path)
