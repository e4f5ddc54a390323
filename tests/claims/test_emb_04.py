"""emb-04: identity that fades and returns."""

from collections.abc import Callable

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of


def _blur(view: View, strength: Callable[[int, int], float]) -> None:
    last = len(view.hidden) - 1
    for layer in range(last + 1):
        noise = view.rng.standard_normal(view.hidden[layer].shape)
        view.hidden[layer] += strength(layer, last) * noise / noise.shape[-1] ** 0.5


def fades_inside(view: View) -> None:
    """Noise in the inner layers only."""
    _blur(view, lambda layer, last: 2.0 if 0 < layer < last else 0.0)


def fades_to_the_end(view: View) -> None:
    """Noise grows to the last layer."""
    _blur(view, lambda layer, last: 1.2 * layer / last)


def test_identity_lost_inside_and_rebuilt_holds(corpora: Corpora, tmp_path) -> None:
    assert result_of("emb-04", Planted(fades_inside, corpora), corpora, tmp_path).verdict == "holds"


def test_identity_lost_for_good_fails(corpora: Corpora, tmp_path) -> None:
    assert result_of("emb-04", Planted(fades_to_the_end, corpora), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("emb-04", random_encoder(corpora), corpora, tmp_path).verdict != "holds"
