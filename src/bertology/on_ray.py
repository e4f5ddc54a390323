"""Work on a Ray cluster: a pass's batches, probe fits, trainings, and the encoders of an audit are its tasks.

A task that dies with its worker is run again elsewhere by Ray. What workers get is in the tasks themselves (weights, corpora), so they
need no files of the model; they need the same versions of this library, torch, transformers and numpy.
"""

import io
import logging
import os
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bertology import job
from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.observe.planner import Fit, Pass
from bertology.observe.reading import Reading, merged, read
from bertology.observe.statistic import Arrays
from bertology.observe.wishes import Artefact
from bertology.record.errors import BadRequest

PATIENCE = 600
"""Seconds that a node may take to import what it needs."""
RETRIES = 5
"""How often Ray runs a task again whose worker died."""


def connect(on: str) -> "OnRay":
    """The workers behind "ray" (RAY_ADDRESS, else a cluster of this machine's own) or "ray=ADDRESS".

    Raises BadRequest when ray is not installed, no cluster answers, or its nodes have other versions of what must be equal.
    """
    kind, _, address = on.partition("=")
    if kind != "ray":
        raise BadRequest(f"--on {on!r} is not known.", "Write local, ray or ray=ADDRESS.")
    try:
        import ray
    except ImportError as error:
        raise BadRequest("ray is not installed.", "pip install 'bertology[ray]'.") from error
    if not ray.is_initialized():
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            ray.init(
                address=address or os.environ.get("RAY_ADDRESS"), include_dashboard=None if address else False,
                log_to_driver=False, logging_level=logging.ERROR, configure_logging=False,
            )  # fmt: skip
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise BadRequest(
                f"no Ray cluster answers at {address or 'this machine'}: {str(error).splitlines()[0]}",
                "Check the address.",
            ) from error
    workers = OnRay(ray)
    workers.check()
    return workers


def train(on: str, processes: int, work: Any, **arguments: Any) -> None:
    """Ray Train: `work(**arguments)` in so many processes at once, as torchrun would start them; on a cluster their folders must lie on a
    disk that all share. A group that loses a process is started again, and goes on from the work's last checkpoint.

    Raises what the work raised, and BadRequest as `connect` does, or when the cluster has fewer cores.
    """
    workers = connect(on)
    if not 0 < processes <= workers.cores:
        raise BadRequest(
            f"{processes} processes were asked for, the cluster has {workers.cores} cores.", "Give --processes."
        )
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    with tempfile.TemporaryDirectory() as place:
        TorchTrainer(
            lambda given: work(**given), train_loop_config=arguments,
            scaling_config=ScalingConfig(num_workers=processes, use_gpu=str(arguments.get("device", "cpu")).startswith("cuda")),
            run_config=RunConfig(storage_path=place, failure_config=FailureConfig(max_failures=RETRIES)),
        ).fit()  # fmt: skip


def versions() -> dict[str, str]:
    """What must be equal on all machines for results to be."""
    return {"python": ".".join(map(str, sys.version_info[:2])), **job.versions()}


