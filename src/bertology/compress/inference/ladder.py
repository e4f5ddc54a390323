"""Faster inference of one encoder, rung by rung, all in one run: no padding, fewer bits, other runtimes. Each with what it changes.

The base is what one would write today: transformers, float32, texts in the given order, padded batches of 32. Rungs are timed in
turn within each repeat, texts to vectors (or logits) with tokenisation, so that speed-ups are paired. A rung that is no faster
than the exact one without padding, or that drifts from it, is refused and says so. The base may be another encoder, the one that
this was made from: then the ladder begins with what is smaller and goes on from there.
"""

import copy
import importlib.util
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from bertology.compress.inference import export
from bertology.compress.inference.unpadded import (
    Pooling,
    Runner,
    Text,
    cost_of,
    embed,
    lines,
    logits,
    pooled,
    split,
    torch_runner,
)
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import wrap
from bertology.record.errors import BadInput, BadRequest
from bertology.record.estimate import Estimate
from bertology.stats import repeats as over_repeats
from bertology.train.classifier import Scored
from bertology.train.task import Task

BASE, EXACT = "padded float32", "unpadded float32"
BATCH = 32
FLAGS = {
    "AVX2": "avx2", "AVX-512": "avx512f", "VNNI": ("avx512_vnni", "avx_vnni"), "AMX int8": "amx_int8",
    "bfloat16": "avx512_bf16", "AMX bfloat16": "amx_bf16",
}  # fmt: skip
Progress = Callable[[str, int, int], None]


class Drift(NamedTuple):
    """Outputs against the base's: largest absolute difference, mean and lowest cosine between vectors, and the share of texts whose
    nearest other text (by cosine) is the base's: what a search would notice. No share for logits or fewer than three texts, and
    nothing but the share where the base's vectors have another width."""

    largest: float | None
    cosine: float | None
    least: float | None
    neighbours: float | None = None

    def __str__(self) -> str:
        parts = []
        if self.largest is not None:
            parts.append(f"cosine {self.cosine:.5f} (least {self.least:.4f}), off by {self.largest:.1e}")
        if self.neighbours is not None:
            parts.append(f"nearest texts kept {100 * self.neighbours:.1f} %")
        return ", ".join(parts)


class Rung(NamedTuple):
    """`seconds` over all texts, median; `speedup` over the base. `change` is the score's, minus the base's, None where nothing is labelled.

    `refused` says why the rung is not to be used; empty where it is.
    """

    name: str
    seconds: float
    speedup: Estimate
    drift: Drift
    change: Estimate | None
    refused: str = ""


class Ladder(NamedTuple):
    """`padding` is padded over real subwords: of the base, and after splitting. `score` is the base's; `absent` why a rung was not tried."""

    encoder: str
    machine: dict[str, str]
    texts: int
    padding: tuple[float, float]
    measure: str
    score: Estimate | None
    rungs: list[Rung]
    absent: dict[str, str]
    base: str = ""
    """The base's encoder where it is another."""

    @property
    def best(self) -> Rung:
        """The fastest rung that was not refused."""
        return max((r for r in self.rungs if not r.refused), key=lambda r: r.speedup.value)

    def lines(self) -> list[str]:
        """What the terminal shows."""
        facts = ", ".join(f"{k} {v}" for k, v in self.machine.items())
        who = f"{self.encoder} against {self.base}" if self.base else self.encoder
        found = [
            f"{who}: {self.texts:,} texts, {self.padding[0]:.2f} padded subwords for a real one, {self.padding[1]:.2f} after splitting",
            facts,
        ]
        if self.score is not None:
            found.append(f"{self.measure} of the base: {self.score}")
        for r in self.rungs:
            said = f"  {r.name:<22} {r.speedup.value:5.2f}x [{r.speedup.low:.2f}, {r.speedup.high:.2f}]  {r.seconds:8.3f} s  {r.drift}"
            if r.change:
                said += f", {self.measure} {r.change.value:+.4f} [{r.change.low:+.4f}, {r.change.high:+.4f}]"
            found.append(said + (f"  REFUSED: {r.refused}" if r.refused else ""))
        found += [f"  {name}: not tried, {why}" for name, why in self.absent.items()]
        return [*found, f"best: {self.best.name}, {self.best.speedup.value:.2f}x"]

    def to_json(self) -> dict[str, Any]:
        rungs = [
            {
                "name": r.name, "seconds": r.seconds, "speedup": r.speedup.to_json(), "drift": r.drift._asdict(),
                "change": r.change and r.change.to_json(), "refused": r.refused,
            }
            for r in self.rungs
        ]  # fmt: skip
        return {
            "encoder": self.encoder, "machine": self.machine, "texts": self.texts, "padding": self.padding, "measure": self.measure,
            "score": self.score and self.score.to_json(), "rungs": rungs, "absent": self.absent, "best": self.best.name,
            "base": self.base,
        }  # fmt: skip


