"""What claims about compression ask for: each method's model and size on tiny encoders, calibration and keys by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bertology.compress import compared
from bertology.compress.compared import (
    Compressing,
    Factorised,
    FewerTokens,
    Kernels,
    Origin,
    Rounded,
    Shallow,
    Tickets,
    Zeroed,
    calibration_error,
    falling,
    rounded,
    shared,
)
from bertology.compress.pruning.sparse import MagnitudePruning
from bertology.compress.teaching.distil import SoftTargets
from bertology.record.errors import BadRequest
from bertology.train.artefacts import TunedModel
from bertology.train.finetune import FineTuning
from bertology.train.optimizer import Schedule
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

FAST = FineTuning(epochs=2, batch=8, rate=2e-3, schedule=Schedule(0.0, "constant"))
quiet = lambda what, done, total: None


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Origin:
    encoder = tiny("bert", num_hidden_layers=4)
    whole = shared(TunedModel(encoder, some(), FAST, 0), tmp_path_factory.mktemp("made"), quiet)
    return Origin(whole, encoder, some(), FAST, 0, quiet)


def count(model: Any) -> int:
    return sum(p.numel() for p in model.parameters())


def test_rounding_takes_its_bits_and_leaves_the_whole(origin: Origin) -> None:
    before = {k: v.clone() for k, v in origin.whole.model.state_dict().items()}
    eight, two = rounded(origin.whole.model, 8), Rounded(2)(origin)
    weight = two.model.base_model.encoder.layer[0].output.dense.weight  # type: ignore[union-attr,index]
    assert len(torch.unique(weight)) <= 3
    assert 8 * count(eight.model) < eight.bits < 0.5 * 32 * count(eight.model) and two.bits < eight.bits
    assert all(torch.equal(v, before[k]) for k, v in origin.whole.model.state_dict().items())


@pytest.mark.parametrize("method", [Shallow(0.5), Shallow(0.5, (SoftTargets(),), 0.5), Shallow(0.5, theseus=True)])
def test_a_shallow_model_has_fewer_layers_and_the_same_head(origin: Origin, method: Shallow) -> None:
    small = method(origin)
    assert len(small.model.base_model.encoder.layer) == 2  # type: ignore[union-attr,arg-type]
    assert small.bits == 32 * count(small.model) < 32 * count(origin.whole.model)


def test_zeros_cost_a_bit_each(origin: Origin) -> None:
    half, most = (Zeroed(MagnitudePruning(s))(origin) for s in (0.5, 0.9))
    matrices = [m.weight for m in half.model.base_model.encoder.modules() if isinstance(m, torch.nn.Linear)]  # type: ignore[union-attr,operator]
    n = sum(w.numel() for w in matrices)
    assert sum(int((w == 0).sum()) for w in matrices) == pytest.approx(0.5 * n, rel=0.01)
    assert half.bits == pytest.approx(32 * (count(half.model) - 0.5 * n) + n, rel=0.01) and most.bits < half.bits


def test_factored_embeddings_have_their_rank_and_fewer_weights(origin: Origin) -> None:
    small = Factorised(2)(origin)
    rows, width = origin.encoder.base.get_input_embeddings().weight.shape  # type: ignore[operator,union-attr]
    assert count(origin.whole.model) - count(small.model) == rows * width - 2 * (rows + width)


def test_fewer_tokens_are_as_many_as_the_share_allows(origin: Origin) -> None:
    lengths = [10, 12, 8, 20]
    keep = falling(lengths, 4, 0.5)
    assert list(keep) == sorted(keep, reverse=True)
    work = sum(min([n, *keep[:k]]) for n in lengths for k in range(4))
    assert 0.4 * 4 * sum(lengths) < work <= 0.5 * 4 * sum(lengths)
    with pytest.raises(BadRequest, match="cannot be reached"):
        falling(lengths, 4, 0.1)
    small = FewerTokens(0.6)(origin)
    assert small.model.config.tokens["keep"] == list(falling([len(origin.encoder.tokenizer(*e.texts)["input_ids"]) for e in origin.task.train], 4, 0.6))  # type: ignore[union-attr,index]  # fmt: skip


def test_int8_kernels_answer_as_the_whole_does(origin: Origin) -> None:
    if torch.backends.quantized.engine == "none":
        pytest.skip("torch has no int8 kernels here")
    ids = torch.tensor([origin.encoder.tokenizer("a b c")["input_ids"]])
    with torch.inference_mode():
        whole, small = origin.whole.model(input_ids=ids).logits, Kernels()(origin).model(input_ids=ids).logits
    assert torch.allclose(whole, small, atol=0.1) and not torch.equal(whole, small)


def test_calibration_by_hand() -> None:
    assert calibration_error([0.95, 0.95], [True, True]) == pytest.approx(0.05)
    assert calibration_error([0.95, 0.95, 0.55, 0.55], [True, False, True, False]) == pytest.approx(0.25)
    assert calibration_error([1.0, 1.0], [True, True]) == 0


def test_one_value_a_seed_and_equal_asks_are_equal_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, task = tiny("bert"), some()
    made: list[int] = []
    build = TunedModel.build
    monkeypatch.setattr(TunedModel, "build", lambda self, *given: made.append(self.seed) or build(self, *given))
    results = []
    for method, timed in ((Rounded(8), True), (Rounded(2), False)):
        asked = Compressing(encoder, task, FAST, method, (0, 1), timed)
        (tmp_path / asked.key).mkdir()
        asked.build(tmp_path / asked.key, quiet)
        results.append(asked.load(tmp_path / asked.key))
    eight, two = results
    assert made == [0, 1], "the whole is made once for all methods"
    assert np.array_equal(eight.whole, two.whole) and (two.smaller > eight.smaller).all()
    assert np.isfinite(eight.faster).all() and np.isnan(two.faster).all()
    assert eight.calibration.min() >= 0 and eight.calibration.shape == (2,) and eight.majority == task.majority
    again = Compressing(encoder, task, FAST, Rounded(8), (0, 1), True)
    assert again.key == Compressing(encoder, task, FAST, Rounded(8), (0, 1), True).key
    assert again.key != Compressing(encoder, task, FAST, Rounded(4), (0, 1), True).key


def test_tickets_are_tuned_beside_their_controls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, task = tiny("bert"), some()
    other = replace(task, name="other")
    seen: list[tuple[bool, str, float]] = []

    class Best:
        best = type("Outcome", (), {"score": staticmethod(lambda task: 0.5)})

    def finetune(who: Any, on: Any, recipe: Any, **given: Any) -> Any:
        masks = recipe.techniques[-1].masks
        shares = sum(int(m.sum()) for m in masks) / sum(m.numel() for m in masks)
        seen.append((who.twin_seed is not None, on.name, shares))
        return Best

    monkeypatch.setattr(compared, "finetune", finetune)
    asked = Tickets(encoder, task, other, FAST, 0.5, 1, (3,))
    asked.build(tmp_path, quiet)
    found = asked.load(tmp_path)
    assert found.random.tolist() == found.fresh.tolist() == found.moved.tolist() == [0.5]
    assert [(twin, name) for twin, name, _ in seen] == [
        (False, task.name),
        (True, task.name),
        (False, other.name),
    ]
    assert all(share == pytest.approx(0.5, abs=0.01) for *_, share in seen)
