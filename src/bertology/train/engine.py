"""How a step is computed: number format, attention backend, compiled or not; chosen by measuring on the spot.

Some processors have bfloat16 in hardware and some do not, and on a CPU the backward pass of fused attention can cost more
than plain matrix products: neither can be known from the model.
"""

import contextlib
import statistics
import time
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bertology.record.errors import BadRequest

PRECISIONS = ("auto", "float32", "bfloat16")


class Engine(NamedTuple):
    """`precision` is "float32" or "bfloat16" (autocast), `attention` a transformers backend; `compiled` uses torch.compile."""

    precision: str = "float32"
    attention: str = "sdpa"
    compiled: bool = False

    def autocast(self, device: torch.device) -> contextlib.AbstractContextManager[Any]:
        """Matrix products in bfloat16 or all in float32; losses are computed in float32 either way."""
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.precision == "bfloat16")


def candidates(precision: str, backends: tuple[str, ...] = ("sdpa", "eager")) -> list[Engine]:
    """The engines to try. Raises BadRequest for an unknown precision."""
    if precision not in PRECISIONS:
        raise BadRequest(f"precision {precision!r} is not known.", f"Choose one of {', '.join(PRECISIONS)}.")
    formats = PRECISIONS[1:] if precision == "auto" else (precision,)
    return [Engine(*choice) for choice in product(formats, backends)]


def accelerator(device: str) -> Any:
    """The accelerate worker of this process. Raises BadRequest when accelerate or the device is missing."""
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise BadRequest(
            "pre-training needs accelerate, which is not installed.", 'Install it: pip install "bertology[train]"'
        ) from error
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise BadRequest(f"device {device!r} is not known.", "Give cpu or cuda.") from error
    if wanted.type == "cuda" and wanted.index is not None and wanted.index < torch.cuda.device_count():
        torch.cuda.set_device(wanted)
    worker = Accelerator(cpu=wanted.type == "cpu")
    if worker.device.type != wanted.type or wanted.index not in (None, worker.device.index):
        raise BadRequest(f"device {device!r} is not there, only {worker.device}.", "Give --device cpu.")
    return worker


def first_process() -> bool:
    """Whether this process is the one that writes; under torchrun there are more."""
    return not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0


def fastest(engines: list[Engine], loss: Callable[[Engine], Tensor], worker: Any, *, repeats: int = 4) -> Engine:
    """The engine with the shortest median of forward and backward; float32 unless another takes at most 0.9 of its time.

    `loss` computes a loss under an engine. The random state stays; all processes agree with the first.
    """
    if len(engines) == 1:
        return engines[0]
    state, took = torch.get_rng_state(), {}
    for engine in engines:
        times = []
        for _ in range(repeats):
            started = time.perf_counter()
            loss(engine).backward()
            times.append(time.perf_counter() - started)
        took[engine] = statistics.median(times[1:]) * (1.0 if engine.precision == "float32" else 1 / 0.9)
    torch.set_rng_state(state)
    best = torch.tensor(engines.index(min(took, key=lambda e: took[e])), device=worker.device)
    if worker.num_processes > 1:
        torch.distributed.broadcast(best, 0)
    return engines[int(best)]