def machine() -> dict[str, str]:
    """What decides which rung is fastest: processor, threads, and units, from /proc/cpuinfo; "unknown" where that is not."""
    try:
        said = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        said = ""
    facts = {key.strip(): value.strip() for key, _, value in (x.partition(":") for x in said.splitlines())}
    flags = set(facts.get("flags", "").split())
    there = lambda names: any(n in flags for n in ((names,) if isinstance(names, str) else names))
    units = {name: ("yes" if there(names) else "no") if flags else "unknown" for name, names in FLAGS.items()}
    return {
        "processor": facts.get("model name") or platform.processor() or "unknown",
        "threads": str(torch.get_num_threads()),
        **units,
    }


class _Maker(NamedTuple):
    """How a rung is made from an encoder (and calibration inputs) in a folder; `needs` packages."""

    make: Callable[[Encoder, Path, list[Any]], Runner]
    needs: tuple[str, ...] = ()


def _bfloat16(encoder: Encoder, folder: Path, shown: list[Any]) -> Runner:
    return torch_runner(copy.deepcopy(encoder.model).to(torch.bfloat16))


def _onnx(change: Callable[[Path, list[Any]], Path]) -> Callable[[Encoder, Path, list[Any]], Runner]:
    return lambda encoder, folder, shown: export.runner(change(_float(encoder, folder), shown))


def _float(encoder: Encoder, folder: Path) -> Path:
    """The float32 ONNX file in a rung's folder; exported once, beside it."""
    one = folder.parent / "float32.onnx"
    return Path(shutil.copy(one if one.is_file() else export.to_onnx(encoder, one), folder / "model.onnx"))


def _openvino(precision: Any, int8: bool = False) -> Callable[[Encoder, Path, list[Any]], Runner]:
    def make(encoder: Encoder, folder: Path, shown: list[Any]) -> Runner:
        file = export.to_openvino(_float(encoder, folder))
        return export.runner(export.int8_openvino(file, shown) if int8 else file, precision=precision)

    return make


_ONNX = ("onnx", "onnxscript", "onnxruntime")
RUNGS: dict[str, _Maker] = {
    EXACT: _Maker(lambda encoder, folder, shown: torch_runner(encoder.model)),
    "bfloat16 autocast": _Maker(lambda encoder, folder, shown: torch_runner(encoder.model, autocast=True)),
    "bfloat16 weights": _Maker(_bfloat16),
    "ONNX float32": _Maker(_onnx(lambda file, shown: file), _ONNX),
    "ONNX int8, dynamic": _Maker(_onnx(lambda file, shown: export.int8_dynamic(file)), _ONNX),
    "ONNX int8, static": _Maker(_onnx(export.int8_static), _ONNX),
    "OpenVINO float32": _Maker(_openvino("f32"), (*_ONNX, "openvino")),
    "OpenVINO bfloat16": _Maker(_openvino("bf16"), (*_ONNX, "openvino")),
    "OpenVINO int8": _Maker(_openvino("f32", int8=True), (*_ONNX, "openvino", "nncf")),
    "OpenVINO int8, bfloat16": _Maker(_openvino("bf16", int8=True), (*_ONNX, "openvino", "nncf")),
}
"""The rungs there are, above the base."""


