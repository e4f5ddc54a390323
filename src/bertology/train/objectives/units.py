"""What is masked as one: subwords, whole words, n-grams, spans of random length, given phrases."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bertology.train.draft import Draft, Source

Unit = NDArray[np.int64]
"""Positions that are masked together."""


class Units(Protocol):
    """Units of an example in the order in which they are tried, until the budget is spent."""

    def __call__(self, draft: Draft, source: Source, rng: np.random.Generator) -> Iterator[Unit]: ...


@dataclass(frozen=True)
class Subwords:
    """Each subword by itself (Devlin et al. 2019); `rare_first` draws with weight 1 / sqrt(frequency) (Lample & Conneau 2019)."""

    rare_first: bool = False

    def __call__(self, draft: Draft, source: Source, rng: np.random.Generator) -> Iterator[Unit]:
        places = draft.maskable
        if not self.rare_first:
            order = rng.permutation(places)
        else:  # Efraimidis & Spirakis 2006: sorting by u^(1/w) draws without replacement in proportion to w
            weights = source.weights[draft.clean[places]]
            order = places[np.argsort(-np.log(rng.random(len(places))) / np.maximum(weights, 1e-12))]
        yield from order[:, None]


@dataclass(frozen=True)
class WholeWords:
    """All subwords of a word (BERT's own later release; Cui et al. 2019)."""

    def __call__(self, draft: Draft, source: Source, rng: np.random.Generator) -> Iterator[Unit]:
        words = _words(draft)
        for k in rng.permutation(len(words)):
            yield words[k]


@dataclass(frozen=True)
class Spans:
    """Runs of whole words whose number is geometric, at most `longest` (SpanBERT: Joshi et al. 2020; mean 3.8 at .2 and 10)."""

    stop: float = 0.2
    longest: int = 10

    def __call__(self, draft: Draft, source: Source, rng: np.random.Generator) -> Iterator[Unit]:
        lengths = np.arange(1, self.longest + 1)
        chance = self.stop * (1 - self.stop) ** (lengths - 1)
        yield from _runs(_words(draft), lengths, chance / chance.sum(), rng)


@dataclass(frozen=True)
class NGrams:
    """One to `longest` words, a length n with probability in proportion to 1/n (ALBERT: Lan et al. 2020)."""

    longest: int = 3

    def __call__(self, draft: Draft, source: Source, rng: np.random.Generator) -> Iterator[Unit]:
        lengths = np.arange(1, self.longest + 1)
        yield from _runs(_words(draft), lengths, (1 / lengths) / (1 / lengths).sum(), rng)


@dataclass(frozen=True)
class PoissonSpans:
    """Runs of whole words of Poisson length, 0 left out (BART's text infilling: Lewis et al. 2020; mean 3)."""

    mean: float = 3.0
    longest: int = 12

    def __call__(self, draft: Draft, source: Source, rng: np.random.Generator) -> Iterator[Unit]:
        lengths = np.arange(1, self.longest + 1)
        logs = lengths * np.log(self.mean) - np.cumsum(np.log(lengths))
        chance = np.exp(logs - logs.max())
        yield from _runs(_words(draft), lengths, chance / chance.sum(), rng)


@dataclass(frozen=True)
class Phrases:
    """Given stretches of words first, each as one unit, then single words (ERNIE: Sun et al. 2019).

    `phrases` is a set of word sequences in lower case (entities, chunks), found wherever they occur in the example.
    """

    phrases: frozenset[tuple[int, ...]] = field(default_factory=frozenset)
    """Each phrase as its subword ids."""

    @classmethod
    def of(cls, lines: Sequence[str], tokenizer) -> "Phrases":
        """From one phrase a line."""
        found = (
            tuple(tokenizer(line.strip(), add_special_tokens=False)["input_ids"]) for line in lines if line.strip()
        )
        return cls(frozenset(ids for ids in found if ids))

    def __call__(self, draft: Draft, source: Source, rng: np.random.Generator) -> Iterator[Unit]:
        found, taken = [], np.zeros(len(draft), dtype=bool)
        for unit in _occurrences(draft, self.phrases):
            if not taken[unit].any():
                taken[unit] = True
                found.append(unit)
        for k in rng.permutation(len(found)):
            yield found[k]
        words = [w for w in _words(draft) if not taken[w].any()]
        for k in rng.permutation(len(words)):
            yield words[k]


def take(units: Iterator[Unit], budget: int) -> list[Unit]:
    """Units until `budget` positions are covered: one that overlaps or would go beyond is passed over.

    The first unit is taken whatever its size, so that every example predicts something; gives up after 50 in a row
    that do not fit.
    """
    taken: list[Unit] = []
    covered: set[int] = set()
    misses = 0
    for unit in units:
        places = unit.tolist()
        if covered.isdisjoint(places) and (not taken or len(covered) + len(places) <= budget):
            taken.append(unit)
            covered.update(places)
            misses = 0
        else:
            misses += 1
        if len(covered) >= budget or misses >= 50:
            break
    return taken


def _words(draft: Draft) -> list[Unit]:
    """The positions of each word, in order; a word that a block border cuts is what is left of it."""
    places = draft.maskable
    if not len(places):
        return []
    numbers = draft.words[places]
    return np.split(places, np.flatnonzero((numbers[1:] != numbers[:-1]) | (np.diff(places) != 1)) + 1)


def _runs(
    words: list[Unit], lengths: NDArray[np.int64], chance: NDArray[np.float64], rng: np.random.Generator
) -> Iterator[Unit]:
    """Endless runs of neighbouring words with lengths of the given chances; a run never crosses a special token."""
    while words:
        first, n = int(rng.integers(len(words))), int(rng.choice(lengths, p=chance))
        run = np.concatenate(words[first : first + n])
        if first + n <= len(words) and run[-1] - run[0] + 1 == len(run):
            yield run
        elif len(words) < n:
            yield words[first]


def _occurrences(draft: Draft, phrases: frozenset[tuple[int, ...]]) -> list[Unit]:
    """Where phrases stand in an example; longer ones first, none inside a word."""
    ids, found = draft.clean.tolist(), []
    by_first: Mapping[int, list[tuple[int, ...]]] = {}
    for phrase in phrases:
        by_first.setdefault(phrase[0], []).append(phrase)  # type: ignore[attr-defined]
    for i in draft.maskable.tolist():
        starts_word = i == 0 or draft.words[i] != draft.words[i - 1]
        for phrase in by_first.get(ids[i], []) if starts_word else []:
            end = i + len(phrase)
            ends_word = end >= len(ids) or draft.words[end] != draft.words[end - 1]
            if tuple(ids[i:end]) == phrase and ends_word and (draft.words[i:end] >= 0).all():
                found.append(np.arange(i, end))
    return sorted(found, key=len, reverse=True)
