"""The ladder: one base, paired repeats, drift against it; what is slower or drifts is refused and says why."""

import itertools
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bertology.compress.inference import ladder as room
from bertology.compress.inference.ladder import BASE, EXACT, RUNGS, Drift, _Maker, ladder, machine, neighbours_kept
from bertology.compress.inference.unpadded import Cost, torch_runner
from bertology.encoder import Encoder, wrap
from bertology.record.errors import BadRequest
from bertology.report import render_ladder
from bertology.train.classifier import classifier
from bertology.train.task import Example, task
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

TEXTS = tuple(" ".join("abcdefghij"[(i * k) % 10] for i in range(k % 23 + 1)) for k in range(40))
FREE = Cost(0.0, 1e-5, 0.0)


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cost is measured; the split is by every length."""
    monkeypatch.setattr(Cost, "measure", lambda run, most, names: FREE)


def clock(steps: "dict[int, float] | None" = None) -> Any:
    """A clock whose k-th reading in a round of calls moves by `steps` (1 where none is given)."""
    ticks = itertools.count()
    now = [0.0]

    def read() -> float:
        k = next(ticks)
        now[0] += (steps or {}).get(k % (2 * len(steps or {1: 1})) // 2, 1.0) if k % 2 else 0.0
        return now[0]

    return read


def relatedness() -> Any:
    rng = np.random.default_rng(0)
    words = lambda: " ".join(rng.choice(list("abcdefghij"), rng.integers(2, 9)))
    return task("related", [Example((words(), words()), float(rng.integers(0, 9)) / 2) for _ in range(120)])


def test_the_exact_rung_computes_what_the_base_does() -> None:
    made = ladder(tiny("bert"), TEXTS, rungs=(EXACT, "bfloat16 weights"), repeats=2, task=relatedness(), least_cosine=-1, clock=clock())  # fmt: skip
    base, exact, half = made.rungs
    assert (base.name, exact.name) == (BASE, EXACT)
    assert exact.drift.largest < 1e-5 and exact.change is not None and abs(exact.change.value) < 1e-6
    assert half.drift.largest > 1e-4 and half.drift.least < 1
    assert exact.drift.neighbours == 1 and 0 < half.drift.neighbours <= 1
    assert made.padding[0] > 1.3 and made.padding[1] == 1.0
    assert made.score is not None and made.measure == "Spearman's rho"
    json.dumps(made.to_json())
    assert any(line.startswith("best: ") for line in made.lines())


def test_speedups_are_the_clocks_and_what_takes_longer_than_the_exact_rung_is_refused() -> None:
    made = ladder(
        tiny("bert", mlm=False), TEXTS, rungs=(EXACT, "bfloat16 weights", "bfloat16 autocast"), repeats=3, least_cosine=-1,
        clock=clock({0: 8.0, 1: 4.0, 2: 1.0, 3: 5.0}),
    )  # fmt: skip
    speed = {r.name: r.speedup.value for r in made.rungs}
    assert speed == pytest.approx({BASE: 1, EXACT: 2, "bfloat16 weights": 8, "bfloat16 autocast": 1.6})
    refused = {r.name: r.refused for r in made.rungs if r.refused}
    assert refused == {"bfloat16 autocast": f"it takes 1.25 times as long as {EXACT}"}
    assert made.best.name == "bfloat16 weights"


def test_what_drifts_loses_score_or_breaks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def noisy(scale: float) -> _Maker:
        def make(encoder: Encoder, folder: Any, shown: Any) -> Any:
            rng, run = np.random.default_rng(0), torch_runner(encoder.model)
            return lambda given: (lambda out: out + scale * rng.standard_normal(out.shape[-1]).astype(np.float32))(run(given))  # fmt: skip

        return _Maker(make)

    def broken(encoder: Encoder, folder: Any, shown: Any) -> Any:
        raise RuntimeError("no such kernel\nmore")

    extra = {"noisy": noisy(5.0), "broken": _Maker(broken), "away": _Maker(broken, ("no_such_package",))}
    monkeypatch.setattr(room, "RUNGS", {**RUNGS, **extra})
    given: Any = dict(rungs=("noisy", "broken", "away"), repeats=2)
    made = ladder(tiny("bert", mlm=False), TEXTS, **given, clock=clock({0: 9.0, 1: 9.0, 2: 1.0}))
    assert made.rungs[2].refused.startswith("it drifts: a vector has a cosine of")
    assert made.absent == {"broken": "it failed: no such kernel", "away": "needs no_such_package"}
    made = ladder(tiny("bert", mlm=False), TEXTS, **given, task=relatedness(), least_cosine=-1, most_loss=-2, clock=clock({0: 9.0, 1: 9.0, 2: 1.0}))  # fmt: skip
    assert made.rungs[2].refused.startswith("the score falls by")
    assert made.best.name in (BASE, EXACT)


def test_nearest_texts_are_counted_without_oneself_and_whatever_their_length() -> None:
    base = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1.0]])
    assert neighbours_kept(base * np.array([[1], [5], [2], [0.1]]), base) == 1
    swapped = base[[2, 1, 0, 3]]  # the first and the third change places: all four have another neighbour
    assert neighbours_kept(swapped, base) == 0
    assert neighbours_kept(base + np.array([[0, 0], [0, 0], [0, 0], [1.0, 0]]), base) == 0.75
    same = np.array([[1.0, 0], [1, 0], [1, 0], [0, 1]])
    assert neighbours_kept(same[[2, 0, 1, 3]], same) == 1  # copies are as near as each other
    many = np.random.default_rng(0).standard_normal((1100, 8))
    assert neighbours_kept(many, many) == 1
    assert neighbours_kept(np.random.default_rng(1).standard_normal((1100, 8)), many) < 0.02


def test_a_classifiers_accuracy_is_compared_on_its_logits() -> None:
    encoder, of = tiny("bert"), some()
    tuned = wrap(classifier(encoder, of, 0), encoder.tokenizer, has_mlm=False)
    made = ladder(tuned, TEXTS, rungs=(EXACT,), task=of, repeats=2)
    assert made.measure == "accuracy" and made.rungs[1].change is not None and made.rungs[1].change.value == 0
    with pytest.raises(BadRequest, match="no head for cats"):
        ladder(encoder, TEXTS, rungs=(EXACT,), task=of)


def test_a_head_for_another_task_is_not_asked() -> None:
    encoder, of = tiny("bert"), some()
    tuned = wrap(classifier(encoder, of, 0), encoder.tokenizer, has_mlm=False)
    made = ladder(tuned, TEXTS, rungs=(EXACT,), task=relatedness(), repeats=1)  # pairs with numbers: by its vectors
    bare = ladder(wrap(tuned.base, encoder.tokenizer, has_mlm=False), TEXTS, rungs=(EXACT,), task=relatedness(), repeats=1)  # fmt: skip
    assert made.score is not None and bare.score is not None and made.score.value == pytest.approx(bare.score.value)
    with pytest.raises(BadRequest, match="no head for cats"):
        ladder(tuned, TEXTS, rungs=(EXACT,), task=replace(of, labels=of.labels[::-1]))


def test_exports_are_rungs_too() -> None:
    pytest.importorskip("onnxruntime")
    names = ("ONNX float32", "ONNX int8, dynamic", "ONNX int8, static")
    encoder = tiny("bert", mlm=False, scale=1.0, hidden_size=64, intermediate_size=256)
    made = ladder(encoder, TEXTS, rungs=names, repeats=1, least_cosine=-1)
    assert made.absent == {}
    drift = {r.name: r.drift for r in made.rungs}
    assert drift["ONNX float32"].largest < 1e-5
    for name in names[1:]:
        assert drift[name].largest > 1e-4 and drift[name].cosine > 0.95


def test_openvino_is_a_rung_of_any_length() -> None:
    pytest.importorskip("openvino")
    made = ladder(tiny("bert", mlm=False), TEXTS, rungs=("OpenVINO float32",), repeats=1)
    assert made.rungs[2].drift.largest < 1e-4


def test_the_machines_units_are_read_or_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"processor", "threads", "VNNI", "AVX2", "AMX int8", "bfloat16"} <= set(machine())
    read = room.Path.read_text
    said = "model name\t: A Chip\nflags\t\t: fpu avx2 avx_vnni\n"
    monkeypatch.setattr(room.Path, "read_text", lambda self, **k: said if "cpuinfo" in str(self) else read(self, **k))
    assert (machine()["VNNI"], machine()["AMX int8"], machine()["processor"]) == ("yes", "no", "A Chip")

    def gone(self: Any, **k: Any) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(room.Path, "read_text", gone)
    assert machine()["VNNI"] == "unknown"


@pytest.mark.parametrize("width", [32, 48])
def test_what_an_encoder_was_made_from_can_be_the_base(width: int) -> None:
    small, whole = tiny("bert", hidden_size=width), tiny("bert", num_hidden_layers=4)
    own = ladder(small, TEXTS, rungs=(EXACT, "bfloat16 weights"), repeats=2, clock=clock())
    made = ladder(small, TEXTS, rungs=(EXACT, "bfloat16 weights"), repeats=2, against=whole, clock=clock({0: 6.0, 1: 2.0, 2: 1.0}))  # fmt: skip
    assert (made.encoder, made.base) == (small.name, whole.name) and own.base == ""
    assert [r.speedup.value for r in made.rungs] == pytest.approx([1, 3, 6])
    base, exact, half = made.rungs
    assert base.drift.neighbours == 1 and exact.drift.neighbours is not None and exact.drift.neighbours < 1
    same = small.width == whole.width
    assert (exact.drift.least is not None and exact.drift.least < 0.95) if same else exact.drift == Drift(None, None, None, exact.drift.neighbours)  # fmt: skip
    assert not exact.refused and not half.refused  # neither drifts from what was made
    assert own.rungs[1].drift.least is not None and own.rungs[1].drift.least > 0.9999
    assert any("against" in line for line in made.lines()) and "another width" not in " ".join(made.lines())
    page = render_ladder(json.loads(json.dumps(made.to_json())))
    assert ("another width" in page) != same and "which it was made from" in page


def test_the_base_must_say_what_the_encoder_says() -> None:
    few = some()
    headed = wrap(classifier(tiny("bert"), few, 0), tiny("bert").tokenizer, has_mlm=False)
    with pytest.raises(BadRequest, match="one has a head"):
        ladder(headed, TEXTS[:4], task=few, rungs=(EXACT,), against=tiny("bert"))


def test_an_unknown_rung_and_no_text_are_bad_requests() -> None:
    encoder = tiny("bert", mlm=False)
    with pytest.raises(BadRequest, match="no rung 'warp'"):
        ladder(encoder, TEXTS, rungs=("warp",))
    with pytest.raises(BadRequest, match="no text"):
        ladder(encoder, [])