def ladder(
    encoder: Encoder, texts: Sequence[Text], *, task: Task | None = None, rungs: Sequence[str] = tuple(RUNGS), pooling: Pooling = "mean",
    most: int = 256, repeats: int = 5, least_cosine: float = 0.95, most_loss: float = 0.01, against: Encoder | None = None,
    clock: Callable[[], float] = time.perf_counter,
    progress: Progress = lambda what, done, total: None,
) -> Ladder:  # fmt: skip
    """Times every rung on `texts`, cut at `most` subwords: sentence vectors of the trunk, or logits where `task` has a head in the encoder.

    `task` gives the score: of a classifier that the encoder is tuned to; else, for pairs with numbers (SICK's relatedness), Spearman's rho of
    the vectors' cosine. A rung is refused when its lowest cosine to the exact rung falls below `least_cosine`, when its score is lower than
    that one's by more than `most_loss`, or when it takes longer. `against` is the base's encoder if it is another: what a pruned or distilled
    encoder was made from; speed-ups and changes are then against it. `clock` may be the processor's, on a busy core.
    """
    unknown = [name for name in rungs if name not in RUNGS]
    if unknown or not texts:
        raise BadRequest(f"there is no rung {unknown[0]!r}." if unknown else "there is no text.", f"Rungs: {', '.join(RUNGS)}; give texts." )  # fmt: skip
    whole = against if against is not None else encoder
    headed = _headed(encoder, task)
    if headed != _headed(whole, task):
        raise BadRequest(f"of {encoder.name} and {whole.name} one has a head for {task.name if task else ''} and one has not.", "Give two encoders tuned for it.")  # fmt: skip
    if task is not None and not headed and not (task.kind == "regression" and len(task.test[0].texts) == 2):
        raise BadRequest(f"{encoder.name} has no head for {task.name}, and its labels are no numbers of pairs.", "Give a model tuned for it, or pairs with numbers.")  # fmt: skip
    part, first = (
        one if headed or one.model is one.base else wrap(one.base, one.tokenizer, name=one.name, has_mlm=False)
        for one in (encoder, whole)
    )
    say: Callable[..., NDArray[np.float32]] = logits if headed else lambda *a, **k: embed(*a, pooling=pooling, **k)
    encoded = lines(part, texts, most=most)
    shown = [encoded.batch(range(k, min(k + 8, len(texts)))) for k in range(0, min(64, len(texts)), 8)]
    base = torch_runner(first.model)
    calls: dict[str, Callable[[Sequence[Text]], NDArray[np.float32]]] = {
        BASE: lambda given: _padded(first, given, base, most, pooling, headed)
    }
    absent: dict[str, str] = {}
    forms: dict[str, Runner] = {}
    with TemporaryDirectory() as folder:
        for k, name in enumerate(dict.fromkeys((EXACT, *rungs))):
            progress("making rungs", k, len(rungs))
            lacking = [p for p in RUNGS[name].needs if importlib.util.find_spec(p) is None]
            if lacking:
                absent[name] = f"needs {' and '.join(lacking)}"
                continue
            place = Path(folder) / str(k)
            place.mkdir()
            try:
                run = forms[name] = RUNGS[name].make(part, place, shown)
                calls[name] = lambda given, run=run: say(part, given, most=most, run=run)
                calls[name](texts[:2])
            except (BadInput, RuntimeError, NotImplementedError, ValueError, TypeError) as error:
                calls.pop(name, None)
                absent[name] = f"it failed: {(str(error).strip().splitlines() or [type(error).__name__])[0][:200]}"
        taken = _timed(calls, texts, repeats, clock, progress)
        outputs = {name: call(texts) for name, call in calls.items()}
        said = {name: _scored(call, task, headed) for name, call in calls.items()} if task else {}
    made = [_rung(n, taken, outputs, said, task, headed, least_cosine, most_loss) for n in calls]
    lengths = encoded.lengths
    waste = sum(lengths[i : i + BATCH].max() * len(lengths[i : i + BATCH]) for i in range(0, len(texts), BATCH))
    left = split(lengths, cost_of(part, forms[EXACT], encoded.names)).padding
    measure = task.measure if task else ""
    score = _interval(said[BASE], None, task, headed) if task else None
    return Ladder(
        encoder.name, machine(), len(texts), (float(waste / lengths.sum()), left), measure, score, made, absent,
        against.name if against is not None else "",
    )  # fmt: skip


def _headed(encoder: Encoder, task: Task | None) -> bool:
    """Whether the encoder has a head that answers the task: with one number, or with the task's labels (or as many without names)."""
    if task is None or "ForSequenceClassification" not in type(encoder.model).__name__:
        return False
    if task.kind == "regression":
        return encoder.config.num_labels == 1
    names = [str(encoder.config.id2label[i]) for i in range(encoder.config.num_labels)]
    return names == list(task.labels) or names == [f"LABEL_{i}" for i in range(len(task.labels))]


def _padded(part: Encoder, given: Sequence[Text], run: Runner, most: int, pooling: Pooling, headed: bool) -> Any:
    """What one writes today: batches of 32 in the given order."""
    encoded = lines(part, given, most=most)
    found = []
    for k in range(0, len(given), BATCH):
        batch = encoded.batch(range(k, min(k + BATCH, len(given))))
        out = run(batch)
        found.append(out if headed else pooled(out, batch["attention_mask"], pooling))
    return np.concatenate(found)


