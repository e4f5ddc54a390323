"""head-02: heterogeneous maps are a minority."""

from bertology.corpus.corpora import Corpora
from tests.claims.test_head_01 import five_types, nothing
from tests.planted import Planted, random_encoder, result_of


def test_mostly_structured_maps_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-02", Planted(five_types, corpora), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.values["heterogeneous maps"].value == 2 / 16


def test_maps_of_noise_fail(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-02", Planted(nothing, corpora), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-02", random_encoder(corpora), corpora, tmp_path).verdict != "holds"
