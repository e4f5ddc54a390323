"""Minimal pairs (Linzen et al. 2016; Warstadt et al. 2020): is the acceptable sentence the likelier one? A tie is a mistake."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.corpus.sentence import BLOCKS, Corpus
from bertology.record.errors import BadCorpus
from bertology.record.estimate import Estimate
from bertology.stats.tally import bootstrap, of_items

TIE = 1e-6
"""Scores that differ by less (in nats) are a tie."""


class PairAccuracy(NamedTuple):
    """`macro` is the mean over phenomena, each with the same weight; `by_phenomenon` each one's accuracy; `right` per pair."""

    macro: Estimate
    by_phenomenon: dict[str, Estimate]
    right: NDArray[np.bool_]
    dropped: dict[str, int]


def accuracy(pairs: Corpus, totals: NDArray[np.float64], kept: NDArray[np.int64], *, seed: int = 0) -> PairAccuracy:
    """From the scores of the sentences `kept` of a corpus of pairs (two consecutive sentences, the acceptable one first)."""
    score = np.full(len(pairs), np.nan)
    score[kept] = totals
    good, bad = score[0::2], score[1::2]
    there = np.isfinite(good) & np.isfinite(bad)
    if not there.any():
        raise BadCorpus(
            f"no pair of {pairs.name} could be scored.", "Check that its sentences fit the encoder's length."
        )
    right = good - bad > TIE
    names = np.array([str(pairs[2 * i].labels.get("phenomenon", "")) for i in range(len(good))])
    phenomena = sorted(set(names[there].tolist()))
    place = np.searchsorted(phenomena, names).clip(max=len(phenomena) - 1)
    tallies = of_items(np.where(there, right, np.nan), np.arange(len(good)) % BLOCKS, place, len(phenomena))
    n = int(there.sum())
    mean_of: Callable[[NDArray[np.float64]], NDArray[np.float64]] = lambda rates: np.nanmean(rates, axis=-1)
    macro = bootstrap(mean_of, tallies, unit="accuracy", seed=seed)
    single = {
        name: bootstrap(lambda rates, k=k: rates[..., k], tallies, unit="accuracy", seed=seed)
        for k, name in enumerate(phenomena)
    }
    counted = {
        name: Estimate(e.value, e.low, e.high, int((names[there] == name).sum()), e.unit, "bootstrap over pairs")
        for name, e in single.items()
    }
    lost = {"pairs with a sentence that could not be encoded": int((~there).sum())} if not there.all() else {}
    return PairAccuracy(
        Estimate(macro.value, macro.low, macro.high, n, "accuracy", f"macro over {len(phenomena)} phenomena; bootstrap over pairs"),
        counted, right, lost,
    )  # fmt: skip
