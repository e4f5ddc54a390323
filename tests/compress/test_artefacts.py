"""Tuned models with parts silenced, their importance, and how long gates stay open."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AlbertConfig, AlbertModel

from bertology.claims.training import fine_tuned
from bertology.compress.artefacts import (
    GateSurvival,
    Importance,
    Reading,
    Silencing,
    _attending_alike,
    _Less,
    _means,
    _saying,
    grid,
    in_random_order,
    less_important,
    subnetwork,
)  # fmt: skip
from bertology.corpus.corpora import Corpora
from bertology.encoder.backend import attention
from bertology.encoder.cut import cut
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import wrap
from bertology.encoder.sites import head, hidden
from bertology.observe.divergence import HeadDivergence
from bertology.observe.reading import summarise
from bertology.record.errors import BadRequest, NoEffect, NotApplicable
from bertology.train.artefacts import TunedModel
from bertology.train.classifier import batches, classifier, encoded, evaluate
from bertology.train.task import Task
from bertology.train.tasks import property_of
from tests.planted import random_encoder, small, tokenizer_for


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    return small(scale=0.1)


@pytest.fixture(scope="module")
def encoder(corpora) -> Encoder:
    """Attention says far more than the residual stream."""
    made = random_encoder([corpora.treebank], layers=3, heads=4, width=32)
    with torch.no_grad():
        for layer in made.base.encoder.layer:
            layer.attention.self.value.weight.mul_(20)
            layer.attention.output.dense.weight.mul_(20)
    return made


@pytest.fixture(scope="module")
def task(corpora) -> Task:
    return fine_tuned.cut(property_of(corpora.treebank, "tense"), 48)


@pytest.fixture(scope="module")
def asked(encoder, task) -> TunedModel:
    return TunedModel(encoder, task, replace(fine_tuned.STANDARD, epochs=3, rate=3e-3), 0)


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return tmp_path_factory.mktemp("made")


def built(one, room):
    place = room / one.key
    place.mkdir()
    one.build(place, lambda what, done, total: None)
    (place / "complete").touch()
    return one.load(place)


def right(model, encoder, task, examples):
    lines = encoded(encoder, task, examples)
    return evaluate(model, lines, task, encoder.tokenizer.pad_token_id or 0, encoder.device, examples)[0]


def test_silenced_heads_score_as_heads_taken_out(encoder, task, asked, room):
    sets = (((1, 0),), ((1, 1), (2, 3), (3, 0)), ((2, 0), (2, 1), (2, 2), (2, 3)))
    found = built(Silencing(asked, sets, task.dev), room)
    after = asked.load(room / asked.key)
    whole = wrap(after.model, encoder.tokenizer, name="tuned", has_mlm=False)
    for k, one in enumerate(((), *sets)):
        less = cut(whole, *(head(*part) for part in one)) if one else whole
        for part, examples in (("chosen", task.dev), ("test", task.test)):
            assert (getattr(found, part)[k] == right(less.model, encoder, task, examples)).all(), (k, part)
    assert found.test[0].mean() == pytest.approx(after.score)


def test_a_silenced_layer_hands_its_input_on(encoder, task, asked, room):
    found = built(Silencing(asked, (((2, None),),), task.dev), room)
    after = asked.load(room / asked.key)
    less = cut(wrap(after.model, encoder.tokenizer, name="tuned", has_mlm=False), hidden(2))
    assert (found.test[1] == right(less.model, encoder, task, task.test)).all()


def test_the_ways_of_silencing_differ_and_leave_the_model_alone(encoder, task):
    model, every = classifier(encoder, task, 0).eval(), [(layer, h) for layer in (1, 2, 3) for h in range(4)]
    (batch,) = batches(encoded(encoder, task, task.dev[:8]), task, 8, 0, encoder.device)
    means = _means(model, encoder, task)
    with torch.no_grad(), attention(model, "eager"):
        intact = model(**batch.inputs).logits
        logits = [_Less(model, encoder, every, by, means)(**batch.inputs).logits for by in ("zero", "uniform")]
        logits += [_Less(model, encoder, every, "mean", means)(**batch.inputs).logits, intact]
        for k, one in enumerate(logits):
            assert all(float((one - other).abs().max()) > 1e-6 for other in logits[:k])
        assert torch.equal(model(**batch.inputs).logits, intact)


def test_silencing_that_never_happens_is_an_error(encoder, task):
    model = classifier(encoder, task, 0).eval()
    (batch,) = batches(encoded(encoder, task, task.dev[:8]), task, 8, 0, encoder.device)
    with attention(model, "sdpa"), pytest.raises(NoEffect, match="attention 2"):
        _Less(model, encoder, [(2, 0)], "uniform", {})(**batch.inputs)


def test_uniform_attention_and_means_by_hand():
    mask = torch.tensor([[1, 1, 1, 0]])
    edited = _attending_alike([1], mask)(torch.rand(1, 2, 4, 4), None)
    assert edited[0, 1].tolist() == [[pytest.approx(1 / 3)] * 3 + [0]] * 4
    value = torch.rand(1, 4, 2, 3)
    mean = torch.arange(6.0).view(2, 3)
    said = _saying([1], mean)(value, None)
    assert torch.equal(said[0, :, 1], mean[1].expand(4, 3)) and torch.equal(said[0, :, 0], value[0, :, 0])


@pytest.fixture(scope="module")
def half_deaf(corpora, task) -> TunedModel:
    """Nothing reads heads 0 and 1 of any layer; tuned for one step that moves next to nothing."""
    made = random_encoder([corpora.treebank], layers=3, heads=4, width=32)
    with torch.no_grad():
        for layer in made.base.encoder.layer:
            layer.attention.self.value.weight.mul_(20)
            layer.attention.output.dense.weight.mul_(20)
            layer.attention.output.dense.weight[:, :16] = 0
    return TunedModel(made, task, replace(fine_tuned.STANDARD, epochs=0.2, rate=1e-9), 0)


def test_heads_that_nothing_reads_have_no_importance(half_deaf, room):
    heads, neurons = built(Importance(half_deaf), room)
    assert heads.shape == (3, 4) and neurons.shape == (3, 64)
    assert heads[:, :2].max() < 1e-5 < 1e-2 < heads[:, 2:].min()
    assert np.linalg.norm(heads, axis=1) == pytest.approx(1, abs=1e-6)


def test_gates_close_as_the_budget_falls(half_deaf, room):
    recipe = replace(fine_tuned.STANDARD, epochs=6, batch=8)
    found = built(GateSurvival(half_deaf, recipe), room)
    assert found.shape == (3, 4) and (found > 0).all() and (found < 1).all()
    generous = built(GateSurvival(half_deaf, recipe, left=0.9), room)
    assert found.mean() + 0.1 < generous.mean()


def test_orders_and_subnetworks_by_hand(encoder):
    values = np.array([[3.0, 1.0], [0.0, 2.0]])
    assert less_important(values) == [(2, 0), (1, 1), (2, 1), (1, 0)]
    orders = [in_random_order(3, 4, seed) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2] and len({*orders[2]}) == 12
    gone = subnetwork(encoder, values, np.array([[1.0, 2.0, 3.0, 4.0]]), 0.5)
    assert [(s.kind, s.layer, s.index) for s in gone] == [
        ("head", 1, 1), ("head", 2, 0), ("neuron", 1, 1), ("neuron", 1, 0),
    ]  # fmt: skip


def test_a_reading_is_what_a_pass_would_show(corpora, encoder, room):
    text = corpora.treebank.sample(40)
    made = built(Reading(encoder, HeadDivergence(), text), room)
    (known,) = summarise(encoder, text, HeadDivergence())
    assert made.heads == pytest.approx(known.heads) and made.layers.rate() == pytest.approx(known.layers.rate())


def test_parts_that_are_not_there_are_refused(encoder, task, asked):
    with pytest.raises(BadRequest, match="no head 4"):
        Silencing(asked, (((1, 4),),), task.dev)
    with pytest.raises(BadRequest, match="layer 5"):
        Silencing(asked, (((5, None),),), task.dev)


def test_shared_layers_have_no_head_of_their_own(corpora):
    tokenizer = tokenizer_for([corpora.treebank])
    config = AlbertConfig(vocab_size=len(tokenizer), embedding_size=8, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16)  # fmt: skip
    with pytest.raises(NotApplicable, match="share"):
        grid(wrap(AlbertModel(config), tokenizer))


def test_artefacts_that_differ_have_keys_of_their_own(task, asked):
    one, two = ((1, 0),), ((1, 1),)
    different = [
        Silencing(asked, (one,), task.dev), Silencing(asked, (two,), task.dev), Silencing(asked, (one,), task.test),
        Silencing(asked, (one,), task.dev, "mean"), Importance(asked), GateSurvival(asked, fine_tuned.STANDARD),
        GateSurvival(asked, fine_tuned.STANDARD, left=0.2), Importance(replace(asked, seed=1)),
    ]  # fmt: skip
    assert len({a.key for a in different}) == len(different)
    assert Silencing(asked, (one,), task.dev).key == different[0].key
