"""spec-02: attention to [SEP] as a no-operation."""

import torch

from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from tests.planted import random_encoder, result_of

SIZE = {"layers": 2, "heads": 2, "width": 32}


def with_an_empty_sep(corpora: Corpora) -> Encoder:
    """A BERT whose [SEP] lies along dimension 0 alone, which no value reads and nothing writes to."""
    encoder = random_encoder(corpora, **SIZE)
    base, sep = encoder.base, encoder.tokenizer.sep_token_id
    with torch.no_grad():
        embeddings = base.embeddings
        embeddings.position_embeddings.weight.zero_()
        embeddings.token_type_embeddings.weight.zero_()
        embeddings.word_embeddings.weight[:, 0] = 0
        embeddings.word_embeddings.weight[sep] = 0
        embeddings.word_embeddings.weight[sep, 0] = 5
        for layer in base.encoder.layer:
            layer.attention.self.value.weight.mul_(10)
            layer.attention.output.dense.weight.mul_(10)
            layer.attention.self.value.weight[:, 0] = 0
            # what LayerNorm leaves in the other dimensions is the same in each: take its sum out of the values
            layer.attention.self.value.weight[:, 1:] -= layer.attention.self.value.weight[:, 1:].mean(1, keepdim=True)
            layer.attention.output.dense.weight[0] = 0
            layer.output.dense.weight[0] = 0
    return encoder


def test_a_sep_without_content_holds(corpora: Corpora, tmp_path) -> None:
    result = result_of("spec-02", with_an_empty_sep(corpora), corpora, tmp_path)
    assert result.verdict == "holds"
    assert result.baselines["random twin, word vectors"].value > 0.7
    assert result.values["gradient on [SEP] relative to words"].value < 0.5


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("spec-02", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"


def test_random_weights_with_a_language_model_head_do_not_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("spec-02", random_encoder(corpora, **SIZE, mlm=True), corpora, tmp_path)
    assert result.verdict != "holds"
    assert result.values["cost of a word − cost of [SEP], at equal mass"].unit == "nats"
