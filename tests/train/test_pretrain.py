"""Pre-training as a whole: killed and gone on with, shared by processes, cut into batches, refused, stopped, published."""

import errno
import json
import math
import multiprocessing
import os
import resource
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor, nn
from transformers import AutoModelForMaskedLM, AutoTokenizer, PreTrainedTokenizerFast

import bertology as bt
from bertology.encoder.load import load
from bertology.record.errors import BadCorpus, BadInput, BadRequest, CannotWrite, ForeignRun, NotFinite
from bertology.train import checkpoint, loop, material
from bertology.train import pretrain as room
from bertology.train.engine import Engine
from bertology.train.layout import Sentences
from bertology.train.objectives.mlm import MLM
from bertology.train.optimizer import AdamW, Lamb, Muon, Schedule
from bertology.train.pretrain import pretrain, read_log
from bertology.train.reading import Reading
from bertology.train.recipe import Recipe
from tests.conftest import Said
from tests.train.prose import BERT, ELECTRA, STEP, prose, still

STEPS = 12
ONE_ENGINE = {"precision": "float32", "attention": "eager"}
"""Bits are only compared within one engine, and which is fastest is measured unless said."""


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prose(tmp_path_factory.mktemp("text") / "text.txt")


def trained(recipe: Recipe, text: Path, out: Path, **options: Any) -> room.Pretrained:
    return pretrain(recipe, [text], out, **{"tokens": STEPS * STEP, "checkpoints": 4, **ONE_ENGINE, **options})


def weights(place: Path) -> dict[str, Tensor]:
    return load_file(place / "model" / "model.safetensors")


def steps_of(place: Path) -> list[dict[str, Any]]:
    return [line for line in read_log(place) if "rate" in line]


def held_out_of(place: Path) -> list[dict[str, Any]]:
    return [line for line in read_log(place) if "rate" not in line]


def everything(place: Path) -> dict[str, bytes]:
    """Every file under a folder with its bytes."""
    return {str(file.relative_to(place)): file.read_bytes() for file in sorted(place.rglob("*")) if file.is_file()}


def far(a: dict[str, Tensor], b: dict[str, Tensor]) -> float:
    assert a.keys() == b.keys()
    return max(float((a[name] - b[name]).abs().max()) for name in a)


# Other processes: forked from a server without threads, so that they start in no time and may be killed


def started(
    target: Callable[..., None], *arguments: Any, environment: Sequence[tuple[str, str]] = ()
) -> multiprocessing.Process:
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bertology.train.pretrain", "transformers.models.bert.modeling_bert"])
    process = context.Process(target=_alone, args=(target, arguments, dict(environment)))
    process.start()
    return process


def ended(process: multiprocessing.Process) -> int | None:
    """The exit code; a process that hangs is a failure."""
    process.join(60)
    hangs = process.is_alive()
    if hangs:
        process.kill()
        process.join()
    assert not hangs, "a process hangs"
    return process.exitcode


def _alone(target: Callable[..., None], arguments: Sequence[Any], environment: dict[str, str]) -> None:
    os.environ.update(environment)
    torch.set_num_threads(1)
    target(*arguments)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dying_at(call: int, of: Any, name: str, first: Callable[..., None] = lambda *a, **k: None) -> None:
    """Kills this process at a call of a function; `first` is what it still does with the arguments."""
    whole, calls = getattr(of, name), iter(range(1, 1000))

    def dying(*arguments: Any, **options: Any) -> Any:
        if next(calls) == call:
            first(*arguments, **options)
            _die()
        return whole(*arguments, **options)

    setattr(of, name, dying)


def _half_a_state(state: Any, file: Path, **_: Any) -> None:
    file.write_bytes(b"PK\x03\x04 half")


def _in_preparation() -> None:
    _dying_at(1, material, "open_stream")


def _before_the_first_checkpoint() -> None:
    _dying_at(2, loop, "set_rate")


def _between_gradient_and_update() -> None:
    _dying_at(5, nn.utils, "clip_grad_norm_")


def _while_a_checkpoint_is_written() -> None:
    _dying_at(1, checkpoint.torch, "save", _half_a_state)


def _before_a_checkpoint_takes_its_place() -> None:
    _dying_at(1, checkpoint, "_flush")


def _leg(recipe: Recipe, text: Path, out: Path, kill: Callable[[], None] | None, options: dict[str, Any]) -> None:
    if kill is not None:
        kill()
    trained(recipe, text, out, **options)


