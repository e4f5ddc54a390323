"""One pass, many claims: asks are collected, grouped by (encoder, corpus, intervention), and each group is one pass.

A claim is a generator that yields asks and returns a Finding. The planner starts all claims, answers equal asks once,
keeps every finished statistic in the run folder at once, and repeats until every claim has returned. A run that was
killed therefore repeats only the group it was in.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.observe.reading import Intervention, Reading, read
from bertology.observe.statistic import Arrays, Derived, Statistic, key_of
from bertology.observe.wishes import (
    Artefact,
    Ask,
    Asking,
    Make,
    Progress,
    T,
    Wish,
    asks_of,
)
from bertology.record.errors import BadInput, NoEffect, NotObserved
from bertology.record.folder import RunFolder, disk


class Pass(NamedTuple):
    """One group: a single run of an encoder over a corpus. `cached` counts statistics that need no run."""

    corpus: Corpus
    twin: bool
    under: Intervention | None
    gradients: bool
    statistics: tuple[Statistic, ...]

    @property
    def name(self) -> str:
        who = "random twin" if self.twin else "encoder"
        return f"{who} over {self.corpus.name}" + (f" under {self.under.key}" if self.under else "")


A_SUBWORD, A_FIT, AN_ARTEFACT = 2e-4, 2.0, 5.0
"""Seconds that a subword of a pass, a fit and an artefact are taken for until one has been seen."""
GUESSED = 20_000  # subwords that the guess weighs


class OutOfTime(Exception):
    """A claim was still asking when the planner's deadline had passed."""


_OURS = (NoEffect, NotObserved)
"""BadInput that an experiment and not the user's input is to blame for."""

Fit = tuple[Derived, Encoder, Corpus, Mapping[str, Any]]
"""What is computed, for whom, over what, from which answers."""


class Workers(Protocol):
    """Other processes that read, fit and make (see on_ray.py); answers come in the order of the wishes, errors in their places."""

    def readings(self, wishes: Sequence[tuple[Encoder, Pass]], token_budget: int) -> Iterator[Reading | Exception]: ...

    def fits(self, wishes: Sequence[Fit]) -> Iterator[Arrays | Exception]: ...

    def builds(self, wishes: Sequence[tuple[Artefact, Path]]) -> Iterator[Exception | None]: ...


