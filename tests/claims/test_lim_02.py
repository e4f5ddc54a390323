"""lim-02: selectivity of linear and multi-layer probes."""

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of


def tags_in_the_open_types_tangled(view: View) -> None:
    """A word's tag is a direction of its own; its identity sits in a few entangled dimensions that only a non-linear probe reads."""
    for word, tag in enumerate(view.sentence.layers["upos"]):
        for layer in range(view.hidden.shape[0]):
            view.write(layer, word, f"tag {tag}", 2.0)


def test_plain_tags_and_memorable_types_hold(corpora: Corpora, tmp_path) -> None:
    encoder = Planted(tags_in_the_open_types_tangled, corpora, layers=2, heads=2, width=32, static=1.0, noise=0.1)
    result = result_of("lim-02", encoder, corpora, tmp_path)
    assert result.verdict == "holds", result.reason


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    encoder = random_encoder(corpora, layers=2, heads=2, width=32)
    assert result_of("lim-02", encoder, corpora, tmp_path).verdict != "holds"
