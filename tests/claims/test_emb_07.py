"""emb-07: segment against place."""

import pytest
import torch

from bertology.claims.localization.emb_07_segments import swapped
from bertology.corpus.corpora import Corpora
from bertology.encoder.align import encode
from bertology.record.errors import NotApplicable
from tests.planted import Planted, View, code, random_encoder, result_of


def marks_places(view: View) -> None:
    """Every token carries its place, and its segment faintly."""
    for token, segment in enumerate(view.line.types.tolist()):
        view.hidden[1:, token] += code(f"place {token}", view.hidden.shape[-1]) + 0.1 * segment * code(
            "second", view.hidden.shape[-1]
        )


def test_segment_embeddings_made_large_in_a_real_encoder_hold(corpora: Corpora, tmp_path) -> None:
    encoder = random_encoder(corpora, layers=2)
    with torch.no_grad():
        encoder.base.embeddings.token_type_embeddings.weight[1] *= 6
    result = result_of("emb-07", encoder, corpora, tmp_path)
    assert result.verdict == "holds"


def test_places_that_outweigh_segments_fail(corpora: Corpora, tmp_path) -> None:
    assert result_of("emb-07", Planted(marks_places, corpora, layers=2), corpora, tmp_path).verdict == "fails"


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_weights_do_not_hold(corpora: Corpora, tmp_path, seed: int) -> None:
    assert result_of("emb-07", random_encoder(corpora, layers=2, seed=seed), corpora, tmp_path).verdict != "holds"


def test_equal_segment_embeddings_are_not_applicable(corpora: Corpora, tmp_path) -> None:
    encoder = random_encoder(corpora, layers=2)
    with torch.no_grad():
        encoder.base.embeddings.token_type_embeddings.weight[1] = encoder.base.embeddings.token_type_embeddings.weight[
            0
        ]
    with pytest.raises(NotApplicable, match="segment ids change nothing"):
        result_of("emb-07", encoder, corpora, tmp_path)


def test_the_other_order_has_the_same_words_and_segments_of_its_own(corpora: Corpora) -> None:
    pairs = corpora.segments
    turned = pairs.map(swapped, name="turned")
    for before, after in zip(pairs, turned, strict=True):
        cut = before.layers["segment"].index(1)
        assert after.words == before.words[cut:] + before.words[:cut]
        assert [after.text[a:b] for a, b in zip(after.starts, after.ends, strict=True)] == list(after.words)
    encoder = random_encoder(corpora, layers=2)
    a, b = (encode(c, encoder.tokenizer, 512).lines for c in (pairs, turned))
    assert [len(x.ids) for x in a] == [len(x.ids) for x in b]
    assert all(x.types.sum() == len(x.ids) - (y.types.sum() + 1) for x, y in zip(a, b, strict=True))
