"""Layers left out by rule and by search, and tuning with layers skipped."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from bertology.compress.pruning import layer_selection
from bertology.compress.pruning.layer_selection import LayerDropTuning, LayerSelection, every_other, only, selected
from bertology.compress.pruning.structured import dev_score
from bertology.encoder import Encoder, load, wrap
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadRequest
from bertology.train.classifier import batches, classifier, encoded
from bertology.train.finetune import FineTuning, Run, encoded_parts, finetune
from bertology.train.optimizer import Schedule
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAST = FineTuning(epochs=3, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))
FAMILIES = ["bert", "roberta", "electra", "distilbert", "albert", "modernbert", "deberta-v2"]


def untuned(family: str = "bert", **changes: Any) -> Encoder:
    encoder = tiny(family, **changes)
    return wrap(classifier(encoder, some(), 0), encoder.tokenizer, has_mlm=False)


def logits(encoder: Encoder) -> torch.Tensor:
    lines = encoded(encoder, some(), some().test)
    with torch.inference_mode():
        return torch.cat(
            [encoder.model.eval()(**b.inputs).logits for b in batches(lines, some(), 64, 0, encoder.device)]
        )


def skipping(encoder: Encoder, gone: set[int]) -> torch.Tensor:
    """Logits when some calls of layers hand their input on."""
    calls, count = [], iter(range(1, 10**6))
    for layer in layer_modules(encoder.base, encoder.family):

        def forward(states: torch.Tensor, *args: Any, _own: Any = layer.forward, **kwargs: Any) -> Any:
            output = _own(states, *args, **kwargs)
            if (next(count) - 1) % encoder.n_layers + 1 in gone:
                return (states, *output[1:]) if isinstance(output, tuple) else states
            return output

        layer.forward = forward  # type: ignore[method-assign]
        calls.append(layer)
    try:
        return logits(encoder)
    finally:
        for layer in calls:
            del layer.forward


def test_every_other_layer_by_hand() -> None:
    assert every_other(6, 12) == (1, 3, 5, 7, 9, 11)
    assert every_other(3, 12) == (1, 5, 9)
    assert every_other(9, 12) == (1, 2, 3, 5, 6, 7, 9, 10, 11)
    assert every_other(1, 4) == (1,)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_selection_computes_what_the_whole_does_without_the_other_layers(family: str, tmp_path: Path) -> None:
    whole = untuned(family, num_hidden_layers=4, **({"n_layers": 4} if family == "distilbert" else {}))
    before = logits(whole)
    for by, stay in (("every other", {1, 3}), ("uniform", {2, 4}), ("first", {1, 2}), ("last", {3, 4})):
        less = selected(whole, 2, by)
        assert less.n_layers == 2
        assert torch.allclose(logits(less), skipping(whole, {1, 2, 3, 4} - stay), atol=1e-5)
    if family == "albert":
        assert less.n_parameters == whole.n_parameters
    else:
        each = [sum(p.numel() for p in m.parameters()) for m in layer_modules(whole.base, whole.family)]
        assert whole.n_parameters - less.n_parameters == each[0] + each[1]
    less.model.save_pretrained(tmp_path)
    less.tokenizer.save_pretrained(tmp_path)
    again: Any = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert torch.allclose(logits(wrap(again, whole.tokenizer, has_mlm=False)), logits(less), atol=1e-6)
    assert load(tmp_path).n_layers == 2
    assert torch.equal(logits(whole), before)


def test_greedy_search_leaves_out_the_layer_that_costs_least(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = untuned(num_hidden_layers=4)
    worth = {1: 0.4, 2: 0.1, 3: 0.1, 4: 0.3}
    stays: dict[int, tuple[int, ...]] = {}
    monkeypatch.setattr(layer_selection, "only", lambda encoder, layers: stays.setdefault(id(layers), tuple(layers)))
    monkeypatch.setattr(
        layer_selection,
        "dev_score",
        lambda layers, task: sum(worth[k] for k in layers) if isinstance(layers, tuple) else 1.0,
    )
    found = LayerSelection()(whole, some(), 2)
    assert found.layers == (1, 4) and found.cut == pytest.approx(0.7)
    assert list(found.tried)[:4] == [(1, 2, 3), (1, 2, 4), (1, 3, 4), (2, 3, 4)]
    assert (1, 2, 4) in found.tried and len(found.tried) == 4 + 3  # of equals, layer 3 went first
    every = LayerSelection("all")(whole, some(), 2)
    assert every.layers == (1, 4) and len(every.tried) == 6


def test_search_scores_what_it_returns_and_tunes_it_when_asked() -> None:
    encoder = tiny(num_hidden_layers=3)
    whole = wrap(finetune(encoder, some(), FAST, seeds=1).best.model, encoder.tokenizer, has_mlm=False)  # type: ignore[arg-type]
    for by in ("greedy", "all", "last"):
        found = LayerSelection(by)(whole, some(), 1)  # type: ignore[arg-type]
        assert found.cut == found.recovered == pytest.approx(dev_score(found.encoder, some()))
        assert found.encoder.n_layers == 1
        assert torch.equal(logits(found.encoder), logits(only(whole, found.layers)))
    assert LayerSelection("all")(whole, some(), 1).cut == max(LayerSelection("all")(whole, some(), 1).tried.values())
    better = LayerSelection("last", recovery=FAST)(whole, some(), 1)
    assert better.recovered == pytest.approx(dev_score(better.encoder, some()))
    assert not torch.equal(logits(better.encoder), logits(only(whole, (3,))))
    assert whole.n_layers == 3


def test_wrong_wishes_are_refused() -> None:
    whole = untuned(num_hidden_layers=4)
    for depth in (0, 5):
        with pytest.raises(BadRequest, match=f"{depth} of the 4 layers"):
            LayerSelection()(whole, some(), depth)
    with pytest.raises(BadRequest, match="no rule 'best'"):
        selected(whole, 2, "best")
    with pytest.raises(BadRequest, match="6 subsets of 2"):
        LayerSelection("all", most=5)(whole, some(), 2)
    with pytest.raises(BadRequest, match="probability"):
        LayerDropTuning(1.5)


@pytest.mark.parametrize("family", ["bert", "albert", "modernbert", "distilbert"])
def test_tuning_skips_layers_and_leaves_nothing_behind(family: str) -> None:
    encoder = tiny(family)
    skipped: list[float] = []

    class Counting(LayerDropTuning):
        def loss(self, tuning: Any, batch: Any, said: Any, loss: Any) -> Any:
            skipped.extend(tuning.model.base_model._skips.layers)
            return loss

    recipe = replace(FAST, epochs=8, techniques=(Counting(0.5),))
    run = Run(encoder, some(), recipe, encoded_parts(encoder, some()), 0, 0)
    run.go()
    model: Any = run.finish().model
    assert 0.3 < sum(skipped) / len(skipped) < 0.7
    assert not hasattr(model.base_model, "_skips")
    assert all("forward" not in vars(layer) for layer in layer_modules(model.base_model, encoder.family))


def test_what_is_tuned_with_all_layers_skipped_never_moves_them() -> None:
    encoder = tiny()
    before = {n: p.clone() for n, p in classifier(encoder, some(), 0).named_parameters()}
    model = finetune(encoder, some(), replace(FAST, decay=0.0, techniques=(LayerDropTuning(1.0),)), seeds=1).best.model
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}  # type: ignore[union-attr]
    assert moved and not any(".layer." in n for n in moved)
