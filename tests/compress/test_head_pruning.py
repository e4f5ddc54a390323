"""Head pruning by importance: order, steps and stop by hand, and the cut is what was masked."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from bertology.compress.pruning import head_pruning
from bertology.compress.pruning.gates import gated, normalised, sensitivity, sizes
from bertology.compress.pruning.head_pruning import HeadPruning, HeadsPruned, Point, random_mean
from bertology.compress.pruning.structured import dev_score
from bertology.encoder import Encoder, load, wrap
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import batches, classifier, encoded
from bertology.train.finetune import FineTuning, finetune
from bertology.train.optimizer import Schedule
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAST = FineTuning(epochs=3, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))


def tuned(family: str = "bert", **changes: Any) -> Encoder:
    encoder = tiny(family, **changes)
    return wrap(finetune(encoder, some(), FAST, seeds=1).best.model, encoder.tokenizer, has_mlm=False)  # type: ignore[arg-type]


def logits(encoder: Encoder) -> torch.Tensor:
    lines = encoded(encoder, some(), some().test)
    with torch.inference_mode():
        return torch.cat([encoder.model(**b.inputs).logits for b in batches(lines, some(), 64, 0, encoder.device)])


def by_hand(monkeypatch: pytest.MonkeyPatch, scores: dict[int, float]) -> list[list[tuple[int, int]]]:
    """Dev scores by the number of heads that are gone; what was masked, in order."""
    asked: list[list[tuple[int, int]]] = []

    def score(gone: Any) -> float:
        asked.append(list(gone))
        return scores[len(gone)]

    monkeypatch.setattr(head_pruning, "_masked_score", lambda *_: score)
    return asked


def test_the_least_important_of_all_layers_go_first() -> None:
    whole = tuned(num_hidden_layers=3)
    lines = encoded(whole, some(), some().train)
    heads = normalised(sensitivity(whole.model, whole, some(), batches(lines, some(), 8, 0, whole.device))).heads
    assert [float(np.linalg.norm(h)) for h in heads] == pytest.approx([1, 1, 1])
    order = HeadPruning(controls=0)(whole, some()).order
    expected = np.argsort(np.concatenate(heads))
    assert [k * 4 + h for k, h in order] == expected.tolist()


def test_it_stops_where_dev_loses_too_much_and_takes_what_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tuned()
    asked = by_hand(monkeypatch, {0: 0.9, 2: 0.91, 4: 0.86, 6: 0.84, 8: 0.9})
    found = HeadPruning(step=0.25, tolerance=0.05, controls=0)(whole, some())
    assert found.curve == (Point(0, 0.9), Point(0.25, 0.91), Point(0.5, 0.86), Point(0.75, 0.84))
    assert found.gone == 0.5 and sum(h for h, _ in sizes(found.encoder)) == 4
    assert asked[2] == list(found.order[:4])
    whole_curve = HeadPruning(step=0.25, tolerance=0.05, controls=0, whole_curve=True)(whole, some())
    assert [p.score for p in whole_curve.curve] == [0.9, 0.91, 0.86, 0.84, 0.9]
    assert whole_curve.gone == 0.5


def test_steps_are_tenths_of_all_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tuned(num_hidden_layers=5)
    asked = by_hand(monkeypatch, dict.fromkeys(range(21), 0.9))
    found = HeadPruning(controls=1)(whole, some())
    assert [len(gone) for gone in asked[:11]] == list(range(0, 21, 2))
    assert [p.gone for p in found.random[0]] == [p.gone for p in found.curve]
    assert found.gone == 1.0


def test_the_control_masks_as_many_in_another_order_each_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tuned()
    asked = by_hand(monkeypatch, dict.fromkeys(range(9), 0.9))
    found = HeadPruning(step=0.5, controls=2)(whole, some())
    (_, half, _), first, second = asked[:3], asked[3:5], asked[5:7]
    assert [len(first[0]), len(second[0])] == [4, 4]
    assert len({frozenset(half), frozenset(first[0]), frozenset(second[0])}) == 3
    made = HeadsPruned(whole, 0, (), ((Point(0, 0.5),), (Point(0, 0.7),)), ())
    assert random_mean(made) == (Point(0, pytest.approx(0.6)),)
    assert len(found.random) == 2


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "distilbert", "albert", "modernbert"])
def test_what_is_cut_is_what_was_masked(family: str, tmp_path: Path) -> None:
    whole = tuned(family)
    before = logits(whole)
    found = HeadPruning(step=0.3, tolerance=1.0, controls=0, examples=16, again=family == "bert")(whole, some())
    assert found.gone == 1.0
    assert found.curve[-1].score == pytest.approx(dev_score(found.encoder, some()))
    counts = [h for h, _ in sizes(whole)]
    n = round(0.3 * sum(counts))
    some_gone = replace(HeadPruning(), step=0.3, controls=0)
    masked = found.order[:n]
    gates = [torch.ones(h) for h in counts]
    for k, h in masked:
        gates[k][h] = 0
    with torch.inference_mode(), gated(whole.model, whole, gates, [None] * len(counts)):  # type: ignore[list-item]
        expected = logits(whole)
    less = head_pruning.cut(whole, *head_pruning._sites(whole, masked, len(counts)))
    assert torch.allclose(logits(less), expected, atol=1e-5) and not torch.allclose(before, expected, atol=1e-5)
    width = whole.width // counts[0]
    # three matrices of `width` rows with a bias (ModernBERT: none), `width` columns of the fourth
    bias = 0 if family == "modernbert" else 3 * width
    assert whole.n_parameters - less.n_parameters == n * (4 * width * whole.width + bias)
    less.model.save_pretrained(tmp_path)
    less.tokenizer.save_pretrained(tmp_path)
    again: Any = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert torch.allclose(logits(wrap(again, whole.tokenizer, has_mlm=False)), logits(less), atol=1e-6)
    assert load(tmp_path).n_layers == whole.n_layers
    assert torch.equal(logits(whole), before) and some_gone.step == 0.3


@pytest.mark.parametrize("family", ["deberta-v2", "fnet"])
def test_a_family_whose_heads_cannot_be_taken_out_is_refused(family: str) -> None:
    encoder = tiny(family)
    whole = wrap(classifier(encoder, some(), 0), encoder.tokenizer, has_mlm=False)
    with pytest.raises(NotApplicable, match=f"heads cannot be taken out of {family}"):
        HeadPruning()(whole, some())


def test_wrong_numbers_are_refused() -> None:
    for wrong in ({"step": 0.0}, {"step": 1.5}, {"tolerance": -0.1}):
        with pytest.raises(BadRequest):
            HeadPruning(**wrong)
