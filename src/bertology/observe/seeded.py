"""Chance without state: a number in [0, 1) for each (seed, sentence, place), whatever the batch and its order."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = ((30, np.uint64(0xBF58476D1CE4E5B9)), (27, np.uint64(0x94D049BB133111EB)))


def draws(seed: int, sentence: ArrayLike, place: ArrayLike) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), one per (sentence, place) after broadcasting; independent over all three arguments.

    `sentence` is a place in the corpus (`line.index`), `place` a word or token of it. SplitMix64 (Steele et al. 2014).
    """
    with np.errstate(over="ignore"):
        state = np.asarray(seed % 2**64, dtype=np.uint64)
        for part in (sentence, place):
            state = _mixed(state + _GOLDEN + np.asarray(part).astype(np.uint64) * _GOLDEN)
        return (_mixed(state + _GOLDEN) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    for shift, factor in _MIX:
        state = (state ^ (state >> np.uint64(shift))) * factor
    return state ^ (state >> np.uint64(31))
