"""comp-08: three ways against dropping layers."""

import pytest

from bertology.claims.size.comp_08_other_ways import exchange
from bertology.compress.compared import Factorised, FewerTokens
from bertology.record.errors import NotApplicable
from tests.claims.size.compressed import jitter, verdict
from tests.encoder.tiny import tiny


def ways(theseus: float, tokens: float, embeddings: float, *, size: float = 0.002):
    def score(asked, seed):
        method = asked.method
        gain = tokens if isinstance(method, FewerTokens) else embeddings if isinstance(method, Factorised) else 0.0
        return 0.75 + (theseus if getattr(method, "theseus", False) else gain) + jitter(asked, seed, size)

    return score


@pytest.mark.parametrize(
    ("gains", "expected"),
    [((0.1, 0.1, 0.1), "holds"), ((-0.1, 0.1, 0.1), "fails"), ((0.1, -0.1, 0.1), "fails"), ((0.1, 0.1, -0.1), "fails")],
)
def test_each_way_must_beat_dropped_layers(corpora, gains, expected):
    assert (
        verdict("comp-08", ways(*gains), corpora, encoder=tiny("bert", num_hidden_layers=4, vocab_size=4000))
        == expected
    )


def test_noise_and_random_weights_do_not_hold(corpora):
    encoder = tiny("bert", num_hidden_layers=4, vocab_size=4000)
    assert verdict("comp-08", ways(0.0, 0.0, 0.0, size=0.03), corpora, encoder=encoder) != "holds"
    assert verdict("comp-08", ways(0.1, 0.1, 0.1), corpora, encoder=encoder, twin=0.9) != "holds"


def test_the_rank_saves_what_the_layers_do():
    encoder = tiny("bert", num_hidden_layers=4, vocab_size=4000)
    layers, rank = exchange(encoder)
    rows, width = encoder.base.get_input_embeddings().weight.shape
    saved = layers * sum(p.numel() for p in encoder.base.encoder.layer[0].parameters())
    assert layers >= 1 and rows * width - (rank + 1) * (rows + width) < saved <= rows * width - rank * (rows + width)


def test_encoders_that_cannot_trade_are_not_applicable():
    with pytest.raises(NotApplicable, match="even number"):
        exchange(tiny("bert", num_hidden_layers=3))
    with pytest.raises(NotApplicable, match="no rank"):
        exchange(tiny("bert", num_hidden_layers=4, vocab_size=30))