MLM_KILLS = (
    _in_preparation,
    _before_the_first_checkpoint,
    _between_gradient_and_update,
    _while_a_checkpoint_is_written,
    _before_a_checkpoint_takes_its_place,
)
ELECTRA_KILLS = (_between_gradient_and_update, _while_a_checkpoint_is_written)


@pytest.mark.parametrize(
    ("recipe", "kills", "micro"),
    [(BERT, MLM_KILLS, 72), (replace(ELECTRA, layout=Sentences(24)), ELECTRA_KILLS, 4096)],
    ids=["mlm-accumulated", "electra"],
)
def test_a_killed_run_ends_bit_by_bit_like_one_that_was_left_alone(
    recipe: Recipe, kills: Sequence[Callable[[], None]], micro: int, text: Path, tmp_path: Path
) -> None:
    valid = prose(tmp_path / "valid.txt", documents=3, seed=1)
    options = {"micro_tokens": micro, "valid": [valid]}
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    whole = started(_leg, recipe, text, alone, None, options)
    for kill in kills:
        assert ended(started(_leg, recipe, text, killed, kill, options)) == -signal.SIGKILL, kill.__name__
    assert ended(started(_leg, recipe, text, killed, None, options)) == ended(whole) == 0
    a, b = (checkpoint.latest(place) for place in (alone, killed))
    assert a is not None and b is not None
    for file in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (alone / "model" / file).read_bytes() == (killed / "model" / file).read_bytes()
    assert _flat(a.state["heads"]) == _flat(b.state["heads"])
    assert _flat(a.state["optimizers"]) == _flat(b.state["optimizers"])
    timeless = lambda line: {key: value for key, value in line.items() if key != "seconds"}
    assert [timeless(line) for line in read_log(alone)] == [timeless(line) for line in read_log(killed)]
    assert not list(killed.rglob("*.part"))


def _flat(state: Any) -> Any:
    if isinstance(state, Tensor):
        return state.tolist()
    if isinstance(state, dict):
        return {key: _flat(value) for key, value in state.items()}
    return [_flat(value) for value in state] if isinstance(state, list | tuple) else state


