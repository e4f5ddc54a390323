"""Trends over depth: the least-squares slope of a curve over layers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def slope(curves: NDArray[np.floating[Any]], depth: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Least-squares slope of each curve, (..., layer) to (...), in its unit per unit of `depth` (layer,).

    `depth` is relative (layer / number of layers), so that a slope is the change over the whole encoder.
    """
    centred = np.asarray(depth, dtype=np.float64) - np.mean(depth)
    return np.asarray(curves) @ centred / (centred @ centred)
