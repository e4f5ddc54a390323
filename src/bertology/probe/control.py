"""Control tasks (Hewitt & Liang 2019): a random label per word type, which a probe can only memorise."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertology.probe.scores import Scores
from bertology.record.errors import BadRequest


def control_labels(types: Sequence[str], labels: NDArray[Any], seed: int = 0) -> NDArray[Any]:
    """A label per word, the same for every occurrence of a type, drawn from the labels' empirical distribution.

    `types` (row,) are the words' forms, `labels` (row,) the task's; pass training and evaluation rows together, so that
    both follow one distribution. The draw depends on the type and the seed alone, not on which other types occur. The
    control labels' own distribution over tokens is that of the task only in expectation: frequent types weigh much.
    """
    labels = np.asarray(labels)
    if len(types) != len(labels) or len(labels) == 0:
        raise BadRequest(f"{len(types)} word types for {len(labels)} labels.", "Give one type and one label per row.")
    classes, counts = np.unique(labels, return_counts=True)
    upper = np.cumsum(counts) / counts.sum()
    names, place = np.unique(np.asarray(types, dtype=str), return_inverse=True)
    draws = np.array([_uniform(name, seed) for name in names.tolist()])
    return classes[np.searchsorted(upper, draws, side="right").clip(0, len(classes) - 1)][place.reshape(-1)]


def selectivity(task: Scores, control: Scores) -> NDArray[np.float64]:
    """Task accuracy minus control accuracy, (layer,), −1 to 1. Both must come from the same kind of probe."""
    return task.accuracy - control.accuracy


def _uniform(name: str, seed: int) -> float:
    """A number in [0, 1) that is a function of type and seed on every machine."""
    digest = hashlib.blake2b(f"{seed}\0{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
