"""Learnt gates: sizes by hand, closed gates are a cut, wishes are met, a useless head goes first."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from bertology.compress.inference.latency import LatencyTable
from bertology.compress.pruning import learned_gates
from bertology.compress.pruning.gate_parts import Gates, Marks, Share, Speed, closed_parts, fold, sites_of, width_gated
from bertology.compress.pruning.gates import gated, sizes
from bertology.compress.pruning.hard_concrete import HardConcrete
from bertology.compress.pruning.learned_gates import (
    COFI,
    COFI_WIDTH,
    MCCARLEY,
    VOITA,
    GatePruning,
    LearnedGates,
    NearestLayers,
)
from bertology.compress.pruning.structured import dev_score
from bertology.compress.pruning.width import narrowed
from bertology.compress.teaching.distil import Seen, SoftTargets
from bertology.encoder import Encoder, load, wrap
from bertology.encoder.cut import cut
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import batches, classifier, encoded
from bertology.train.finetune import FineTuning, Run, encoded_parts, finetune
from bertology.train.optimizer import Schedule
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAST = FineTuning(epochs=3, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))
ALL = ("head", "neuron", "attention", "ffn")
TABLE = LatencyTable(
    2.0, np.array([0, 2, 4]), np.array([0.0, 1.0, 4.0]), np.array([0, 48]), np.array([0.0, 4.8]), layers=2
)
"""Two seconds whatever is cut; the first two heads half a second each, the others one and a half; a neuron a tenth."""


def tuned(family: str = "bert", **changes: Any) -> Encoder:
    encoder = tiny(family, **changes)
    return wrap(finetune(encoder, some(), FAST, seeds=1).best.model, encoder.tokenizer, has_mlm=False)  # type: ignore[arg-type]


def untuned(family: str) -> Encoder:
    encoder = tiny(family)
    return wrap(classifier(encoder, some(), 0), encoder.tokenizer, has_mlm=False)


def logits(encoder: Encoder) -> torch.Tensor:
    task = some()
    lines = encoded(encoder, task, task.test)
    with torch.inference_mode():
        found = [encoder.model(**b.inputs).logits for b in batches(lines, task, 64, 0, encoder.device)]
    return torch.cat(found)


def gates_of(encoder: Encoder, on: Any = ALL) -> Gates:
    return Gates(encoder.model, encoder, on, HardConcrete(), 0.99)


def test_sizes_by_hand() -> None:
    gates = gates_of(untuned("bert"))
    # a head: three matrices of 8 rows of 32 and a bias, 8 columns of 32; a neuron: a row of 32 and a bias, a column of 32
    assert gates.costs == [(3 * 8 * 33 + 8 * 32, 33 + 32)] * 2
    assert Share(0.5, "heads").size(gates, [4, 1], [48, 0]) == pytest.approx(5 / 8)
    assert Share(0.5, "neurons").size(gates, [4, 1], [48, 0]) == pytest.approx(1 / 2)
    assert Share(0.5).size(gates, [4, 1], [48, 0]) == pytest.approx((5 * 1048 + 48 * 65) / (2 * (4 * 1048 + 48 * 65)))
    assert Speed(2.0, TABLE).size(gates, [4, 1], [48, 0]) == pytest.approx((2 + 4 + 0.5 + 4.8) / (2 + 8 + 9.6))


def test_expected_seconds_have_the_slope_of_the_line_they_lie_on() -> None:
    gates = gates_of(untuned("bert"))
    heads = [torch.tensor(3.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)]
    neurons = [torch.tensor(10.0, requires_grad=True), torch.tensor(48.0, requires_grad=True)]
    found = Speed(2.0, TABLE).size(gates, heads, neurons)
    found.backward()
    assert float(found.detach()) == pytest.approx(TABLE.of([(3, 10), (1, 48)]) / TABLE.of([(4, 48)] * 2))
    slopes = [float(x.grad) * TABLE.of([(4, 48)] * 2) for x in (*heads, *neurons)]  # type: ignore[arg-type]
    assert slopes == pytest.approx([1.5, 0.5, 0.1, 0.1], rel=1e-5)


def test_the_least_open_go_and_a_sublayer_counts_for_its_parts() -> None:
    gates = gates_of(untuned("bert"))
    with torch.no_grad():
        gates.parts["attention_1"].fill_(-2.0)
        gates.parts["head_0"][2] = -4.0
    marks = gates.read(Share(0.5, "heads"))
    assert [np.flatnonzero(h).tolist() for h in marks.heads] == [[2], [0, 1, 2]]
    gates.parts["attention_1"].data.fill_(-4.0)
    assert [np.flatnonzero(h).tolist() for h in gates.closed().heads] == [[2], [0, 1, 2, 3]]
    heads, neurons, _ = gates.expected()
    p = HardConcrete().p_open(torch.tensor(-4.0))
    assert float(heads[1].detach()) == pytest.approx(4 * float(p) * 0.99, rel=1e-4)
    assert float(neurons[0].detach()) == pytest.approx(48 * 0.99**2, rel=1e-4)


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "distilbert", "albert", "modernbert"])
def test_what_training_closes_is_taken_out_and_nothing_else_changes(family: str) -> None:
    whole = tuned(family)
    recipe = replace(FAST, epochs=1, techniques=(LearnedGates(ALL, wish=Share(0.5)),))
    run = Run(whole, some(), recipe, encoded_parts(whole, some()), 0, 0)
    run.go()
    run.tuning.model.eval()
    gates: Gates = run.tuning.memory["gates"]["gates"]
    marks = gates.read(Share(0.5))
    lines = encoded(whole, some(), some().test)
    values = gates.each(gates.law.value)
    by = [
        [g.clamp(min=0.01) * torch.from_numpy(~m) for g, m in zip(side, gone, strict=True)]
        for side, gone in zip(values, marks[:2], strict=True)
    ]
    for hook in run.tuning.memory["gates"]["hooks"]:
        hook.remove()
    with torch.inference_mode(), gated(run.tuning.model, whole, *by):  # type: ignore[arg-type]
        expected = torch.cat([run.tuning.model(**b.inputs).logits for b in batches(lines, some(), 64, 0, whole.device)])
    masked = wrap(run.finish().model, whole.tokenizer, has_mlm=False)  # type: ignore[arg-type]
    assert torch.allclose(logits(masked), expected, atol=1e-5)
    found = closed_parts(masked)
    for a, b in zip(found[:2], marks[:2], strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    less = cut(masked, *sites_of(masked, marks))
    assert torch.allclose(logits(less), expected, atol=1e-5)
    gone = sum(h.sum() * a + n.sum() * b for h, n, (a, b) in zip(marks.heads, marks.neurons, gates.costs, strict=True))
    assert whole.n_parameters - less.n_parameters == round(gone)
    assert gone / sum(h * a + n * b for (h, n), (a, b) in zip(gates.shape, gates.costs, strict=True)) == pytest.approx(
        0.5, abs=0.08
    )


def test_a_wish_is_reached_by_training_and_not_by_the_reading_alone() -> None:
    whole = tuned()
    recipe = replace(FAST, epochs=20, techniques=(LearnedGates(ALL, wish=Share(0.3)),))
    run = Run(whole, some(), recipe, encoded_parts(whole, some()), 0, 0)
    run.go()
    gates: Gates = run.tuning.memory["gates"]["gates"]
    assert float(Share(0.3).size(gates, *gates.expected()).detach()) == pytest.approx(0.3, rel=0.15)
    assert min(g.min() for g in gates.parts.values()) < 0 < max(g.max() for g in gates.parts.values())


def test_under_a_price_heads_that_do_nothing_close_and_without_it_none() -> None:
    whole = tuned()
    for layer in whole.model.bert.encoder.layer:  # type: ignore[union-attr,operator]
        layer.attention.output.dense.weight.data[:, 8:] = 0
    before = logits(whole)
    found = replace(VOITA, gates=LearnedGates(("head",), penalty=1e-3, frozen=True, gate_rate=0.2), training=replace(FAST, epochs=12))(whole, some())  # fmt: skip
    assert all(h <= 1 for h, _ in found.shape)
    assert found.cut == found.recovered == pytest.approx(dev_score(found.encoder, some()))
    free = replace(VOITA, gates=LearnedGates(frozen=True, gate_rate=0.2), training=replace(FAST, epochs=2))(
        whole, some()
    )
    assert free.heads == 1.0
    assert found.neurons == 1.0 and found.heads <= 0.25
    assert torch.equal(logits(whole), before)


@pytest.mark.parametrize("method", [VOITA, MCCARLEY, COFI], ids=["voita", "mccarley", "cofi"])
def test_a_share_of_heads_or_parameters_is_met(method: GatePruning, tmp_path: Path) -> None:
    whole = tuned(num_hidden_layers=3)
    of: Any = "heads" if method is VOITA else "parameters"
    short = replace(method, training=FAST, recovery=method.recovery and replace(FAST, epochs=2))
    found = short(whole, some(), share=0.5, of=of)
    assert (found.heads if of == "heads" else found.parameters) == pytest.approx(0.5, rel=0.1)
    assert found.encoder.n_parameters < whole.n_parameters
    assert found.recovered == pytest.approx(dev_score(found.encoder, some()))
    found.encoder.model.save_pretrained(tmp_path)
    found.encoder.tokenizer.save_pretrained(tmp_path)
    again: Any = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    other = wrap(again, whole.tokenizer, has_mlm=False)
    assert torch.allclose(logits(other), logits(found.encoder), atol=1e-6)
    assert load(tmp_path).n_layers == 3


def test_a_speed_is_met_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = lambda encoder, **_: 1.1 * (4 + TABLE.of(sizes(encoder)))
    monkeypatch.setattr(learned_gates, "latency", clock)
    monkeypatch.setattr(LatencyTable, "measure", lambda *_, **__: TABLE)
    found = replace(COFI, training=FAST, recovery=None)(tuned(), some(), speedup=1.8)
    assert found.speedup == pytest.approx(1.8, rel=0.06)


def test_wishes_out_of_reach_are_refused() -> None:
    whole = untuned("bert")
    short = replace(COFI, training=FAST, recovery=None)
    with pytest.raises(BadRequest, match=r"would be 0\.5\d* of its size, 0\.2 was asked"):
        replace(short, gates=LearnedGates(("neuron",)))(whole, some(), share=0.2)
    with pytest.raises(BadRequest, match="a share and a speed-up"):
        short(whole, some(), share=0.2, speedup=2)
    for wrong in (lambda: Share(1.0), lambda: Share(0.5, "layers"), lambda: Speed(1.0, TABLE), lambda: LearnedGates(("width",))):  # type: ignore[arg-type]  # fmt: skip
        with pytest.raises(BadRequest):
            wrong()


def test_families_whose_heads_cannot_be_taken_out_are_refused_and_their_neurons_are_not() -> None:
    for family in ("deberta-v2", "fnet"):
        whole = untuned(family)
        with pytest.raises(NotApplicable, match=f"heads cannot be taken out of {family}"):
            replace(VOITA, training=FAST)(whole, some(), share=0.5, of="heads")
    found = GatePruning(LearnedGates(("neuron", "ffn")), replace(FAST, epochs=1))(untuned("deberta-v2"), some(), share=0.5, of="neurons")  # fmt: skip
    assert found.neurons == pytest.approx(0.5, rel=0.1)


def test_each_teacher_layer_is_copied_by_the_nearest_layer_below_those_taken() -> None:
    base = torch.arange(5.0)
    states = lambda values: SimpleNamespace(hidden=lambda k: base[values[k]].expand(1, 2, 3))
    seen = lambda values: Seen(torch.zeros(0), states(values), torch.ones(1, 2, dtype=torch.bool), torch.zeros(0), False)  # type: ignore[arg-type]  # fmt: skip
    every = tuple((s, t) for s in (1, 2, 3, 4) for t in (1, 2, 3, 4))
    teacher = seen({1: 1, 2: 2, 3: 3, 4: 4})
    term, adapt = NearestLayers(teachers=2), lambda k, x: x
    # teacher layers 4 and 2; the student's third layer shows what the teacher's fourth does, its first what the second does
    assert float(term.loss(seen({1: 2, 2: 0, 3: 4, 4: 1}), teacher, every, adapt)) == 0
    # out of order: the top one takes layer 1, nothing is below it, so the other teacher layer is left out
    assert float(term.loss(seen({1: 4, 2: 2, 3: 0, 4: 0}), teacher, every, adapt)) == 0
    # only layers 2 and 4 are free: 4 is nearest to 1 (9 away squared), then 2 is 0 (4 away squared)
    free = tuple((s, t) for s in (2, 4) for t in (1, 2, 3, 4))
    assert float(term.loss(seen({1: 2, 2: 0, 3: 4, 4: 1}), teacher, free, adapt)) == 9 + 4


def test_a_copy_of_the_teacher_has_nothing_to_learn_from_its_layers() -> None:
    whole = tuned()
    technique = COFI._taught(FAST, whole).techniques[0]
    seen: list[float] = []

    class Watching(type(technique)):  # type: ignore[misc]
        def loss(self, tuning: Any, *args: Any) -> torch.Tensor:
            total = super().loss(tuning, *args)
            seen.append(float(total.detach()))
            return total

    watching = Watching(technique.teacher, technique.terms, technique.hard)  # type: ignore[attr-defined]
    model = finetune(whole, some(), replace(FAST, epochs=0.01, rate=1e-9, techniques=(watching,)), seeds=1).best.model
    assert seen[0] == pytest.approx(0, abs=1e-6)
    assert not any("distil" in name for name, _ in model.named_parameters())  # type: ignore[union-attr]


def test_the_equal_recipe_is_the_equal_technique() -> None:
    assert LearnedGates(wish=Speed(2.0, TABLE)) == LearnedGates(wish=Speed(2.0, TABLE))
    assert hash(LearnedGates(wish=Speed(2.0, TABLE))) == hash(LearnedGates(wish=Speed(2.0, TABLE)))
    assert isinstance(MCCARLEY.terms[0], SoftTargets) and isinstance(Marks([], []), tuple)


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "distilbert", "albert", "modernbert", "deberta-v2"])
def test_shut_hidden_dimensions_are_a_narrower_model(family: str) -> None:
    whole = untuned(family)
    torch.manual_seed(0)
    gone = torch.arange(32) % 5 < 2
    gate = torch.rand(32).clamp(min=0.1) * ~gone
    with width_gated(whole.model, 32, gate):
        shut = logits(whole)
    assert not torch.allclose(shut, logits(whole), atol=1e-3)
    parts = gates_of(whole).closed()
    fold(whole.model, whole, Marks(parts.heads, parts.neurons, gone.numpy()), *([[None] * len(parts.heads)] * 2), gate)
    less = narrowed(whole, np.flatnonzero(~gone.numpy()).tolist())
    assert less.width == 32 - int(gone.sum())
    assert torch.allclose(logits(less), shut, atol=1e-5)


def test_with_gates_on_the_width_a_wish_is_met_by_heads_neurons_and_width(tmp_path: Path) -> None:
    whole = untuned("bert")
    short = replace(COFI_WIDTH, training=replace(FAST, epochs=6), recovery=replace(FAST, epochs=1))
    found = short(whole, some(), share=0.4)
    assert found.parameters == pytest.approx(0.4, rel=0.1)
    assert found.encoder.width < 32 and found.parameters < found.encoder.width / 32
    found.encoder.model.save_pretrained(tmp_path)
    found.encoder.tokenizer.save_pretrained(tmp_path)
    load(tmp_path)
    again: Any = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert torch.allclose(logits(wrap(again, whole.tokenizer, has_mlm=False)), logits(found.encoder), atol=1e-6)


def test_a_width_without_layer_norms_or_timed_by_a_table_is_refused() -> None:
    short = replace(COFI_WIDTH, training=FAST, recovery=None)
    with pytest.raises(NotApplicable, match="not read through layer norms"):
        short(untuned("eurobert"), some(), share=0.5)
    gates = replace(COFI_WIDTH.gates, wish=Speed(2.0, TABLE))
    with pytest.raises(BadRequest, match="nothing of widths"):
        replace(short, gates=gates)(untuned("bert"), some())