def _timed(
    calls: dict[str, Any], texts: Sequence[Text], repeats: int, clock: Callable[[], float], progress: Progress
) -> dict[str, list[float]]:
    """Seconds of each rung in each repeat, in turn; one round before warms up."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for r in range(repeats + 1):
        progress("timing rungs", r, repeats + 1)
        for name, call in calls.items():
            started = clock()
            call(texts)
            ended = clock()
            if r:
                taken[name].append(ended - started)
    return taken


def _scored(call: Any, task: Task, headed: bool) -> NDArray[Any]:
    """What is said of each test example: a label or number by the head, or the cosine of two vectors."""
    if headed:
        out = call([e.texts if len(e.texts) == 2 else e.texts[0] for e in task.test])
        if task.kind == "regression":
            return out[:, 0].astype(float)
        return np.array([task.labels[i] for i in out.argmax(-1)], dtype=object)
    a, b = (call([e.texts[k] for e in task.test]) for k in range(2))
    return (a * b).sum(1) / np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-12)


def _score(said: NDArray[Any], task: Task, headed: bool, pick: NDArray[np.int64]) -> float:
    if headed:
        return Scored(said[pick], [task.test[i] for i in pick], task).score()
    return float(spearmanr(said[pick], np.array([task.test[i].label for i in pick])).statistic)  # type: ignore[attr-defined]


def _interval(said: NDArray[Any], base: NDArray[Any] | None, task: Task, headed: bool, draws: int = 200) -> Estimate:
    """The score, or its difference to the base's on the same resampled test examples."""
    n = len(task.test)
    rng = np.random.default_rng(17)
    picks = [np.arange(n), *(rng.integers(n, size=n) for _ in range(draws))]
    found = [_score(said, task, headed, p) - (0.0 if base is None else _score(base, task, headed, p)) for p in picks]
    low, high = np.quantile(found[1:], [0.025, 0.975])
    return Estimate(found[0], float(low), float(high), n, "", "bootstrap over test examples, paired" if base is not None else "bootstrap over test examples")  # fmt: skip


def _drift(found: NDArray[np.float32], due: NDArray[np.float32], headed: bool) -> Drift:
    own, base = found.astype(np.float64), due.astype(np.float64)
    kept = None if headed or len(own) < 3 else neighbours_kept(own, base)
    if own.shape != base.shape:
        return Drift(None, None, None, kept)
    norms = np.linalg.norm(own, axis=1) * np.linalg.norm(base, axis=1)
    cosines = (own * base).sum(1) / np.maximum(norms, 1e-12)
    return Drift(float(np.abs(own - base).max()), float(cosines.mean()), float(cosines.min()), kept)


def neighbours_kept(own: NDArray[np.float64], base: NDArray[np.float64], *, tied: float = 1e-5) -> float:
    """Of vectors (n, width), the share whose nearest other one is also the nearest among `base`'s rows, or as near within `tied`."""
    own, base = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (own, base))
    kept = 0
    for start in range(0, len(own), 512):
        rows = np.arange(start, min(start + 512, len(own)))
        new, old = own[rows] @ own.T, base[rows] @ base.T
        new[rows - start, rows] = old[rows - start, rows] = -np.inf
        kept += int((old[rows - start, new.argmax(1)] >= old.max(1) - tied).sum())
    return kept / len(own)


def _rung(
    name: str, taken: dict[str, list[float]], outputs: dict[str, NDArray[np.float32]], said: dict[str, Any], task: Task | None,
    headed: bool, least_cosine: float, most_loss: float,
) -> Rung:  # fmt: skip
    logs = over_repeats.mean(np.log(np.array(taken[BASE]) / np.array(taken[name])))
    low, high = (float(np.exp(x)) for x in (logs.low, logs.high))
    speedup = Estimate(float(np.exp(logs.value)), low, high, logs.n, "x", f"geometric mean, {logs.method}")
    drift = _drift(outputs[name], outputs[BASE], headed)
    change = _interval(said[name], said[BASE], task, headed) if task and name != BASE else None
    seconds = float(np.median(taken[name]))
    refused = ""
    if name not in (BASE, EXACT):
        against = over_repeats.mean(np.log(np.array(taken[EXACT]) / np.array(taken[name])))
        least = _drift(outputs[name], outputs[EXACT], headed=True).least
        every = np.arange(len(task.test)) if task else np.arange(0)
        fall = _score(said[EXACT], task, headed, every) - _score(said[name], task, headed, every) if task else 0.0
        if not np.isfinite(outputs[name]).all():
            refused = "it gives NaN or infinite values"
        elif least is not None and least < least_cosine:
            refused = f"it drifts: a vector has a cosine of {least:.3f} to that of {EXACT}, {least_cosine:g} is due"
        elif fall > most_loss:
            refused = f"the score falls by {fall:.3f}, {most_loss:g} is allowed"
        elif against.value < 0:
            refused = f"it takes {np.exp(-against.value):.2f} times as long as {EXACT}"
    return Rung(name, seconds, speedup, drift, change, refused)


__all__ = ["BASE", "EXACT", "RUNGS", "Drift", "Ladder", "Rung", "ladder", "machine", "neighbours_kept"]
