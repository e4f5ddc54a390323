"""Online codelength (Voita & Titov 2020): the bits that labels cost when a probe learns them as they are sent."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertology.probe.linear import LinearProbe
from bertology.probe.mlp import MLPProbe
from bertology.probe.rows import Vectors, check, class_list

PORTIONS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0)
"""Shares of the data after which the probe is trained anew, as published."""


@dataclass(frozen=True, slots=True)
class Codelength:
    """`bits` (layer, row): the cost of each row's label, in the caller's order; sums are codelengths.

    `uniform` is the cost without any learning, rows · log2(classes); `ends` the numbers of rows after which the
    probe was trained anew.
    """

    bits: NDArray[np.float64]
    uniform: float
    ends: tuple[int, ...]

    @property
    def total(self) -> NDArray[np.float64]:
        """Codelength L in bits, (layer,)."""
        return self.bits.sum(1)

    @property
    def compression(self) -> NDArray[np.float64]:
        """Uniform codelength / L, (layer,): 1 when nothing can be learnt."""
        return self.uniform / self.total


def online_code(
    vectors: Vectors,
    labels: NDArray[Any],
    *,
    probe: LinearProbe | MLPProbe | None = None,
    seed: int = 0,
    portions: tuple[float, ...] = PORTIONS,
    rows: NDArray[np.integer[Any]] | None = None,
    classes: NDArray[Any] | None = None,
) -> Codelength:
    """The prequential code of `labels` given `vectors` (layer, row, width), all layers at once.

    All rows, or those of `rows`, are sent in a seeded random order. The first portion costs log2(classes) a row; each
    further one −log2 p under a probe trained on all before it. Portions that would hold no new row are skipped. Sender
    and receiver agree on the probe's settings beforehand: by default a LinearProbe with one fixed ridge strength.
    """
    n = check(vectors, labels, rows)
    labels = np.asarray(labels)
    used = np.arange(n) if rows is None else np.asarray(rows)
    known = class_list(labels[used], classes)
    shuffled = np.random.default_rng(seed).permutation(n)
    ends = tuple(np.unique([max(1, round(share * n)) for share in (*portions, 1.0)]).tolist())
    bits = np.full((len(vectors), n), np.log2(len(known)))
    for start, end in pairwise(ends):
        learner = replace(probe if probe is not None else LinearProbe(), seed=seed)
        learner.fit(vectors, labels, rows=used[shuffled[:start]], classes=known)
        sent = shuffled[start:end]
        bits[:, sent] = learner.evaluate(vectors, labels, rows=used[sent]).loss / np.log(2)
    return Codelength(bits, n * float(np.log2(len(known))), ends)
