"""How unlike two languages are in word order, read off their treebanks (dependency direction: Liu 2010).

For each relation the share of dependants that stand before their governor; the distance of two languages is the mean absolute
difference over relations that both show often enough. No table of typological features is needed, and what is compared is the
text at hand. It knows word order alone, neither morphology nor descent.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.corpus.sentence import Corpus

RELATIONS = (
    "nsubj", "obj", "iobj", "obl", "amod", "nmod", "det", "case", "nummod", "advmod", "aux", "cop", "mark", "acl", "advcl",
    "ccomp", "xcomp", "appos", "compound", "cc",
)  # fmt: skip
FEWEST = 20
"""Dependants that a relation must have."""
FEWEST_RELATIONS = 5


class Directions(NamedTuple):
    """`before` (relation,): the share of dependants before their governor, nan for rare relations; `dependants` (relation,) is how many."""

    before: NDArray[np.float64]
    dependants: NDArray[np.int64]


def directions(treebank: Corpus) -> Directions:
    """The directions of RELATIONS (without subtypes) in a treebank's trees."""
    before, count = Counter[str](), Counter[str]()
    for s in treebank:
        for word, (head, relation) in enumerate(
            zip(s.layers.get("head", ()), s.layers.get("deprel", ()), strict=False)
        ):
            if head >= 0:
                name = relation.split(":")[0]
                count[name] += 1
                before[name] += word < head
    n = np.array([count[r] for r in RELATIONS])
    share = np.array([before[r] for r in RELATIONS]) / np.maximum(n, 1)
    return Directions(np.where(n >= FEWEST, share, np.nan), n)


def distance(a: Directions, b: Directions) -> float:
    """0 (every relation alike) to 1; nan below FEWEST_RELATIONS common relations."""
    gap = np.abs(a.before - b.before)
    known = np.isfinite(gap)
    return float(gap[known].mean()) if known.sum() >= FEWEST_RELATIONS else float("nan")


__all__ = ["RELATIONS", "Directions", "directions", "distance"]