@pytest.mark.parametrize("optimizer", [AdamW(2e-3), Lamb(2e-3), Muon(2e-3)], ids=lambda o: type(o).__name__)
def test_the_state_of_every_optimizer_is_gone_on_with(
    optimizer: Any, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, step = replace(BERT, optimizer=optimizer), loop.Run.step
    trained(recipe, text, tmp_path / "alone")

    def stopped(run: Any, at: float) -> None:
        if run.steps == 5:
            raise KeyboardInterrupt
        step(run, at)

    monkeypatch.setattr(loop.Run, "step", stopped)
    with pytest.raises(KeyboardInterrupt):
        trained(recipe, text, tmp_path / "stopped")
    monkeypatch.setattr(loop.Run, "step", step)
    trained(recipe, text, tmp_path / "stopped")
    assert far(weights(tmp_path / "alone"), weights(tmp_path / "stopped")) == 0


def test_dropout_and_samples_are_drawn_anew_at_every_step(text: Path, tmp_path: Path) -> None:
    drawn: list[float] = []

    @dataclass(frozen=True)
    class Drawing(MLM):
        def losses(self, reading: Reading, head: nn.Module | None) -> Any:
            drawn.append(float(torch.rand(())))
            return super().losses(reading, head)

    for k, seed in enumerate((0, 0, 1)):
        trained(replace(BERT, objectives=(Drawing(),)), text, tmp_path / str(k), tokens=3 * STEP, seed=seed)
    first, second, third = drawn[0:3], drawn[3:6], drawn[6:9]
    assert first == second
    assert len({*first, *third}) == 6


# Processes that share a run


def _share(k: int, of: int, port: int, call: Callable[..., None], arguments: Sequence[Any]) -> multiprocessing.Process:
    """One of several processes, with the environment that torchrun gives it."""
    told = {
        "RANK": k,
        "LOCAL_RANK": k,
        "WORLD_SIZE": of,
        "LOCAL_WORLD_SIZE": of,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }
    return started(call, *arguments, environment=[(name, str(value)) for name, value in told.items()])  # fmt: skip


def shared(call: Callable[..., None], *arguments: Any, n: int = 2) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [_share(k, n, port, call, arguments) for k in range(n)]
    assert [ended(p) for p in processes] == [0] * n


def _dumping(
    recipe: Recipe, text: Path, out: Path, options: dict[str, Any], took: Sequence[float] | None = None
) -> None:
    """Trains, and writes what every process ends with: its weights and what it would draw next.

    `took` gives each process a clock by which a step takes so many seconds.
    """
    rank, finish = int(os.environ["RANK"]), loop.Run.finish
    if took is not None:
        ticks = (k * took[rank] for k in range(1000))
        loop.time = SimpleNamespace(perf_counter=lambda: next(ticks))  # type: ignore[assignment]

    def dump(run: Any) -> None:
        assert run.worker.num_processes == 2
        found = {f"model.{n}": p for n, p in run.model.state_dict().items()}
        found |= {f"heads.{n}": p for n, p in run.heads.state_dict().items()}
        torch.save({"steps": run.steps, "weights": found, "random": torch.rand(4)}, out.parent / f"process-{rank}.pt")
        finish(run)

    loop.Run.finish = dump  # type: ignore[method-assign,assignment]
    trained(recipe, text, out, **options)


def dumped(folder: Path) -> list[dict[str, Any]]:
    return [torch.load(folder / f"process-{k}.pt") for k in range(2)]


def test_two_processes_train_what_one_trains(text: Path, tmp_path: Path) -> None:
    recipe = replace(still(BERT), architecture=replace(still(BERT).architecture, layers=2), objectives=(MLM(),))
    trained(recipe, text, tmp_path / "one")
    shared(_dumping, recipe, text, tmp_path / "two", {})
    one, two = steps_of(tmp_path / "one"), steps_of(tmp_path / "two")
    assert [line["tokens"] for line in one] == [line["tokens"] for line in two]
    for key in ("loss", "mlm", "rate"):
        assert [line[key] for line in one] == pytest.approx([line[key] for line in two], abs=1e-5)
    assert far(weights(tmp_path / "one"), weights(tmp_path / "two")) < 1e-5


def test_an_example_too_few_leaves_a_process_idle_but_not_lost(text: Path, tmp_path: Path) -> None:
    recipe = replace(still(BERT), tokens_per_step=24)
    trained(recipe, text, tmp_path / "one", tokens=4 * 24)
    shared(_dumping, recipe, text, tmp_path / "two", {"tokens": 4 * 24})
    assert far(weights(tmp_path / "one"), weights(tmp_path / "two")) < 1e-5


def test_processes_sample_apart_and_keep_the_same_weights(text: Path, tmp_path: Path) -> None:
    shared(_dumping, ELECTRA, text, tmp_path / "two", {"tokens": 4 * STEP})
    first, second = dumped(tmp_path)
    assert first["weights"].keys() == second["weights"].keys()
    assert all(torch.equal(p, second["weights"][name]) for name, p in first["weights"].items())
    fresh = ELECTRA.architecture.build(AutoTokenizer.from_pretrained(str(tmp_path / "two" / "model")), 0).state_dict()
    after = {name.removeprefix("model."): p for name, p in first["weights"].items() if name.startswith("model.")}
    moved = {name for name, p in fresh.items() if not torch.equal(p, after[name])}
    assert any("encoder" in name for name in moved)
    assert not any(name.startswith("generator_predictions") for name in moved)  # never used, so never decayed
    assert not torch.equal(first["random"], second["random"])
    assert all(math.isfinite(line["loss"]) for line in steps_of(tmp_path / "two"))


def test_processes_that_go_on_still_sample_apart(text: Path, tmp_path: Path) -> None:
    out = tmp_path / "two"
    trained(ELECTRA, text, out, tokens=4 * STEP, checkpoints=1)
    (out / "pretraining.json").write_text((out / "pretraining.json").read_text().replace(str(4 * STEP), str(8 * STEP)))
    shared(_dumping, ELECTRA, text, out, {"tokens": 8 * STEP})
    first, second = dumped(tmp_path)
    assert first["steps"] == second["steps"] == 8
    assert not torch.equal(first["random"], second["random"])


def test_processes_of_different_speed_end_a_run_of_minutes_together(text: Path, tmp_path: Path) -> None:
    options = {"tokens": None, "minutes": 0.01, "checkpoints": 1}
    shared(_dumping, still(BERT), text, tmp_path / "two", options, (0.05, 0.16))
    first, second = dumped(tmp_path)
    assert first["steps"] == second["steps"] == 6  # of 0.105 s on average
    assert all(torch.equal(p, second["weights"][name]) for name, p in first["weights"].items())


# Batches, schedule, masks


@pytest.mark.parametrize(
    "recipe", [still(BERT), replace(still(BERT), layout=Sentences(24))], ids=["blocks", "sentences"]
)
def test_how_a_step_is_cut_changes_nothing_but_rounding(recipe: Recipe, text: Path, tmp_path: Path) -> None:
    for micro in (24, 72, 4096):
        trained(recipe, text, tmp_path / str(micro), micro_tokens=micro, valid=[text])
    reference = steps_of(tmp_path / "4096")
    for micro in (24, 72):
        cut = steps_of(tmp_path / str(micro))
        for key in ("loss", "norm", "tokens"):
            assert [line[key] for line in cut] == pytest.approx([line[key] for line in reference], abs=2e-4)
        assert far(weights(tmp_path / str(micro)), weights(tmp_path / "4096")) < 1e-5
        assert held_out_of(tmp_path / str(micro))[-1]["valid mlm"] == pytest.approx(
            held_out_of(tmp_path / "4096")[-1]["valid mlm"], abs=1e-5
        )


@pytest.mark.parametrize(("per_step", "steps"), [(0.4, 15), (0.06, 100)])
def test_a_run_of_minutes_ends_with_its_schedule_whatever_its_speed(
    per_step: float, steps: int, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(np.arange(1000) * per_step)
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: float(next(clock))))
    recipe = replace(BERT, schedule=Schedule(warmup=0.1))
    trained(recipe, text, tmp_path / "run", tokens=None, minutes=0.1, checkpoints=1)
    log = steps_of(tmp_path / "run")
    assert len(log) == pytest.approx(steps, abs=1)
    assert max(line["rate"] for line in log) == pytest.approx(2e-3, rel=0.1)
    assert log[-1]["rate"] <= 2e-3 * 1.01 * (per_step / 6) / 0.9
    assert log[-1]["seconds"] == pytest.approx(6, abs=per_step)


