"""One pass: the batches of a corpus, what statistics see of them under an intervention, whole or in parts that merge."""

import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache, reduce
from itertools import islice
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from bertology.corpus.sentence import Corpus
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.watch import Edit, Observation
from bertology.observe.proof import Proof
from bertology.observe.statistic import Arrays, Scratch, Statistic


class Intervention(Protocol):
    """What a pass runs under (see intervene/). Equal keys are the same intervention."""

    @property
    def key(self) -> str: ...

    def edits(self, encoder: Encoder, batch: Batch) -> Mapping[tuple[str, int], Edit]:
        """The edits for a batch, by (kind, layer)."""
        ...

    def change(self, batch: Batch, encoder: Encoder) -> Batch:
        """The batch the encoder reads instead; the same batch when inputs stay as they are."""
        ...


class Reading(NamedTuple):
    """What a pass, or a part of its batches, has seen: a state for each statistic, tokens read, and what its intervention did."""

    states: list[Arrays]
    tokens: int
    proof: Proof | None


def observing(
    encoder: Encoder,
    corpus: Corpus,
    statistics: Sequence[Statistic],
    *,
    under: Intervention | None = None,
    gradients: bool = False,
    token_budget: int = 4096,
    part: tuple[int, int] = (0, 1),
    proof: Proof | None = None,
) -> Iterator[tuple[Batch, Observation]]:
    """The batches of a corpus with what the statistics' sites show, under an intervention; of `part` (k, n), every n-th from the k-th.

    Raises NoEffect when an edit is never called, or when over all batches some edited site or the output kept its value; where a
    `proof` is given, the latter is for its owner to ask.
    """
    sites = frozenset().union(*(s.sites for s in statistics)) if statistics else frozenset()
    reads_attention = any(site.kind == "attention" for site in sites)
    batches = encoder.batches(corpus, token_budget=token_budget, attention=reads_attention)
    batches = islice(batches, part[0], None, part[1])
    if under is None:
        for batch in batches:
            yield batch, encoder.observe(batch, sites, gradients=gradients)
        return
    own = proof is None
    proof = Proof(under.key) if proof is None else proof
    for batch in batches:
        given = under.change(batch, encoder)
        seen = encoder.observe(given, sites, edits=proof.proving(under.edits(encoder, given)), gradients=gradients)
        if not proof.given:
            proof.must_be_called()
            proof.output_moved = proof.output_moved or _moved(encoder, batch, seen)
        yield given, seen
    if own:
        proof.must_have_moved()


def read(
    encoder: Encoder,
    corpus: Corpus,
    statistics: Sequence[Statistic],
    *,
    under: Intervention | None = None,
    gradients: bool = False,
    token_budget: int = 4096,
    part: tuple[int, int] = (0, 1),
    scratch: Callable[[int], Scratch] | None = None,
    told: Callable[[int], None] = lambda done: None,
) -> Reading:
    """The states of statistics after one pass, or after a part of its batches (`observing`).

    `scratch(k)` gives statistic k its arrays, in memory by default. A whole pass must show its intervention's effect (NoEffect).
    """
    in_memory: Scratch = lambda name, shape, dtype: np.zeros(shape, dtype=dtype)
    encoded = encoder.encode(corpus)
    states = [s.start(encoder, encoded, scratch(k) if scratch else in_memory) for k, s in enumerate(statistics)]
    proof = None if under is None else Proof(under.key)
    batches = observing(
        encoder, corpus, statistics, under=under, gradients=gradients, token_budget=token_budget, part=part, proof=proof
    )
    done = 0
    for n, (batch, seen) in enumerate(batches, start=1):
        for statistic, state in zip(statistics, states, strict=True):
            with _mode(gradients):
                statistic.update(state, batch, seen, encoder)
        done += int(batch.mask.sum())
        if n % _TRIM_EVERY == 0:
            _return_memory()
        told(done)
    if proof is not None and part == (0, 1):
        proof.must_have_moved()
    return Reading(states, done, proof)


def merged(statistics: Sequence[Statistic], parts: Sequence[Reading]) -> Reading:
    """The parts of a pass as one. Raises NoEffect when over all of them the intervention did nothing."""
    states = [reduce(s.merge, (part.states[k] for part in parts)) for k, s in enumerate(statistics)]
    proof = parts[0].proof
    for part in parts[1:]:
        if proof is not None and part.proof is not None:
            proof.join(part.proof)
    if proof is not None:
        proof.must_have_moved()
    return Reading(states, sum(part.tokens for part in parts), proof)


def summarise(
    encoder: Encoder, corpus: Corpus, *statistics: Statistic, under: Intervention | None = None
) -> tuple[Any, ...]:
    """The answers of statistics over a corpus, in one pass and without a run folder (no scratch on disk: in memory)."""
    reading = read(encoder, corpus, statistics, under=under, gradients=any(s.gradients for s in statistics))
    return tuple(s.finish(state) for s, state in zip(statistics, reading.states, strict=True))


_TRIM_EVERY = 8


@cache
def _trim() -> Callable[[int], int]:
    try:
        return ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):  # another C library
        return lambda keep: 0


def _return_memory() -> None:
    """Gives freed memory back: batches of ever other shapes fragment glibc's heap, which would grow with the corpus."""
    _trim()(0)


def _moved(encoder: Encoder, batch: Batch, seen: Observation) -> bool:
    """Whether the output differs from the intact encoder's on the same batch."""
    intact, output = encoder.observe(batch).hidden(encoder.n_layers), seen.hidden(encoder.n_layers)
    return intact.shape != output.shape or not torch.equal(intact, output)


def _mode(gradients: bool) -> AbstractContextManager[Any]:
    return torch.enable_grad() if gradients else torch.inference_mode()


__all__ = ["Intervention", "Reading", "merged", "observing", "read", "summarise"]
