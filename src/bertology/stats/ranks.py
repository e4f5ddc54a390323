"""Rank correlations of several systems with one gold order, resampled over the items, paired (Spearman 1904)."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from bertology.record.estimate import Estimate
from bertology.stats.tally import DRAWS

FEWEST_ITEMS = 20


def spearman(scores: NDArray[np.floating[Any]], gold: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Spearman's ρ, (..., item) against (item,) or the like to (...); ties get mean ranks; nan for constant scores."""
    ranks, order = (_standard(rankdata(x, axis=-1)) for x in (np.asarray(scores), np.asarray(gold)))
    return (ranks * order).mean(-1)


def bootstrap_spearman(
    functions: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]], scores: NDArray[np.floating[Any]],
    gold: NDArray[np.floating[Any]], *, unit: str = "ρ", seed: int = 0, draws: int = DRAWS,
) -> dict[str, Estimate]:  # fmt: skip
    """Functions of the systems' ρ, each (draw, system) to (draw,), with percentile intervals from resampling items.

    `scores` (system, item) belong to the same items, so differences are paired. Items that share a word count as
    independent, as is usual for similarity lists, and the intervals are a little too narrow for it.
    """
    scores, gold, items = np.asarray(scores), np.asarray(gold), len(gold)
    whole = spearman(scores, gold)[None]
    values = {name: float(function(whole)[0]) for name, function in functions.items()}
    if items < FEWEST_ITEMS:
        few = f"{items} items: too few to resample"
        return {name: Estimate(value, np.nan, np.nan, items, unit, few) for name, value in values.items()}
    picked = np.random.default_rng([seed, items]).integers(items, size=(draws, items))
    drawn = np.stack([spearman(system[picked], gold[picked]) for system in scores], axis=1)
    made = {}
    for name, value in values.items():
        low, high = np.nanpercentile(functions[name](drawn), [2.5, 97.5])
        made[name] = Estimate(value, float(low), float(high), items, unit, f"bootstrap of {items} items")
    return made


def _standard(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = ranks - ranks.mean(-1, keepdims=True)
    with np.errstate(all="ignore"):
        return centred / np.sqrt((centred**2).mean(-1, keepdims=True))
