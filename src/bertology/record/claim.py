"""A claim of the survey: what it says, who found it, what was published, and the rule that judges it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Region:
    """The values a claim predicts for a quantity: an open interval."""

    low: float = -math.inf
    high: float = math.inf

    def holds(self, low: float, high: float) -> bool:
        """The whole interval lies inside."""
        return self.low < low and high < self.high

    def fails(self, low: float, high: float) -> bool:
        """The whole interval lies outside, on one side."""
        return high < self.low or low > self.high

    def __str__(self) -> str:
        if math.isinf(self.low):
            return f"< {self.high:g}"
        return f"> {self.low:g}" if math.isinf(self.high) else f"between {self.low:g} and {self.high:g}"


def above(bound: float) -> Region:
    return Region(low=bound)


def below(bound: float) -> Region:
    return Region(high=bound)


def between(low: float, high: float) -> Region:
    return Region(low, high)


@dataclass(frozen=True, slots=True)
class Published:
    """A figure from a paper.

    `of` names the value of the Finding it is comparable to ("" when it is context only);
    `status` is "verified" (seen in `source`) or "memory" (unchecked, and printed so).
    """

    value: float
    what: str
    model: str
    data: str
    source: str
    status: Literal["verified", "memory"]
    of: str = ""


@dataclass(frozen=True, slots=True)
class Ability:
    """Something an encoder can do, read off a claim's value or baseline named `of`: more is better.

    `chance` is what an encoder without the ability scores: a number, or the name of a value or baseline of the same claim in
    the same unit; None where there is no such score.
    """

    name: str
    of: str
    chance: float | str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A falsifiable sentence of the survey.

    `expects` maps names of measured values to the regions predicted for them; the first is the headline.
    `needs` lists what must be there: encoder places ("mlm", "segments", "cls", "attention"), corpus layers
    ("treebank:deprel", "coref:coref"), and "training" where the experiment trains (minutes; only run when asked for).
    `abilities` are what a smaller encoder may have forgotten (record/retention.py). `why` says why a claim is left out for good.
    """

    id: str
    section: str
    says: str
    cites: tuple[str, ...]
    method: str = ""
    published: tuple[Published, ...] = ()
    expects: Mapping[str, Region] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    abilities: tuple[Ability, ...] = ()
    status: Literal["runs", "planned", "left out"] = "runs"
    why: str = ""
