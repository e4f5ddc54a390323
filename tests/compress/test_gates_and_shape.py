"""Gates against differences by hand, and a shape chosen by a table made by hand."""

import numpy as np
import pytest
import torch

from bertology.compress.inference import latency
from bertology.compress.inference.latency import LatencyTable, seconds
from bertology.compress.pruning.gates import Parts, gated, normalised, sensitivity, sizes
from bertology.compress.pruning.shape import of_random, shares, within
from bertology.encoder import Encoder, wrap
from bertology.encoder.cut import cut
from bertology.train.classifier import batches, classifier, encoded, loss_of
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

TABLE = LatencyTable(1.0, np.array([0, 4]), np.array([0.0, 4.0]), np.array([0, 8]), np.array([0.0, 8.0]), layers=2)
"""A head costs a second, a neuron too."""


@pytest.mark.parametrize("family", ["bert", "modernbert", "distilbert", "albert"])
@pytest.mark.parametrize("kind", ["sentence", "token"])
def test_sensitivity_is_the_slope_of_the_loss_at_a_gate(family: str, kind: str) -> None:
    task, encoder = some(kind), tiny(family)
    model = classifier(encoder, task, 0).eval()
    lines = encoded(encoder, task, task.dev)
    each = list(batches(lines, task, 1, 0, encoder.device))
    found = sensitivity(model, encoder, task, each)
    shape, step = sizes(encoder, model), 1e-2
    for layer, what, part in ((0, "heads", 1), (len(shape) - 1, "neurons", 5)):
        slopes = []
        for batch in each:
            losses = []
            for sign in (1, -1):
                gates = {w: [torch.ones(s[i]) for s in shape] for i, w in enumerate(("heads", "neurons"))}
                gates[what][layer][part] += sign * step
                with torch.no_grad(), gated(model, encoder, gates["heads"], gates["neurons"]):
                    losses.append(float(loss_of(model(**batch.inputs).logits, batch.labels, task)))
            slopes.append(abs(losses[0] - losses[1]) / (2 * step))
        assert getattr(found, what)[layer][part] == pytest.approx(np.mean(slopes), rel=0.03, abs=2e-5)


def test_sensitivity_does_not_depend_on_the_batches() -> None:
    task, encoder = some(), tiny("bert")
    model = classifier(encoder, task, 0).eval()
    lines = encoded(encoder, task, task.train[:16])
    found = [sensitivity(model, encoder, task, batches(lines, task, n, 0, encoder.device)) for n in (1, 5, 16)]
    for other in found[1:]:
        assert np.allclose(np.concatenate(other.heads), np.concatenate(found[0].heads), rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize("family", ["bert", "modernbert", "albert"])
def test_closed_gates_are_a_cut(family: str) -> None:
    task, encoder = some(), tiny(family)
    model = classifier(encoder, task, 0).eval()
    shape = sizes(encoder, model)
    marks = [np.arange(h) % 2 == 0 for h, _ in shape], [np.arange(n) % 3 == 0 for _, n in shape]
    sites = normalised(sensitivity(model, encoder, task, [])).sites(encoder, *marks)
    less = cut(wrap(model, encoder.tokenizer, has_mlm=False), *sites)
    batch = next(batches(encoded(encoder, task, task.dev), task, 8, 0, encoder.device))
    gates = [[torch.from_numpy(~m).float() for m in side] for side in marks]
    with torch.no_grad():
        with gated(model, encoder, *gates):  # type: ignore[arg-type]
            closed = model(**batch.inputs).logits
        assert torch.allclose(less.model(**batch.inputs).logits, closed, atol=1e-5)
        assert not torch.allclose(model(**batch.inputs).logits, closed, atol=1e-5)


def test_the_least_important_for_its_time_goes_first() -> None:
    importance = Parts(
        (np.array([9.0, 1.0, 9, 9]), np.array([9.0, 2, 9, 9])),
        (np.full(8, 5.0), np.array([5, 5, 5, 5, 0.1, 0.1, 5, 5])),
    )
    choice = within(importance, TABLE, seconds=1 + 24 - 4, group=2)
    assert choice.seconds == pytest.approx(21)
    assert [np.flatnonzero(h).tolist() for h in choice.heads] == [[1], [1]]
    assert [np.flatnonzero(n).tolist() for n in choice.neurons] == [[], [4, 5]]
    assert choice.shape == [(3, 8), (3, 6)]


def test_what_cannot_be_reached_takes_all_there_is() -> None:
    importance = Parts((np.ones(4),) * 2, (np.ones(8),) * 2)
    assert within(importance, TABLE, 0.0).seconds == pytest.approx(1.0)
    kept = within(importance, TABLE, 0.0, least_heads=1)
    assert kept.shape == [(1, 0), (1, 0)]
    assert shares(kept.shape, [(4, 8)] * 2) == (0.25, 0.0)


def test_random_importance_has_the_shape_and_another_order() -> None:
    importance = Parts((np.arange(4.0),), (np.arange(8.0),))
    a, b = of_random(importance, 0), of_random(importance, 1)
    assert a.heads[0].shape == (4,) and a.neurons[0].shape == (8,)
    assert not np.array_equal(np.argsort(a.neurons[0]), np.argsort(b.neurons[0]))


def test_a_table_is_monotone_and_prices_the_whole_at_what_it_takes() -> None:
    encoder = tiny("bert", hidden_size=64, intermediate_size=512)
    table = LatencyTable.measure(encoder, batch=4, length=32, steps=2, repeats=3)
    assert (np.diff(table.heads) >= 0).all() and (np.diff(table.neurons) >= 0).all()
    assert table.of([(0, 0)] * 2) <= table.of([(4, 512)] * 2)
    assert table.fixed >= 0


def test_what_is_left_is_priced_at_what_a_bare_trunk_was_measured_at(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = tiny("bert", num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)

    def planted(one: Encoder, **shape: int) -> float:
        """Heads and neurons that share: without either, half of both is saved a second time."""
        h, n = np.array(sizes(one)).sum(0) / (8, 128)
        return 1.0 + 4 * h + 4 * n - 3 * h * n

    monkeypatch.setattr(latency, "latency", planted)
    table = LatencyTable.measure(encoder, steps=4)
    assert table.of([(0, 0)] * 2) == pytest.approx(1.0) and table.of([(4, 64)] * 2) == pytest.approx(6.0)
    monkeypatch.setattr(latency, "latency", lambda one, **shape: 2.0)  # a clock that sees no difference
    assert LatencyTable.measure(encoder, steps=4).of([(0, 0)] * 2) == pytest.approx(2.0)


def test_seconds_are_those_of_one_call() -> None:
    calls = []
    assert 0 < seconds(lambda: calls.append(1), repeats=2, least=1e-4) < 1e-3
    assert len(calls) >= 4
