"""head-13: attention as explanation."""

import torch

from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from tests.planted import random_encoder, result_of


def with_attention_at(layer: int, corpora: Corpora) -> Encoder:
    """A BERT of two layers: what layer `layer` (0 or 1) attends to is added to all tokens; the other looks elsewhere,
    and adds little."""
    encoder = random_encoder(corpora, layers=2, heads=1, width=32)
    base = encoder.base
    with torch.no_grad():
        base.embeddings.position_embeddings.weight.zero_()
        base.embeddings.token_type_embeddings.weight.zero_()
        for number, block in enumerate(base.encoder.layer):
            attention, strong = block.attention.self, number == layer
            for linear in (attention.query, attention.key, block.intermediate.dense, block.output.dense):
                linear.weight.zero_()
                linear.bias.zero_()
            dimension = 0 if strong else 1
            attention.query.bias[dimension] = 1.5 * 32**0.5
            attention.key.weight[dimension, dimension] = 1
            attention.value.weight.copy_(torch.eye(32) * (3.0 if strong else 0.02))
            block.attention.output.dense.weight.copy_(torch.eye(32))
    return encoder


def test_attention_of_an_idle_last_layer_explains_least(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-13", with_attention_at(0, corpora), corpora, tmp_path)
    assert result.verdict == "holds"


def test_attention_of_a_last_layer_that_does_the_work_refutes_the_claim(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-13", with_attention_at(1, corpora), corpora, tmp_path).verdict == "fails"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    encoder = random_encoder(corpora, layers=2, heads=2, width=32)
    assert result_of("head-13", encoder, corpora, tmp_path).verdict != "holds"
