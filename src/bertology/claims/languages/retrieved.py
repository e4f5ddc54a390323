"""What claims about retrieval between languages report alike: means over languages, rows by layer and by language, a note."""

import numpy as np
from numpy.typing import NDArray

from bertology.corpus.sentence import Corpus
from bertology.probe.retrieval import Retrieved
from bertology.record.result import Row


def language_mean(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """(draw, language) to (draw,): every language counts alike; a language without a sentence in a draw is left out of it."""
    return np.nanmean(rates, -1)


def layer_rows(measured: str, found: Retrieved) -> list[Row]:
    """Share found on dev blocks in each layer, mean over languages: what the layer was chosen by."""
    return [Row(measured, float(rate), layer=layer) for layer, rate in enumerate(found.by_layer)]


def language_rows(measured: str, found: Retrieved, seed: int) -> list[Row]:
    """Share found on test blocks in the layer chosen on dev, one row a language."""
    tally = found.at_best
    low, high = tally.intervals(seed=seed)
    n = tally.weight.sum(0)
    return [
        Row(measured, float(rate), float(low[k]), float(high[k]), int(n[k]), layer=found.best, label=found.languages[k])
        for k, rate in enumerate(tally.rate())
    ]


def pairs_note(parallel: Corpus, found: Retrieved) -> str:
    """What was searched: the corpus, its languages, how many sentences a query has to choose from."""
    pool = found.found.on("test").weight[..., 0].sum(0)
    languages = (
        f"{len(found.languages)} language{'s' if len(found.languages) > 1 else ''} ({', '.join(found.languages)})"
    )
    few = " With one other language the intervals say nothing about languages." if len(found.languages) == 1 else ""
    return (
        f"{parallel.name}: {languages} against {found.pivot}; a query chooses among {int(pool.min())} to {int(pool.max())} test "
        f"sentences, so shares fall with larger sets. Intervals are over sentences, not over languages.{few}"
    )


__all__ = ["language_mean", "language_rows", "layer_rows", "pairs_note"]
