"""Pruning to a speed on a model whose feed-forward takes nearly all the time, by a clock made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from bertology.compress.inference.latency import LatencyTable
from bertology.compress.pruning import structured as prune
from bertology.compress.pruning.gates import sizes
from bertology.compress.pruning.structured import StructuredPruning, dev_score
from bertology.encoder import Encoder, wrap
from bertology.record.errors import BadRequest
from bertology.train.classifier import classifier
from bertology.train.finetune import FineTuning, finetune
from bertology.train.optimizer import Schedule
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAST = FineTuning(epochs=4, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))
METHOD = StructuredPruning(rounds=2, recovery=replace(FAST, epochs=2), batch=2, length=8, examples=16, group=4)


def clock(encoder: Encoder, **options: object) -> float:
    """A second for each head, a tenth for each neuron, two for the rest; 5 % slower than the table believes."""
    return 1.05 * (2 + sum(h + 0.1 * n for h, n in sizes(encoder)))


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    table = LatencyTable(2.0, np.array([0, 4]), np.array([0.0, 4.0]), np.array([0, 48]), np.array([0.0, 4.8]), layers=2)
    monkeypatch.setattr(prune, "latency", clock)
    monkeypatch.setattr(LatencyTable, "measure", lambda *_, **__: table)


def tuned() -> Encoder:
    encoder = tiny("bert")
    return wrap(finetune(encoder, some(), FAST, seeds=1).best.model, encoder.tokenizer, has_mlm=False)  # type: ignore[arg-type]


def test_a_speed_is_met_and_the_whole_is_left_alone(by_hand: None) -> None:
    whole = tuned()
    before = whole.fingerprint
    found = METHOD(whole, some(), speedup=2.0)
    assert found.encoder.n_parameters < whole.n_parameters
    assert clock(whole) / clock(found.encoder) == pytest.approx(2.0, rel=0.1)
    assert [r.speedup for r in found.rounds] == sorted(r.speedup for r in found.rounds)
    assert found.rounds[0].speedup == pytest.approx(2**0.5, rel=0.1)
    assert wrap(whole.model, whole.tokenizer, has_mlm=False).fingerprint == before


def test_recovery_wins_back_what_the_cut_lost(by_hand: None) -> None:
    found = METHOD(tuned(), some(), speedup=3.0)
    assert found.rounds[-1].recovered >= found.rounds[-1].cut
    assert found.rounds[-1].recovered == pytest.approx(dev_score(found.encoder, some()))


def test_a_speed_out_of_reach_says_what_can_be_reached(by_hand: None) -> None:
    with pytest.raises(BadRequest, match=r"would be 9\.8 times as fast, 50 times was asked"):
        METHOD(tuned(), some(), speedup=50)
    with pytest.raises(BadRequest, match="takes nothing out"):
        METHOD(tuned(), some(), speedup=1)


def test_where_a_clock_sees_no_gain_all_parts_go_and_the_rounds_say_so(
    by_hand: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "latency", lambda one, **_: 10 + 0.001 * clock(one))
    found = METHOD(tuned(), some(), speedup=2.0)
    assert set(sizes(found.encoder)) == {(0, 0)}
    assert [r.speedup for r in found.rounds] == pytest.approx([1.0, 1.0], abs=0.01)


def test_a_tuned_model_keeps_its_head_when_it_is_tuned_on() -> None:
    whole = tuned()
    assert (classifier(whole, some(), 5).classifier.weight == whole.model.classifier.weight).all()  # type: ignore[union-attr]
    other = classifier(whole, some("token"), 5)
    assert type(other).__name__ == "BertForTokenClassification"
