"""Choosing a cell: what is chosen on one split is estimated on another."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def argmax(values: NDArray[Any]) -> tuple[int, ...]:
    """Index of the largest finite value, the first on ties; raises ValueError when none is finite."""
    if not np.isfinite(values).any():
        raise ValueError("nothing to choose from: every value is missing")
    return tuple(
        int(i) for i in np.unravel_index(np.nanargmax(np.where(np.isfinite(values), values, -np.inf)), values.shape)
    )


def argmin(values: NDArray[Any]) -> tuple[int, ...]:
    """Index of the smallest finite value, the first on ties."""
    return argmax(-np.asarray(values))