@dataclass
class Planner:
    """Answers asks with as few passes as possible. `outcomes` runs a set of claims to their end.

    With `workers`, passes, fits and artefacts of a round are theirs; claims themselves are worked out here.
    """

    encoder: Encoder
    folder: RunFolder
    seed: int = 0
    token_budget: int = 4096
    progress: Progress = lambda what, done, total: None
    workers: Workers | None = None
    deadline: float | None = None
    """time.time() after which no pass, fit or training begins; claims that then ask on get OutOfTime. Under a deadline what is cheapest
    comes first, so that as many claims as can be are done by then."""
    passes: list[tuple[str, int, float]] = field(default_factory=list)
    """What was run: (name, tokens, seconds)."""
    _twin: Encoder | None = None
    _failed: dict[str, Exception] = field(default_factory=dict)
    _took: dict[str, float] = field(default_factory=dict)
    """Seconds that the last fit or artefact of a kind took."""

    def outcomes(self, claims: Mapping[str, Asking[T]]) -> Iterator[tuple[str, T | Exception]]:
        """(claim id, what it returned or raised), as claims finish. BadInput from the input itself is raised at once."""
        pending: dict[str, tuple[Asking[T], Wish]] = {}
        for name, claim in claims.items():
            yield from self._advance(name, claim, None, pending)
        while pending:
            asks = [ask for _, wish in pending.values() for ask in asks_of(wish)]
            groups = [] if self._late() else self.group(asks)
            current, pending = pending, {}
            if self.deadline is not None and self.workers is None and not self._late():
                current, pending = self._cheapest(current, groups)
                due = {key for _, wish in current.values() for ask in asks_of(wish) for key in self._primary_keys(ask)}
                groups = [g for g in groups if due.intersection(self._keys(g))]
            for group, reading in self._readings(groups):
                if isinstance(
                    reading, Exception
                ):  # a statistic or edit that raises is its claims' error; the others go on
                    if _from_input(reading):
                        raise reading
                    self._fail(group, reading)
            if self.workers is not None and not self._late():
                self._fit_ahead(self.workers, asks)
                self._build_ahead(self.workers, [wish for _, wish in current.values() if isinstance(wish, Make)])
            for name, (claim, wish) in current.items():
                try:
                    if isinstance(wish, Make):
                        answers = tuple(self._made(artefact) for artefact in wish.artefacts)
                    else:
                        answers = tuple(self._answer(ask) for ask in asks_of(wish))
                except Exception as error:  # a broken statistic is its claims' error; the others go on
                    if _from_input(error):
                        raise
                    yield name, error
                    continue
                yield from self._advance(name, claim, answers[0] if isinstance(wish, Ask) else answers, pending)

    def _cheapest(self, pending: Mapping[str, Any], groups: Sequence[Pass]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The claims to answer now, and those that wait: first all whose answers are there, else the one with the least work."""
        tokens, seconds = sum(t for _, t, _ in self.passes), sum(s for _, _, s in self.passes)
        rate = (seconds + A_SUBWORD * GUESSED) / (tokens + GUESSED)  # the first pass warms up, and alone says little
        prices = {
            key: rate * self.encoder.encode(g.corpus).n_tokens * (2 if g.gradients else 1)
            for g in groups for key in self._keys(g)
        }  # fmt: skip
        cost = {name: self._cost(wish, prices) for name, (_, wish) in pending.items()}
        free = [name for name, c in cost.items() if c == 0] or [min(cost, key=cost.__getitem__)]
        return {n: pending[n] for n in free}, {n: wish for n, wish in pending.items() if n not in free}

    def _cost(self, wish: Wish, prices: Mapping[str, float]) -> float:
        """Seconds that an answer takes: the dearest pass for each ask that has one to wait for, and fits and artefacts by what the last of the kind took."""
        if isinstance(wish, Make):
            return sum(self._took.get(type(a).__name__, AN_ARTEFACT) for a in wish.artefacts if not self._is_made(a))
        cost = 0.0
        for ask in asks_of(wish):
            cost += max((prices.get(key, 0.0) for key in self._primary_keys(ask)), default=0.0)
            fits = (s for s in ask.statistics if isinstance(s, Derived) and not self.folder.has(self._key(s, ask)))
            cost += sum(self._took.get(type(s).__name__, A_FIT) for s in fits)
        return cost

    def _primary_keys(self, ask: Ask) -> list[str]:
        return [self._key(primary, ask) for statistic in ask.statistics for primary in _primaries(statistic)]

    def group(self, asks: Sequence[Ask]) -> list[Pass]:
        """The passes that these asks still need, given what the run folder holds."""
        groups: dict[tuple[Any, ...], dict[str, Statistic]] = {}
        corpora: dict[tuple[Any, ...], tuple[Corpus, Intervention | None]] = {}
        for ask in asks:
            for statistic in ask.statistics:
                if isinstance(statistic, Derived) and self.folder.has(self._key(statistic, ask)):
                    continue
                for primary in _primaries(statistic):
                    key = self._key(primary, ask)
                    if key in self._failed or self.folder.has(key):
                        continue
                    under = ask.under.key if ask.under else ""
                    place = (ask.twin, ask.over.fingerprint, under, primary.gradients)
                    groups.setdefault(place, {})[key] = primary
                    corpora[place] = (ask.over, ask.under)
        return [
            Pass(corpora[place][0], place[0], corpora[place][1], place[3], tuple(found[key] for key in sorted(found)))
            for place, found in groups.items()
        ]

    @property
    def twin(self) -> Encoder:
        if self._twin is None:
            self._twin = self.encoder.randomised(self.seed)
            self._twin._encoded = self.encoder._encoded  # same tokenizer, same encoding
        return self._twin

    def _advance(
        self, name: str, claim: Asking[T], answers: Any, pending: dict[str, tuple[Asking[T], Wish]]
    ) -> Iterator[tuple[str, T | Exception]]:
        try:
            pending[name] = (claim, claim.send(answers))
        except StopIteration as stop:
            yield name, stop.value
        except Exception as error:
            if _from_input(error):
                raise
            yield name, error

    def _readings(self, groups: Sequence[Pass]) -> Iterator[tuple[Pass, Reading | Exception]]:
        """Each group read and its statistics kept, or why not."""
        wishes = [(self.twin if group.twin else self.encoder, group) for group in groups]
        theirs = self.workers.readings(wishes, self.token_budget) if self.workers is not None else None
        for encoder, group in wishes:
            if self._late():
                return
            started = time.perf_counter()
            try:
                reading = self._read(encoder, group) if theirs is None else next(theirs)
                if isinstance(reading, Reading):
                    for key, state in zip(self._keys(group), reading.states, strict=True):
                        self.folder.put(key, state)
                    self.passes.append((group.name, reading.tokens, time.perf_counter() - started))
            except Exception as error:
                reading = error
            yield group, reading

    def _read(self, encoder: Encoder, group: Pass) -> Reading:
        """One pass in this process; what is large goes straight to disk."""
        keys = self._keys(group)
        total = encoder.encode(group.corpus).n_tokens
        return read(
            encoder, group.corpus, group.statistics, under=group.under, gradients=group.gradients, token_budget=self.token_budget,
            scratch=lambda k: partial(self.folder.scratch, keys[k]), told=lambda done: self.progress(group.name, done, total),
        )  # fmt: skip

    def _fit_ahead(self, workers: Workers, asks: Sequence[Ask]) -> None:
        """Everything derived that these asks need, in waves: what is computed from answers that are there goes together."""
        while wave := {key: fit for ask in asks for s in ask.statistics for key, fit in self._ready(s, ask)}:
            for key, found in zip(wave, workers.fits(list(wave.values())), strict=True):
                if isinstance(found, Exception):
                    self._failed[key] = found
                else:
                    self.folder.put(key, found)

    def _ready(self, statistic: Statistic | Derived, ask: Ask) -> Iterator[tuple[str, Fit]]:
        """What of this derived statistic can be computed now: itself, or what it needs."""
        key = self._key(statistic, ask)
        if not isinstance(statistic, Derived) or key in self._failed or self.folder.has(key):
            return
        needs = statistic.needs()
        keys = {name: self._key(need, ask) for name, need in needs.items()}
        if any(k in self._failed for k in keys.values()):
            self._failed[key] = next(self._failed[k] for k in keys.values() if k in self._failed)
        elif all(self.folder.has(k) for k in keys.values()):
            inputs = {name: self._finished(need, ask) for name, need in needs.items()}
            yield key, (statistic, self.twin if ask.twin else self.encoder, ask.over, inputs)
        else:
            for need in needs.values():
                yield from self._ready(need, ask)

    def _build_ahead(self, workers: Workers, wishes: Sequence[Make]) -> None:
        due = {
            a.key: a for wish in wishes for a in wish.artefacts if not self._is_made(a) and a.key not in self._failed
        }
        places = [(a, self.folder.place_of(a.key)) for a in due.values()]
        for (artefact, place), error in zip(places, workers.builds(places), strict=True):
            if error is None:
                (place / "complete").touch()
            else:
                self._failed[artefact.key] = error

    def _keys(self, group: Pass) -> list[str]:
        place = Ask((), group.corpus, group.under, group.twin)
        return [self._key(s, place) for s in group.statistics]

    def _fail(self, group: Pass, error: Exception) -> None:
        """Remembers why a pass's statistics are missing; the pass is not tried again."""
        self._failed |= dict.fromkeys(self._keys(group), error)

    def _late(self) -> bool:
        return self.deadline is not None and time.time() > self.deadline

    def _in_time(self) -> None:
        if self._late():
            raise OutOfTime("the budget ended before this was measured")

    def _made(self, artefact: Artefact) -> Any:
        place = self.folder.place_of(artefact.key)
        if artefact.key in self._failed:
            raise self._failed[artefact.key]
        if not self._is_made(artefact):
            self._in_time()
            with disk(place):
                place.mkdir(parents=True, exist_ok=True)
                started = time.perf_counter()
                artefact.build(place, self.progress)
                (place / "complete").touch()
                self._took[type(artefact).__name__] = time.perf_counter() - started
        return artefact.load(place)

    def _is_made(self, artefact: Artefact) -> bool:
        return (self.folder.place_of(artefact.key) / "complete").is_file()

    def _answer(self, ask: Ask) -> tuple[Any, ...]:
        return tuple(self._finished(statistic, ask) for statistic in ask.statistics)

    def _finished(self, statistic: Statistic | Derived, ask: Ask) -> Any:
        key = self._key(statistic, ask)
        if key in self._failed:
            raise self._failed[key]
        state = self.folder.get(key)
        if state is None:
            self._in_time()
        if state is None and isinstance(statistic, Derived):
            encoder = self.twin if ask.twin else self.encoder
            inputs = {name: self._finished(need, ask) for name, need in statistic.needs().items()}
            self.progress(f"{type(statistic).__name__} over {ask.over.name}", 0, 1)
            started = time.perf_counter()
            state = self.folder.put(key, statistic.compute(encoder, encoder.encode(ask.over), **inputs))
            self._took[type(statistic).__name__] = time.perf_counter() - started
        assert state is not None, f"{key} was not measured"
        return statistic.finish(state)

    def _key(self, statistic: Statistic | Derived, ask: Ask) -> str:
        who = self.twin if ask.twin else self.encoder
        return key_of(statistic, f"{who.fingerprint} {ask.over.fingerprint} {ask.under.key if ask.under else 'intact'}")


def _primaries(statistic: Statistic | Derived) -> Iterator[Statistic]:
    if isinstance(statistic, Statistic):
        yield statistic
    else:
        for need in statistic.needs().values():
            yield from _primaries(need)


def _from_input(error: Exception) -> bool:
    """Whether the user's input is to blame, which ends the run, and not an experiment."""
    return isinstance(error, BadInput) and not isinstance(error, _OURS)
