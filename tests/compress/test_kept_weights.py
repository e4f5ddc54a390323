"""Tuning what is left of the pre-trained weights."""

from dataclasses import replace

import pytest
import torch

from bertology.claims.training import fine_tuned
from bertology.compress.pruning.kept_weights import KeptWeights
from bertology.compress.pruning.sparse import sparsity_of
from bertology.train.finetune import finetune
from bertology.train.recipe import plain
from bertology.train.tasks import property_of
from tests.planted import random_encoder, small


@pytest.fixture(scope="module")
def encoder():
    return random_encoder([small(scale=0.1).treebank], layers=2, heads=2, width=16)


@pytest.fixture(scope="module")
def task():
    return fine_tuned.cut(property_of(small(scale=0.1).treebank, "tense"), 24)


def tuned(encoder, task, technique):
    return finetune(encoder, task, replace(fine_tuned.using(technique), epochs=1, rate=1e-3)).best.model


@pytest.mark.parametrize("by", ["magnitude", "random"])
@pytest.mark.parametrize("scope", ["global", "matrix"])
def test_the_share_is_zero_after_tuning_and_the_rest_has_moved(encoder, task, by, scope):
    model = tuned(encoder, task, KeptWeights(0.5, by, scope))
    assert sparsity_of(model, encoder, task) == pytest.approx(0.5, abs=0.01)
    now = model.bert.encoder.layer[0].output.dense.weight
    before = encoder.base.encoder.layer[0].output.dense.weight
    assert (now[now != 0] != before[now != 0]).float().mean() > 0.9
    if scope == "matrix":
        assert float((now == 0).float().mean()) == pytest.approx(0.5, abs=0.01)


def test_the_largest_pretrained_weights_stay(encoder, task):
    model = tuned(encoder, task, KeptWeights(0.5, scope="matrix"))
    for k in range(2):
        now, before = (m.encoder.layer[k].intermediate.dense.weight for m in (model.bert, encoder.base))
        assert before[now == 0].abs().max() <= before[now != 0].abs().min()


def test_random_weights_are_the_seeds(encoder, task):
    recipe = replace(fine_tuned.using(KeptWeights(0.5, "random")), epochs=1)
    zeros = [
        finetune(encoder, task, recipe, seeds=(s,)).best.model.bert.encoder.layer[0].output.dense.weight == 0
        for s in (0, 0, 1)
    ]
    assert torch.equal(zeros[0], zeros[1]) and not torch.equal(zeros[0], zeros[2])


def test_techniques_are_written_with_what_they_hold():
    found = {str(plain(fine_tuned.using(t))) for t in (KeptWeights(0.3), KeptWeights(0.5), KeptWeights(0.3, "random"))}
    assert len(found) == 3
