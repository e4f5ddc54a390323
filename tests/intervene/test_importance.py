"""Gradient importance of heads, against finite differences of a gate."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from bertology.encoder import head
from bertology.intervene import (
    Ablate,
    HeadImportance,
    MaskedLoss,
    MaskWords,
    SentenceDirection,
    SiteMeans,
    head_importance,
    per_layer,
)  # fmt: skip
from bertology.observe import summarise
from bertology.record.errors import BadRequest, NotApplicable
from tests.encoder.tiny import tiny
from tests.intervene.texts import CORPUS, many


def _double(family, **options):
    encoder = tiny(family, **options)
    encoder.model.double()
    return encoder


def _by_gates(encoder, loss, under=None, step=1e-4):
    """|dL/dgate| per (sentence, layer, head), by central differences of full forward passes."""
    found = np.zeros((len(CORPUS), encoder.n_layers, encoder.n_heads))
    for batch in encoder.batches(CORPUS):
        given = under.change(batch, encoder) if under else batch
        for layer in range(1, encoder.n_layers + 1):
            for h in range(encoder.n_heads):
                sides = []
                for gate in (1 + step, 1 - step):
                    scale = torch.ones(encoder.n_heads, 1, dtype=torch.float64)
                    scale[h] = gate
                    seen = encoder.observe(given, edits={("head", layer): lambda value, _, s=scale: value * s})
                    with torch.no_grad():
                        sides.append(loss(given, seen, encoder).numpy())
                found[batch.indices, layer - 1, h] = np.abs(sides[0] - sides[1]) / (2 * step)
    return found


@pytest.mark.parametrize("family", ["bert", "albert", "modernbert", "deberta-v2", "distilbert"])
@pytest.mark.parametrize("loss", [MaskedLoss(), SentenceDirection(seed=5)])
def test_importance_is_the_derivative_of_a_gate_sentence_by_sentence(family, loss):
    encoder = _double(family)
    under = MaskWords(0.3, seed=2) if isinstance(loss, MaskedLoss) else None
    importance = head_importance(encoder, CORPUS, loss, under=under)
    expected = _by_gates(encoder, loss, under)
    # ModernBERT's rotary embedding is float32 whatever the weights, which a difference quotient magnifies
    tolerance = 1e-3 if family == "modernbert" else 1e-6
    assert np.abs(importance.total[CORPUS.blocks] - expected).max() < tolerance * expected.max()
    assert expected.max(0).min() > 1e-4


def test_a_head_that_nothing_reads_has_importance_zero():
    encoder = tiny("bert")
    with torch.no_grad():
        encoder.base.encoder.layer[0].attention.output.dense.weight[:, 16:24] = 0
    importance = head_importance(encoder, CORPUS).rate()
    assert importance[0, 2] == 0
    assert (np.delete(importance.ravel(), 2) > 1e-4).all()


def test_batches_and_padding_change_nothing():
    encoder = tiny("bert")
    together, alone = (head_importance(encoder, CORPUS, token_budget=budget) for budget in (4096, 1))
    assert np.allclose(together.total, alone.total, rtol=1e-4, atol=1e-6)


def test_sentence_direction_estimates_the_length_of_the_jacobian():
    encoder = _double("bert", mlm=False)
    corpus = many(1)
    batch = next(encoder.batches(corpus))
    drawn = [head_importance(encoder, corpus, SentenceDirection(seed)).rate() for seed in range(150)]

    def vector(gate):
        seen = encoder.observe(
            batch, edits={("head", 1): lambda value, _: torch.cat([value[..., :1, :] * gate, value[..., 1:, :]], 2)}
        )
        return torch.nn.functional.normalize(seen.hidden(2)[0].sum(0), dim=0)

    length = float(((vector(1 + 1e-4) - vector(1 - 1e-4)) / 2e-4).norm())
    assert abs(np.mean(drawn, 0)[0, 0] / length - 1) < 0.2


def test_without_a_language_model_head_the_sentence_vector_is_used():
    encoder = tiny("bert", mlm=False)
    chosen, named = head_importance(encoder, CORPUS), head_importance(encoder, CORPUS, SentenceDirection())
    assert np.array_equal(chosen.total, named.total)
    with pytest.raises(NotApplicable):
        head_importance(encoder, CORPUS, MaskedLoss())
    with pytest.raises(NotApplicable):
        head_importance(tiny("fnet"), CORPUS)


def test_parameters_collect_no_gradient():
    encoder = tiny("bert")
    head_importance(encoder, CORPUS)
    assert all(p.grad is None for p in encoder.model.parameters())


def test_frozen_weights_are_a_bad_request():
    encoder = tiny("bert")
    encoder.model.requires_grad_(False)
    with pytest.raises(BadRequest, match="frozen"):
        head_importance(encoder, CORPUS)


def test_masked_loss_without_masks_is_a_bad_request():
    with pytest.raises(BadRequest, match="MaskWords"):
        summarise(tiny("bert"), CORPUS, HeadImportance(MaskedLoss()))


def test_it_is_measured_in_one_pass_beside_other_statistics():
    encoder = tiny("bert")
    importance, means = summarise(
        encoder, CORPUS, HeadImportance(MaskedLoss()), SiteMeans((head(1),)), under=MaskWords()
    )
    assert np.allclose(importance.total, head_importance(encoder, CORPUS).total, rtol=1e-4, atol=1e-7)
    assert means.n == encoder.encode(CORPUS).n_tokens
    again = summarise(encoder, CORPUS, HeadImportance(SentenceDirection()), under=Ablate(head(2, 0)))[0]
    assert again.rate()[1, 0] == 0


def test_intervals_exist_and_layers_are_normalised():
    importance = head_importance(tiny("bert"), many(30))
    estimate = importance[0, 0].estimate()
    assert estimate.low < estimate.value < estimate.high
    assert np.allclose((per_layer(importance.rate()) ** 2).sum(1), 1)
    assert per_layer(np.zeros((2, 3))).sum() == 0


def test_any_loss_of_the_output_will_do():
    @dataclass(frozen=True)
    class FirstCoordinate:
        def __call__(self, batch, seen, encoder):
            return seen.hidden(encoder.n_layers)[:, 0, 0]

    encoder = _double("bert")
    expected = _by_gates(encoder, FirstCoordinate())
    assert np.abs(head_importance(encoder, CORPUS, FirstCoordinate()).total[CORPUS.blocks] - expected).max() < 1e-6
