"""Replaced-token detection: what is sampled, what counts as replaced, and where gradients go."""

from collections.abc import Iterable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from bertology.encoder.head import mlm_logits
from bertology.train.batch import TrainingBatch, collate
from bertology.train.draft import Draft
from bertology.train.objectives import replaced_tokens
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.objective import draft
from bertology.train.objectives.replaced_tokens import ReplacedTokens, sampled
from bertology.train.reading import Reading
from tests.encoder.tiny import tiny
from tests.train.hand import CLS, MASK, NO, SEP, SOURCE, scripted, within

VOCABULARY = 97


def masked(*pieces: tuple[int, int], seed: int = 0) -> Draft:
    return draft((ReplacedTokens(Masking(0.4, masked=1, random=0)),), pieces, SOURCE, np.random.default_rng(seed))


def two_rows() -> TrainingBatch:
    return collate([masked((0, 10)), masked((10, 14), (14, 17), seed=1), masked((17, 20), seed=2)], length=16, pad=0)


def sure(choices: Iterable[int], width: int = 60) -> torch.Tensor:
    """Logits of a generator that is certain of its choices."""
    choices = list(choices)
    logits = torch.zeros(len(choices), width)
    logits[range(len(choices)), choices] = 1e4
    return logits


def built(family: str = "electra") -> tuple[ReplacedTokens, nn.Module, nn.Module]:
    objective, model = ReplacedTokens(), tiny(family, scale=1.0).model.eval()
    torch.manual_seed(0)
    return objective, model, objective.head(model).eval()


def test_all_chosen_positions_are_masked() -> None:
    rng = scripted(("random", 0.1), ("permutation", [3, 1, 2, 4]), ("random", [0.99]), ("choice", [50]))
    found = draft((ReplacedTokens(),), ((3, 7),), SOURCE, rng)
    assert found.ids.tolist() == [CLS, 13, 14, MASK, 16, SEP]
    assert found.labels.tolist() == [NO, NO, NO, 15, NO, NO]


def test_a_sample_that_equals_the_original_counts_as_original() -> None:
    made = SOURCE.assemble([(0, 6)])
    made.labels[[2, 3, 5]] = made.clean[[2, 3, 5]]
    made.ids[[2, 3, 5]] = MASK
    ids, replaced = sampled(sure([40, 12, 41]), collate([made], length=8, pad=0))
    assert ids.tolist() == [[CLS, 10, 40, 12, 13, 41, 15, SEP]]
    assert replaced.tolist() == [[False, False, True, False, False, True, False, False]]


def test_samples_are_drawn_from_the_generators_distribution() -> None:
    made = SOURCE.assemble([(0, 20)])
    made.labels[1:21] = made.clean[1:21]
    batch = collate([made], length=22, pad=0)
    chances = torch.tensor([0.1, 0.25, 0.65])
    logits = torch.full((20, 60), -1e4)
    logits[:, 40:43] = chances.log() + 5
    torch.manual_seed(0)
    drawn = torch.cat([sampled(logits, batch)[0][0, 1:21] for _ in range(500)])
    assert set(drawn.tolist()) == {40, 41, 42}
    assert all(within((drawn == 40 + k).float().mean().item(), float(c), len(drawn)) for k, c in enumerate(chances))


def test_positions_without_a_label_are_never_replaced() -> None:
    batch = two_rows()
    ids, replaced = sampled(torch.zeros(int((batch.labels != NO).sum()), 60), batch)
    assert (ids[batch.labels == NO] == batch.clean[batch.labels == NO]).all()
    assert replaced.any() and not replaced[batch.labels == NO].any()


def test_special_tokens_and_padding_are_not_counted() -> None:
    batch = two_rows()
    assert (batch.example < 0).any()
    counts = ReplacedTokens().counts(batch)
    assert counts == {"generator": int((batch.labels != NO).sum()), "discriminator": 10 + 7 + 3}
    assert ReplacedTokens().weights() == {"generator": 1.0, "discriminator": 50.0}


