"""The share of languages in which something is so, with an interval over languages and over blocks of their sentences."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertology.record.errors import NotApplicable
from bertology.record.estimate import Estimate
from bertology.record.result import Row
from bertology.stats.tally import Tally, bootstrap


def share_of_languages(
    so: Callable[[NDArray[np.float64]], NDArray[Any]], tallies: Sequence[Tally], *, seed: int = 0
) -> Estimate:
    """The share of tallies, one a language, of which `so` is true; it gets rates (draw, *cells) and gives (draw,).

    Each draw resamples the blocks of every language and then the languages. Where all languages agree in all draws the interval has
    no width: it is about the languages given, not about those of the world.
    """
    n = len(tallies)

    def share(*rates: NDArray[np.float64]) -> NDArray[np.float64]:
        true = np.stack([so(r) for r in rates], axis=-1).astype(np.float64)
        if len(true) == 1:  # the value itself
            return true.mean(-1)
        picked = np.random.default_rng([seed, n, 17]).integers(n, size=true.shape)
        return np.take_along_axis(true, picked, axis=-1).mean(-1)

    made = bootstrap(share, *tallies, unit="share of languages", seed=seed)
    return (
        replace(made, n=n, method=f"bootstrap over {n} languages and blocks of their sentences") if made.known else made
    )


def mean_over_languages(
    value: Callable[[NDArray[np.float64]], NDArray[np.float64]], tallies: Sequence[Tally], *, unit: str, seed: int = 0
) -> Estimate:
    """The mean over tallies, one a language, of what `value` makes of rates (draw, *cells); blocks are resampled, languages are not."""
    made = bootstrap(lambda *rates: np.mean([value(r) for r in rates], axis=0), *tallies, unit=unit, seed=seed)
    return replace(made, method=f"mean of {len(tallies)} languages; bootstrap of blocks of their sentences")


def arm_rows(
    tally: Tally, names: Sequence[str], label: str, *, kind: str = "", n: int | None = None, seed: int = 0
) -> list[Row]:
    """A tally's cells, one for each name, as accuracies under one label; `n` is the weight of the first unless it is given."""
    low, high = tally.intervals(seed=seed)
    n = int(tally.weight[:, 0].sum()) if n is None else n
    return [
        Row(f"accuracy, {kind}{name}", float(rate), float(low[k]), float(high[k]), n, label=label)
        for k, (name, rate) in enumerate(zip(names, tally.rate(), strict=True))
    ]


def enough(codes: Sequence[str], fewest: int, corpus: str, what: str) -> None:
    """Raises NotApplicable when fewer than `fewest` languages have `what`."""
    if len(codes) < fewest:
        there = ", ".join(codes) or "none"
        raise NotApplicable(
            f"{len(codes)} language{'' if len(codes) == 1 else 's'} with {what} ({there}), {fewest} are due: "
            f"give more of --corpus {corpus}.de=FILE, {corpus}.fi=FILE, ..."
        )


__all__ = ["arm_rows", "enough", "mean_over_languages", "share_of_languages"]
