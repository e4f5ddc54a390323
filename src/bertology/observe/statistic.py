"""What is kept of a pass: commutative summaries of batches, and what is computed from them."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site
from bertology.encoder.watch import Observation

Arrays = dict[str, NDArray[Any]]
Scratch = Callable[[str, tuple[int, ...], str], NDArray[Any]]
"""(name, shape, dtype) -> an array on disk."""


@dataclass(frozen=True)
class Statistic(ABC):
    """A summary of what an encoder showed on a corpus.

    Subclasses are frozen dataclasses: equal arguments are the same statistic, computed once per pass. State is a
    dict of arrays; `finish` turns it into the typed answer. `VERSION` goes up when the meaning of the state changes.
    """

    VERSION: ClassVar[int] = 1
    gradients: ClassVar[bool] = False
    """True when `update` propagates a loss back to what was read (see `Observation` and torch's retain_grad)."""

    @property
    @abstractmethod
    def sites(self) -> frozenset[Site]:
        """What must be read in the pass."""

    @abstractmethod
    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        """The empty state."""

    @abstractmethod
    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        """Adds a batch to the state, in place. The order of batches must not matter beyond rounding."""

    def merge(self, a: Arrays, b: Arrays) -> Arrays:
        """The state of both parts' sentences together; sums by default, which is right for tallies and moments."""
        return {name: a[name] + b[name] for name in a}

    @abstractmethod
    def finish(self, state: Arrays) -> Any:
        """The answer handed to claims. Called on arrays that may be read-only."""


@dataclass(frozen=True)
class Derived(ABC):
    """What is computed from finished statistics of one pass, such as a fitted probe; cached like them."""

    VERSION: ClassVar[int] = 1

    @abstractmethod
    def needs(self) -> Mapping[str, "Statistic | Derived"]:
        """The statistics it reads, by the names that `compute` gets them under."""

    @abstractmethod
    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        """The state, from the finished answers of `needs`."""

    @abstractmethod
    def finish(self, state: Arrays) -> Any:
        """The answer handed to claims."""


def key_of(statistic: Statistic | Derived, place: str) -> str:
    """The cache key: the statistic, its arguments and version, and the pass (encoder, corpus, intervention)."""
    arguments = ", ".join(f"{f.name}={getattr(statistic, f.name)!r}" for f in fields(statistic))
    kind = type(statistic)
    text = f"{kind.__module__}.{kind.__qualname__}({arguments}) v{kind.VERSION} @ {place}"
    return f"{kind.__name__}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def add_rows(total: NDArray[np.float64], blocks: NDArray[np.integer[Any]], rows: NDArray[Any]) -> None:
    """Adds row i, (i, *cells), to `total[blocks[i]]`."""
    if len(rows):
        order = np.argsort(blocks, kind="stable")
        edges = np.flatnonzero(np.r_[True, np.diff(blocks[order]) > 0])
        total[blocks[order][edges]] += np.add.reduceat(rows[order].astype(np.float64, copy=False), edges, axis=0)