def masks(recipe: Recipe, text: Path, out: Path, epochs: int, monkeypatch: pytest.MonkeyPatch) -> list[dict[Any, Any]]:
    """For each epoch, from the text of an example to what the model read of it."""
    seen: list[Any] = []
    whole = loop.collate
    monkeypatch.setattr(loop, "collate", lambda drafts, **options: seen.extend(drafts) or whole(drafts, **options))
    monkeypatch.setattr(loop.Run, "keep", lambda run: None)
    monkeypatch.setattr(loop.Run, "finish", lambda run: None)
    n = len(material.material(out.with_name(f"{out.name} examples"), recipe, [text], (), None, {}).examples)
    seen.clear()
    trained(recipe, text, out, tokens=epochs * n * 24)
    first = seen[max(1, recipe.tokens_per_step // 24) :]  # what `start` measures the engines on
    return [{tuple(d.clean.tolist()): tuple(d.ids.tolist()) for d in first[k * n : (k + 1) * n]} for k in range(epochs)]


def test_static_masks_take_turns_and_dynamic_ones_never_come_back(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = replace(BERT, tokens_per_step=24)
    static = masks(replace(of, copies=2), text, tmp_path / "static", 5, monkeypatch)
    assert static[0] == static[2] == static[4]
    assert static[1] == static[3]
    assert static[0].keys() == static[1].keys()
    assert static[0] != static[1]
    dynamic = masks(replace(of, copies=None), text, tmp_path / "dynamic", 5, monkeypatch)
    for k, one in enumerate(dynamic):
        assert one.keys() == dynamic[0].keys()
        for other in dynamic[:k]:
            assert sum(one[example] == other[example] for example in one) < 0.1 * len(one)


# Refusals


@pytest.fixture(scope="module")
def finished(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("finished") / "run"
    trained(BERT, text, place)
    return place


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("recipe", {"recipe": replace(BERT, clip=0.5)}),
        ("text", {"text": "other"}),
        ("tokenizer", {"tokenizer": "other"}),
        ("seed", {"seed": 1}),
        ("budget of tokens", {"tokens": 99 * STEP}),
        ("budget of minutes", {"tokens": None, "minutes": 1}),
    ],
)
def test_a_folder_is_not_given_to_another_run(
    what: str, changed: dict[str, Any], finished: Path, text: Path, tmp_path: Path
) -> None:
    before = everything(finished)
    given: dict[str, Any] = {"recipe": BERT, "text": text, **changed}
    if given["text"] == "other":
        given["text"] = prose(tmp_path / "other.txt", seed=5)
    if "tokenizer" in given:
        given["tokenizer"] = trained(replace(BERT, vocabulary=150), text, tmp_path / "o", tokens=STEP).model
    with pytest.raises(ForeignRun, match=f"another .*{what}"):
        trained(given.pop("recipe"), given.pop("text"), finished, **given)
    assert everything(finished) == before


def test_a_finished_run_is_not_trained_again(finished: Path, text: Path) -> None:
    before = everything(finished)
    again = trained(BERT, text, finished)
    assert again.steps == STEPS
    assert everything(finished) == before


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_no_training_is_left_alone(kind: str, text: Path, tmp_path: Path) -> None:
    place = tmp_path / "mine"
    (place if kind == "file" else place / "thesis.tex").parent.mkdir(exist_ok=True)
    (place if kind == "file" else place / "thesis.tex").write_text("dear to me")
    before = everything(tmp_path)
    with pytest.raises(ForeignRun):
        trained(BERT, text, place)
    assert everything(tmp_path) == before


def maskless(folder: Path) -> Path:
    """A tokenizer with all that training needs but a [MASK]."""
    vocabulary = {token: k for k, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnop"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return folder


BAD: dict[str, tuple[type[BadInput], str, Callable[[Path], dict[str, Any]]]] = {
    "empty text": (BadCorpus, "no usable item", lambda at: {"text": _file(at, b"")}),
    "blank text": (BadCorpus, "no usable item", lambda at: {"text": _file(at, b"\n \n")}),
    "binary text": (BadCorpus, "not UTF-8", lambda at: {"text": _file(at, bytes(range(128, 256)) * 9)}),
    "missing text": (BadCorpus, "nowhere.txt", lambda at: {"text": at / "nowhere.txt"}),
    "short text": (BadCorpus, "block takes 22", lambda at: {"text": _file(at, b"Only a few words.")}),
    "one block": (BadCorpus, "1 example", lambda at: {"text": _file(at, b"a b c d e f g h i j k l m n " * 2)}),
    "empty held-out text": (BadCorpus, "no usable item", lambda at: {"valid": [_file(at, b"")]}),
    "short held-out text": (BadCorpus, "block takes 22", lambda at: {"valid": [_file(at, b"A word.")]}),
    "no [MASK]": (BadRequest, "no mask token", lambda at: {"tokenizer": maskless(at / "maskless")}),
    "no tokenizer": (BadRequest, "no tokenizer can be read", lambda at: {"tokenizer": at / "nowhere"}),
    "no budget": (BadRequest, "either tokens or minutes", lambda at: {"tokens": None}),
    "two budgets": (BadRequest, "either tokens or minutes", lambda at: {"minutes": 1.0}),
    "no tokens": (BadRequest, "must be positive", lambda at: {"tokens": 0}),
    "no minutes": (BadRequest, "must be positive", lambda at: {"tokens": None, "minutes": 0.0}),
    "endless": (BadRequest, "must be positive", lambda at: {"tokens": None, "minutes": math.inf}),
    "no checkpoint": (BadRequest, "0 checkpoints", lambda at: {"checkpoints": 0}),
    "negative seed": (BadRequest, "seed -1", lambda at: {"seed": -1}),
    "unknown precision": (BadRequest, "precision 'int3'", lambda at: {"precision": "int3"}),
    "unknown device": (BadRequest, "device 'cupboard'", lambda at: {"device": "cupboard"}),
    "tiny vocabulary": (BadRequest, "at least 50", lambda at: {"recipe": replace(BERT, vocabulary=20)}),
    "too long": (BadRequest, "do not fit 32 positions", lambda at: {"recipe": replace(BERT, layout=Sentences(40))}),
    "odd heads": (
        BadRequest,
        "no multiple",
        lambda at: {"recipe": replace(BERT, architecture=replace(BERT.architecture, heads=5))},
    ),
}


def _file(at: Path, content: bytes) -> Path:
    (at / "bad.txt").write_bytes(content)
    return at / "bad.txt"


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_message_and_leaves_nothing_behind(case: str, text: Path, tmp_path: Path) -> None:
    error, says, change = BAD[case]
    given: dict[str, Any] = {"recipe": BERT, "text": text, **change(tmp_path)}
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error, match=says.replace("[", r"\[")) as caught:
        trained(given.pop("recipe"), given.pop("text"), tmp_path / "out", **given)
    assert caught.value.do
    assert sorted(tmp_path.iterdir()) == before
    (tmp_path / "out").mkdir()
    trained(BERT, text, tmp_path / "out", tokens=STEP)


def test_a_device_that_is_not_there_is_not_replaced(text: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(BadRequest, match="cuda"):
        trained(BERT, text, tmp_path / "out", device="cuda")
    assert not list(tmp_path.iterdir())


# Numbers that are none


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_batch(text: Path, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Breaking(MLM):
        def losses(self, reading: Reading, head: nn.Module | None) -> Any:
            breaks = next(calls) == 8
            return {name: loss * math.nan if breaks else loss for name, loss in super().losses(reading, head).items()}

    recipe, out = replace(BERT, objectives=(Breaking(),)), tmp_path / "run"
    calls: Iterator[int] = iter(range(1, 100))
    with pytest.raises(NotFinite, match="step 7 has mlm nan") as caught:
        trained(recipe, text, out)
    (file,) = out.glob("failed-step-7*")
    assert str(file) in str(caught.value)
    with np.load(file) as saved:
        assert saved["ids_0"].shape == saved["labels_0"].shape == (8, 24)
    calls = iter(range(100, 200))
    trained(recipe, text, out)
    calls = iter(range(100, 200))
    trained(recipe, text, tmp_path / "well")
    assert far(weights(out), weights(tmp_path / "well")) == 0
    assert [line["step"] for line in steps_of(out)] == list(range(1, STEPS + 1))


def test_a_learning_rate_of_a_billion_ends_in_a_message_not_in_a_checkpoint(text: Path, tmp_path: Path) -> None:
    recipe = replace(BERT, optimizer=AdamW(1e38), schedule=Schedule(0.0, "constant"))
    with pytest.raises(NotFinite, match=r"Lower the learning rate"):
        trained(recipe, text, tmp_path / "run", checkpoints=STEPS)
    for _, folder in checkpoint.all_of(tmp_path / "run"):
        assert all(bool(torch.isfinite(p).all()) for p in load_file(folder / "model.safetensors").values())
    assert not (tmp_path / "run" / "model").exists()


# Disks


def test_a_disk_that_is_full_is_said_and_the_run_goes_on_when_it_is_not(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(BERT, text, tmp_path / "well")
    whole = os.replace

    def full(source: Any, target: Any) -> None:
        if Path(target).name == "00000006":
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(source, target)

    out = tmp_path / "run"
    monkeypatch.setattr(checkpoint.os, "replace", full)
    with pytest.raises(CannotWrite, match="No space left"):
        trained(BERT, text, out)
    assert [steps for steps, _ in checkpoint.all_of(out)] == [3]
    assert not list(out.rglob("*.part"))
    monkeypatch.setattr(checkpoint.os, "replace", whole)
    trained(BERT, text, out)
    assert far(weights(out), weights(tmp_path / "well")) == 0


def _refused(text: Path, out: Path, most: int) -> None:
    """Trains where no file may grow beyond `most` bytes, which libraries meet as they meet a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    try:
        trained(BERT, text, out)
    except CannotWrite:
        os._exit(7)


def test_writers_of_every_library_are_understood(text: Path, finished: Path, tmp_path: Path) -> None:
    size = lambda name: (checkpoint.all_of(finished)[-1][1] / name).stat().st_size
    stream = (finished / "text" / "ids.npy").stat().st_size
    assert stream < size("tokenizer.json") < size("model.safetensors") < size("training.pt")
    limits = {
        "stream": stream - 100,
        "tokenizer": size("tokenizer.json") - 100,
        "weights": size("model.safetensors") - 100,
        "state": size("training.pt") - 100,
    }
    for what, most in limits.items():
        assert ended(started(_refused, text, tmp_path / what, most)) == 7, what
    assert not (tmp_path / "stream").exists()
    assert not (tmp_path / "tokenizer").exists()
    for what in ("weights", "state"):
        assert checkpoint.latest(tmp_path / what) is None
        assert not list((tmp_path / what).rglob("*.part"))
    trained(BERT, text, tmp_path / "state")
    assert far(weights(tmp_path / "state"), weights(finished)) == 0


def test_a_half_written_checkpoint_is_never_taken_for_a_whole_one(finished: Path, tmp_path: Path) -> None:
    place = tmp_path / "run"
    shutil.copytree(finished, place)
    steps, newest = checkpoint.all_of(place)[-1]
    shutil.copytree(newest, newest.with_name("00000099.part"))
    found = checkpoint.latest(place)
    assert found is not None and found.folder == newest and found.state["steps"] == steps
    assert checkpoint.all_of(place)[-1] == (steps, newest)


def test_a_checkpoint_that_cannot_be_read_is_named(finished: Path, text: Path, tmp_path: Path) -> None:
    place = tmp_path / "run"
    shutil.copytree(finished, place)
    (checkpoint.all_of(place)[-1][1] / "training.pt").write_bytes(b"no zip")
    with pytest.raises(BadInput, match="00000012 cannot be read"):
        trained(BERT, text, place)


def test_only_the_newest_checkpoint_carries_the_state(finished: Path) -> None:
    folders = checkpoint.all_of(finished)
    assert [steps for steps, _ in folders] == [3, 6, 9, 12]
    assert [(folder / "training.pt").is_file() for _, folder in folders] == [False, False, False, True]
    assert not (finished / "model" / "training.pt").exists()


def test_a_line_of_the_log_that_was_cut_short_is_dropped(finished: Path, text: Path, tmp_path: Path) -> None:
    place = tmp_path / "run"
    shutil.copytree(finished, place)
    with open(place / "log.jsonl", "a") as log:
        log.write('{"step": 13, "tok')
    assert [line["step"] for line in read_log(place)] == list(range(1, STEPS + 1))
    trained(BERT, text, place)
    assert [json.loads(line)["step"] for line in (place / "log.jsonl").read_text().splitlines()] == [*range(1, 13)]


# What comes out


@pytest.mark.parametrize("family", ["bert", "roberta", "electra", "modernbert"])
def test_the_published_model_is_the_same_in_transformers_and_here(family: str, text: Path, tmp_path: Path) -> None:
    options = (("global_attn_every_n_layers", 1), ("local_attention", 16)) if family == "modernbert" else ()
    recipe = replace(BERT, architecture=replace(BERT.architecture, family=family, options=options))
    done = trained(recipe, text, tmp_path / "run", tokens=3 * STEP)
    model, tokenizer = (
        AutoModelForMaskedLM.from_pretrained(done.model).eval(),
        AutoTokenizer.from_pretrained(done.model),
    )
    encoder = bt.load(done.model)
    assert "mlm" in encoder.has
    batch = tokenizer(["The small cat sees a [MASK].", "Never again."], padding=True, return_tensors="pt")
    with torch.no_grad():
        theirs, ours = model(**batch).logits, encoder.model.eval()(**batch).logits
    assert torch.equal(theirs, ours)
    last = checkpoint.all_of(done.folder)[-1][1]
    assert far(weights(done.folder), load_file(last / "model.safetensors")) == 0
    assert float(theirs.std()) > 0


@pytest.mark.parametrize("recipe", [BERT, ELECTRA], ids=["mlm", "electra"])
def test_held_out_losses_are_the_same_at_each_call(
    recipe: Recipe, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[dict[str, float]]] = []
    whole = loop.Run.keep

    def keep(run: Any) -> None:
        before = torch.cat([p.detach().flatten() for p in run._parameters()])
        asked.append([run.held_out_losses() for _ in range(3)])
        assert torch.equal(before, torch.cat([p.detach().flatten() for p in run._parameters()]))
        assert run.model.training and run.heads.training
        whole(run)

    monkeypatch.setattr(loop.Run, "keep", keep)
    trained(recipe, text, tmp_path / "run", valid=[prose(tmp_path / "valid.txt", documents=4, seed=3)])
    assert len(asked) == 4
    for answers in asked:
        assert answers[0] == answers[1] == answers[2]
    assert asked[0][0] != asked[-1][0]
    logged = [{k.removeprefix("valid "): v for k, v in line.items() if k.startswith("valid ")} for line in held_out_of(tmp_path / "run")]  # fmt: skip
    assert logged == [answers[0] for answers in asked]


def test_scoring_held_out_text_does_not_change_the_training(text: Path, tmp_path: Path) -> None:
    trained(ELECTRA, text, tmp_path / "with", valid=[text])
    trained(ELECTRA, text, tmp_path / "without")
    assert far(weights(tmp_path / "with"), weights(tmp_path / "without")) == 0


def test_training_learns(text: Path, tmp_path: Path) -> None:
    recipe = replace(BERT, optimizer=AdamW(1e-2))
    trained(recipe, text, tmp_path / "run", tokens=80 * STEP, valid=[prose(tmp_path / "v.txt", seed=9)])
    losses = [line["valid mlm"] for line in held_out_of(tmp_path / "run")]
    first = steps_of(tmp_path / "run")[0]["loss"]
    assert losses[-1] < losses[0] < first - 1 < math.log(200)


def test_a_tokenizer_is_used_as_given(finished: Path, text: Path, tmp_path: Path) -> None:
    done = trained(BERT, text, tmp_path / "run", tokens=STEP, tokenizer=finished / "tokenizer")
    assert (done.model / "tokenizer.json").read_bytes() == (finished / "tokenizer" / "tokenizer.json").read_bytes()
    again = trained(BERT, text, tmp_path / "run", tokens=STEP, tokenizer=finished / "tokenizer")
    assert again.steps == done.steps


# The command


def test_the_command_trains_and_says_where_the_model_is(
    text: Path, tmp_path: Path, bertology: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "candidates", lambda *_: [Engine()])  # measuring takes longer than training
    out = tmp_path / "run"
    given = ("pretrain", "bert", "--small", "--text", text.parent / "*.txt", "--valid", text, "--out", out)
    done = bertology(*given, "--tokens", "4k", "--checkpoints", 1)
    assert done.code == 0, done.err
    assert "last loss" in done.out and str(out / "model") in done.out and str(out / "training.html") in done.out
    assert load(out / "model").n_layers == 4
    assert "bert" in (out / "training.html").read_text()
    again = bertology(*given, "--tokens", "4k", "--checkpoints", 1, "--json")
    assert json.loads(again.out)["model"] == str(out / "model")


def test_the_command_lists_the_recipes(bertology: Callable[..., Said]) -> None:
    done = bertology("pretrain", "list")
    assert done.code == 0
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines] == list(bt.recipes.RECIPES)
    assert "clark-2020" in next(line for line in lines if line.startswith("electra"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("--text", "nowhere.txt"), "nowhere.txt"),
        (("--text", "no*where.txt"), "matches no file"),
        (("--minutes", "1"), "either tokens or minutes"),
        (("--tokens", "many"), "no number of tokens"),
        (("--claims", "no-99"), "no-99"),
        (("--precision", "int3"), "int3"),
        ((), "no recipe 'burt'"),
    ],
)
def test_bad_input_to_the_command_is_one_message_and_exit_code_2(
    change: tuple[str, ...], says: str, text: Path, tmp_path: Path, bertology: Callable[..., Said]
) -> None:
    given = {"--text": str(text), "--tokens": "8k", "--out": str(tmp_path / "run"), **dict([change] if change else [])}
    recipe = "bert" if change else "burt"
    done = bertology("pretrain", recipe, "--small", *(part for pair in given.items() for part in pair))
    assert done.code == 2 and says in done.err and "Traceback" not in done.err
    assert done.out == ""
    assert not list(tmp_path.iterdir())


def test_without_accelerate_the_command_says_how_to_install_it(
    text: Path, tmp_path: Path, bertology: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    done = bertology("pretrain", "bert", "--small", "--text", text, "--tokens", "8k", "--out", tmp_path / "run")
    assert done.code == 2
    assert 'pip install "bertology[train]"' in done.err and "Traceback" not in done.err
    assert not list(tmp_path.iterdir())


def test_a_step_has_the_tokens_it_says_however_short_the_examples_are(text: Path, tmp_path: Path) -> None:
    recipe = replace(BERT, layout=Sentences(32), tokens_per_step=256)
    trained(recipe, text, tmp_path / "run", tokens=256 * 12)
    tokens = [0, *(line["tokens"] for line in steps_of(tmp_path / "run"))]
    assert np.diff(tokens).mean() == pytest.approx(256, rel=0.1)
    assert loop.mean_length([((0, 3),), ((0, 3), (3, 8))]) == (5 + 11) / 2