class OnRay:
    """A connected cluster as the planner's `Workers`."""

    def __init__(self, ray: Any) -> None:
        self.ray = ray
        self._kept: dict[tuple[str, Any], Any] = {}

    @property
    def cores(self) -> int:
        """The cluster's processors."""
        return max(1, int(self.ray.cluster_resources().get("CPU", 1)))

    def check(self) -> None:
        """Raises BadRequest naming the first node that has other versions, or lacks the library."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        own = versions()
        for node in self.ray.nodes():
            if not node["Alive"] or not node["Resources"].get("CPU"):
                continue
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            asked = self._task(versions, num_cpus=0, scheduling_strategy=there)
            try:
                found = self.ray.get(asked.remote(), timeout=PATIENCE)
            except self.ray.exceptions.GetTimeoutError as error:
                raise BadRequest(
                    f"the worker at {node['NodeManagerAddress']} did not answer in {PATIENCE / 60:.0f} minutes.",
                    "Is it busy?",
                ) from error
            except Exception as error:
                raise BadRequest(
                    f"the worker at {node['NodeManagerAddress']} cannot run bertology: {_cause(error)}",
                    "Install the same version there.",
                ) from error
            differing = [f"{k} {found.get(k)} there, {v} here" for k, v in own.items() if found.get(k) != v]
            if differing:
                raise BadRequest(
                    f"the worker at {node['NodeManagerAddress']} has {'; '.join(differing)}.",
                    "Install the same versions.",
                )

    # The planner's wishes

    def readings(self, wishes: Sequence[tuple[Encoder, Pass]], token_budget: int) -> Iterator[Reading | Exception]:
        """Each pass's batches dealt out over the cores; a pass whose part fails is that failure."""
        task, of = self._task(_part), self.cores
        waiting = []
        for encoder, group in wishes:
            who, what = self._put(encoder), self._put_corpus(encoder, group.corpus)
            rest = (group.statistics, group.under, group.gradients, token_budget)
            waiting.append([task.remote([who], [what], *rest, (k, of)) for k in range(of)])
        for (_, group), parts in zip(wishes, waiting, strict=True):
            found = [self._answer(part) for part in parts]
            error = next((one for one in found if isinstance(one, Exception)), None)
            try:
                yield error if error is not None else merged(group.statistics, found)  # type: ignore[arg-type]
            except Exception as effect:
                yield effect

    def fits(self, wishes: Sequence[Fit]) -> Iterator[Arrays | Exception]:
        """Each fit a task."""
        task = self._task(_fit)
        waiting = [
            task.remote([self._put(encoder)], [self._put_corpus(encoder, corpus)], derived, dict(answers))
            for derived, encoder, corpus, answers in wishes
        ]
        yield from (self._answer(one) for one in waiting)

    def builds(self, wishes: Sequence[tuple[Artefact, Path]]) -> Iterator[Exception | None]:
        """Each artefact a task; its files come back to their places here."""
        task = self._task(_build)
        waiting = [task.remote(artefact) for artefact, _ in wishes]
        for (_, place), one in zip(wishes, waiting, strict=True):
            found = self._answer(one)
            if isinstance(found, Exception):
                yield found
            else:
                unpack(found, place)
                yield None

    # The runs of an audit

    @property
    def room(self) -> int:
        return 2 * self.cores

    def start(self, encoder: Encoder, options: Mapping[str, Any], place: Path) -> tuple[Any, Path]:
        """The run of an encoder as one task; its folder comes back without what it measured on the way."""
        asked = self._once(("options", id(options)), lambda: dict(options))
        return self._task(_run).remote([self._put(encoder)], [asked]), place

    def finish(self, started: tuple[Any, Path]) -> None:
        waiting, place = started
        found = self._answer(waiting)
        if isinstance(found, Exception):
            raise found
        unpack(found, place)

    def _answer(self, waiting: Any) -> Any:
        try:
            return self.ray.get(waiting)
        except self.ray.exceptions.RayTaskError as error:
            return error.cause if isinstance(error.cause, Exception) else error
        except self.ray.exceptions.RayError as error:
            return RuntimeError(f"the cluster lost this task {RETRIES + 1} times: {str(error).splitlines()[0]}")

    def _task(self, function: Any, **options: Any) -> Any:
        return self.ray.remote(function).options(**{"num_cpus": 1, "max_retries": RETRIES, **options})

    def _put(self, encoder: Encoder) -> Any:
        return self._once(("encoder", encoder.fingerprint), lambda: replace(encoder, _encoded={}))

    def _put_corpus(self, encoder: Encoder, corpus: Corpus) -> Any:
        return self._once(
            (encoder.fingerprint, corpus.fingerprint), lambda: (corpus.fingerprint, encoder.encode(corpus))
        )

    def _once(self, key: tuple[str, Any], made: Callable[[], Any]) -> Any:
        """The reference of what is sent to workers, made and sent when first asked for."""
        if key not in self._kept:
            self._kept[key] = self.ray.put(made())
        return self._kept[key]


# What workers do


_HERE: dict[Any, Any] = {}
"""Encoders and corpora that this worker has unpacked before, by their references."""


def _here(reference: list[Any]) -> Any:
    import ray

    (one,) = reference
    if one not in _HERE:
        if len(_HERE) > 16:
            _HERE.clear()
        _HERE[one] = ray.get(one)
    return _HERE[one]


def _part(
    who: list[Any],
    what: list[Any],
    statistics: Any,
    under: Any,
    gradients: bool,
    token_budget: int,
    part: tuple[int, int],
) -> Reading:
    encoder, corpus = _ready(who, what)
    return read(encoder, corpus, statistics, under=under, gradients=gradients, token_budget=token_budget, part=part)


def _fit(who: list[Any], what: list[Any], derived: Any, answers: Mapping[str, Any]) -> Arrays:
    encoder, corpus = _ready(who, what)
    return derived.compute(encoder, encoder.encode(corpus), **answers)


def _ready(who: list[Any], what: list[Any]) -> tuple[Encoder, Corpus]:
    import torch

    from bertology.train import variants  # noqa: F401 (registers architectures that transformers lacks)

    torch.set_num_threads(1)
    encoder = _here(who)
    fingerprint, encoded = _here(what)
    encoder._encoded.setdefault(fingerprint, encoded)
    return encoder, encoded.corpus


def _build(artefact: Artefact) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        artefact.build(Path(place), lambda what, done, total: None)
        return pack(Path(place))


def _run(who: list[Any], options: list[Any]) -> bytes:
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as store:
        job.run(_here(who), out=place, store=store, **_here(options))
        return pack(Path(place))


def pack(place: Path) -> bytes:
    """A folder's files as bytes."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for file in sorted(place.rglob("*")):
            if file.is_file():
                archive.add(file, file.relative_to(place).as_posix())
    return content.getvalue()


def unpack(content: bytes, place: Path) -> None:
    """The files of `pack`, in an existing or new folder."""
    place.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(place, filter="data")


def _cause(error: Exception) -> str:
    return str(getattr(error, "cause", None) or error).splitlines()[0]


__all__ = ["OnRay", "connect", "pack", "unpack", "versions"]