def test_both_losses_are_as_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    objective, model, head = built()
    batch = two_rows()
    where = batch.labels != NO
    choices = batch.labels[where].clone()
    choices[::2] = 40  # every second one is replaced
    given: list[torch.Tensor] = []

    def certain(logits: torch.Tensor, batch: TrainingBatch) -> tuple[torch.Tensor, torch.Tensor]:
        given.append(logits)
        return sampled(sure(choices.tolist()), batch)

    monkeypatch.setattr(replaced_tokens, "sampled", certain)
    losses = objective.losses(Reading(model, batch), head)
    read = Reading(model, batch)
    guesses = mlm_logits(head.generator, read.read(batch.ids, head.generator)[where])  # type: ignore[arg-type]
    assert torch.allclose(given[0], guesses, atol=1e-6)
    assert losses["generator"].item() == pytest.approx(
        cross_entropy(guesses, batch.labels[where], reduction="sum").item()
    )
    text = batch.clean.clone()
    text[where] = choices
    states, expected = read.read(text), 0.0
    for row, column in torch.nonzero(batch.words >= 0).tolist():
        score = head.score(nn.functional.gelu(head.dense(states[row, column])))  # type: ignore[operator]
        is_replaced = torch.tensor([float(text[row, column] != batch.clean[row, column])])
        expected += binary_cross_entropy_with_logits(score, is_replaced).item()
    assert losses["discriminator"].item() == pytest.approx(expected, rel=1e-5)


def reached(loss: torch.Tensor, parameters: Iterable[nn.Parameter]) -> list[bool]:
    found = torch.autograd.grad(loss, list(parameters), retain_graph=True, allow_unused=True)
    return [g is not None and bool(g.abs().sum() > 0) for g in found]


@pytest.mark.parametrize("family", ["electra", "bert"])
def test_no_gradient_flows_from_the_discriminator_into_the_generator(family: str) -> None:
    objective, model, head = built(family)
    losses = objective.losses(Reading(model, two_rows()), head)
    shared = {id(p) for p in model.parameters()}
    own = [p for p in head.generator.parameters() if id(p) not in shared]  # type: ignore[operator,union-attr]
    layers = [p for name, p in model.base_model.named_parameters() if "layer" in name and "key.bias" not in name]  # type: ignore[union-attr]
    detector = [*head.dense.parameters(), *head.score.parameters()]  # type: ignore[union-attr]
    assert not any(reached(losses["discriminator"], own))
    assert sum(reached(losses["generator"], own)) > 0.7 * len(own)
    assert not any(reached(losses["generator"], [*layers, *detector]))
    assert all(reached(losses["discriminator"], [*layers, *detector]))


def test_a_generator_of_the_same_embedding_trains_the_models_own() -> None:
    objective, model, head = built("electra")
    losses = objective.losses(Reading(model, two_rows()), head)
    embedding = model.get_input_embeddings().weight  # type: ignore[operator,union-attr]
    generator = head.generator
    assert generator.get_input_embeddings().weight is embedding  # type: ignore[operator,union-attr]
    assert generator.get_output_embeddings().weight is embedding  # type: ignore[operator,union-attr]
    assert reached(losses["generator"], [embedding]) == reached(losses["discriminator"], [embedding]) == [True]


def test_a_generator_of_another_width_has_its_own_embedding() -> None:
    objective, model, head = built("bert")
    losses = objective.losses(Reading(model, two_rows()), head)
    assert not reached(losses["generator"], [model.get_input_embeddings().weight])[0]  # type: ignore[operator,union-attr]


@pytest.mark.parametrize("family", ["electra", "bert", "roberta", "albert", "distilbert", "modernbert"])
def test_the_generator_has_a_share_of_the_models_width(family: str) -> None:
    _, model, head = built(family)
    config = head.generator.config  # type: ignore[union-attr]
    assert (config.hidden_size, config.num_attention_heads, config.vocab_size) == (8, 1, VOCABULARY)  # type: ignore[union-attr]
    assert model.config.hidden_size == 32  # type: ignore[union-attr]
    feed_forward = "hidden_dim" if family == "distilbert" else "intermediate_size"
    assert getattr(config, feed_forward) == 12  # type: ignore[union-attr]
    losses = ReplacedTokens().losses(Reading(model, two_rows()), head)
    assert all(torch.isfinite(value) for value in losses.values())
