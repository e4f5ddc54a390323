"""emb-03: vectors that depend on context ever more with depth."""

from collections.abc import Callable

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of


def _blur(view: View, strength: Callable[[int, int], float]) -> None:
    last = len(view.hidden) - 1
    for layer in range(last + 1):
        noise = view.rng.standard_normal(view.hidden[layer].shape)
        view.hidden[layer] += strength(layer, last) * noise / noise.shape[-1] ** 0.5


def grows_with_depth(view: View) -> None:
    """Noise of each occurrence grows from layer to layer."""
    _blur(view, lambda layer, last: layer / last)


def shrinks_with_depth(view: View) -> None:
    """It shrinks after layer 1."""
    _blur(view, lambda layer, last: 0.0 if layer == 0 else 1.2 - layer / last)


def test_words_blurred_ever_more_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("emb-03", Planted(grows_with_depth, corpora), corpora, tmp_path).verdict == "holds"


def test_words_that_grow_sharper_fail(corpora: Corpora, tmp_path) -> None:
    assert result_of("emb-03", Planted(shrinks_with_depth, corpora), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("emb-03", random_encoder(corpora), corpora, tmp_path).verdict != "holds"
