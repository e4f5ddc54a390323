"""What a probe's evaluation returns: per layer and row, so that callers count by blocks of sentences."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertology.record.errors import BadRequest
from bertology.stats.tally import Tally


@dataclass(frozen=True, slots=True)
class Scores:
    """Correctness, loss and prediction of every evaluated row, by layer.

    `correct` (layer, row) bool; `loss` (layer, row) float32, −ln p(label), in nats, infinite for a label that the
    probe has never been told of; `predicted` (layer, row), values of the labels' own type.
    """

    correct: NDArray[np.bool_]
    loss: NDArray[np.float32]
    predicted: NDArray[Any]

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Share of correct rows, (layer,), 0 to 1."""
        return self.correct.mean(1, dtype=np.float64)

    def tally(self, blocks: NDArray[np.integer[Any]], n_blocks: int | None = None) -> Tally:
        """Correct rows and all rows per block of sentences, cells (layer,); `blocks` gives each row's block."""
        return tally_rows(self.correct, blocks, n_blocks)


def tally_rows(values: NDArray[Any], blocks: NDArray[np.integer[Any]], n_blocks: int | None = None) -> Tally:
    """`values` (cell, row) summed per block, weight 1 per row; nan rows count for nothing in their cell."""
    blocks = np.asarray(blocks)
    if values.shape[-1] != len(blocks):
        raise BadRequest(f"{len(blocks)} block numbers for {values.shape[-1]} rows.", "Give each row's block.")
    size = n_blocks or int(blocks.max(initial=-1)) + 1
    known = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.shape, dtype=bool)
    return Tally(_count(np.where(known, values, 0), blocks, size), _count(known, blocks, size))


def _count(values: NDArray[Any], blocks: NDArray[np.integer[Any]], size: int) -> NDArray[np.float64]:
    """Sums per block, (block, cell)."""
    sums = [np.bincount(blocks, weights=cell.astype(np.float64), minlength=size) for cell in values]
    return np.stack(sums, axis=1).astype(np.float64)
