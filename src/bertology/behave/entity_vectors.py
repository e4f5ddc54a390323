"""Vectors of entities in the space of an encoder's input embeddings, and gaps filled with one beside the name (E-BERT: Poerner et al. 2020).

E-BERT takes Wikipedia2Vec's vectors of words and entities and fits a linear map from the words' to their input embeddings. Here a word's or
name's vector is made of its contexts in a corpus: the mean input embedding of the words around it, frequent words counting less
(Arora et al. 2017). What E-BERT learnt from Wikipedia's links is not in it.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bertology.behave.cloze import subword_of
from bertology.behave.gaps import Filled, Gap, fill
from bertology.behave.pll import Progress
from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.record.errors import NoEffect, NotApplicable
from bertology.record.keys import made_key

AROUND = 10
"""Words on each side that are a word's context."""
RARE = 1e-3
"""A word of frequency p counts RARE / (RARE + p)."""
FEWEST_CONTEXTS = 10
"""Contexts of a word that the map is fitted on."""
HELD_OUT = 0.1
MARKS = "§¤~^|*#=@"


class Aligned(NamedTuple):
    """`vectors` (name, width), nan for a name that never occurs; `mentions` (name,). `cosine` is the mean cosine of mapped and true embeddings of words
    held out from the fit, centred; `words` how many the map was fitted on."""

    vectors: NDArray[np.float64]
    mentions: NDArray[np.int64]
    words: int
    cosine: float


@dataclass(frozen=True, eq=False)
class EntityVectors:
    """Names' context vectors in a corpus, mapped to the input embeddings by least squares. Raises NotApplicable for too few words to fit on."""

    encoder: Encoder
    over: Corpus
    names: tuple[str, ...]

    @property
    def key(self) -> str:
        return made_key("entity-vectors", self.encoder.fingerprint, self.over.fingerprint, self.names)

    def build(self, place: Path, progress: Progress) -> None:
        progress(f"contexts of {self.over.name}", 0, 1)
        np.savez(place / "vectors.npz", **aligned(self.encoder, self.over, self.names)._asdict())

    def load(self, place: Path) -> Aligned:
        with np.load(place / "vectors.npz") as kept:
            return Aligned(kept["vectors"], kept["mentions"], int(kept["words"]), float(kept["cosine"]))


def aligned(encoder: Encoder, over: Corpus, names: Sequence[str]) -> Aligned:
    """See EntityVectors. A name occurs as its words in a row; its last word alone counts too where no other name and no lower-cased word has it."""
    counts = Counter(w for s in over for w in s.words)
    table: NDArray[np.float64] = encoder.base.get_input_embeddings().weight.detach().double().cpu().numpy()  # type: ignore[union-attr,operator]
    ids = {word: subword_of(encoder, word) for word in counts}
    places = {word: k for k, word in enumerate(w for w in counts if ids[w] is not None)}
    own = table[[i for i in ids.values() if i is not None]] if places else np.zeros((0, table.shape[1]))
    total = sum(counts.values())
    weight = np.array([RARE / (RARE + counts[w] / total) for w in places])
    target = own - own.mean(0)
    of_words, seen = np.zeros_like(own), np.zeros(len(places), dtype=np.int64)
    of_names, mentions = np.zeros((len(names), table.shape[1])), np.zeros(len(names), dtype=np.int64)
    forms = _forms(names, counts)
    for s in over:
        at = np.array([places.get(w, -1) for w in s.words])
        known = np.where(at >= 0, weight[at] if len(weight) else 0.0, 0.0)
        sums = np.concatenate([np.zeros((1, target.shape[1])), np.cumsum(known[:, None] * target[at], axis=0)])
        mass = np.concatenate([[0.0], np.cumsum(known)])

        def context(first: int, end: int, sums: Any = sums, mass: Any = mass) -> tuple[NDArray[np.float64], bool]:
            a, b = max(0, first - AROUND), min(len(mass) - 1, end + AROUND)
            whole = mass[b] - mass[a] - (mass[end] - mass[first])
            return (sums[b] - sums[a] - (sums[end] - sums[first])) / max(whole, 1e-12), whole > 0

        for i in np.flatnonzero(at >= 0):
            vector, there = context(int(i), int(i) + 1)
            of_words[at[i]] += vector
            seen[at[i]] += there
        for number, first, end in _mentions(s.words, forms):
            vector, there = context(first, end)
            of_names[number] += vector
            mentions[number] += there
    fit = np.flatnonzero(seen >= FEWEST_CONTEXTS)
    if len(fit) < 2 * table.shape[1]:
        raise NotApplicable(
            f"{over.name} has {len(fit)} words of one subword with {FEWEST_CONTEXTS} contexts; twice the width of the embeddings "
            f"({2 * table.shape[1]}) are due: give more text (--corpus raw=FILE)"
        )
    fit = np.random.default_rng(0).permutation(fit)
    held, used = np.split(fit, [round(HELD_OUT * len(fit))])
    x = of_words / np.maximum(seen, 1)[:, None]
    centre = x[used].mean(0)
    matrix, *_ = np.linalg.lstsq(x[used] - centre, target[used], rcond=None)
    mapped = (x[held] - centre) @ matrix
    norms = np.linalg.norm(mapped, axis=1) * np.linalg.norm(target[held], axis=1)
    cosine = float(np.mean((mapped * target[held]).sum(1) / np.maximum(norms, 1e-12)))
    with np.errstate(all="ignore"):
        vectors = own.mean(0) + (of_names / mentions[:, None] - centre) @ matrix
    return Aligned(vectors, mentions, len(used), cosine)


def _forms(names: Sequence[str], counts: Counter[str]) -> dict[str, list[tuple[tuple[str, ...], int]]]:
    """By first word: (words, number of the name), the longest first."""
    last = Counter(name.split()[-1] for name in names)
    found: dict[str, list[tuple[tuple[str, ...], int]]] = {}
    for number, name in enumerate(names):
        words = tuple(name.split())
        alone = [words[-1:]] if words[1:] and last[words[-1]] == 1 and not counts[words[-1].lower()] else []
        for form in (words, *alone):
            found.setdefault(form[0], []).append((form, number))
    return {first: sorted(forms, key=lambda form: -len(form[0])) for first, forms in found.items()}


def _mentions(
    words: Sequence[str], forms: dict[str, list[tuple[tuple[str, ...], int]]]
) -> Iterator[tuple[int, int, int]]:
    """(name, first word, one past the last), none inside another."""
    i = 0
    while i < len(words):
        hit = next(((n, len(f)) for f, n in forms.get(words[i], ()) if tuple(words[i : i + len(f)]) == f), None)
        if hit is not None:
            yield hit[0], i, i + hit[1]
        i += hit[1] if hit else 1


def mark(encoder: Encoder, contexts: Sequence[str]) -> str:
    """A sign of one subword that no context holds: where a vector is put. Raises NotApplicable when the vocabulary has none."""
    text = "".join(contexts)
    for sign in MARKS:
        if sign not in text and subword_of(encoder, sign) is not None:
            return sign
    raise NotApplicable(f"the vocabulary of {encoder.name} has none of the signs {' '.join(MARKS)} as one subword")


def beside(context: str, start: int, sign: str) -> str:
    """The context with the sign and a slash before the name that starts at a character: E-BERT's "concat"."""
    return f"{context[:start]}{sign} / {context[start:]}"


@dataclass(frozen=True, eq=False)
class FillingBeside:
    """What the encoder puts in gaps of one candidate each, `sign` standing for the gap's own of `vectors` (gap, width)."""

    encoder: Encoder
    gaps: tuple[Gap, ...]
    sign: str
    vectors: NDArray[np.float64]

    @property
    def key(self) -> str:
        digest = hashlib.sha256(np.ascontiguousarray(self.vectors).tobytes()).hexdigest()
        return made_key("gaps-beside", self.encoder.fingerprint, self.gaps, self.sign, digest)

    def build(self, place: Path, progress: Progress) -> None:
        id = subword_of(self.encoder, self.sign)
        assert id is not None
        alike: dict[bytes, list[int]] = {}
        for k, vector in enumerate(self.vectors):
            alike.setdefault(vector.tobytes(), []).append(k)
        n = len(self.gaps)
        values, ranks, pieces = np.full(n, np.nan), np.full(n, np.nan), np.zeros(n, dtype=np.int64)
        favourites, dropped = np.full((n, 1), "", dtype=object), Counter[str]()
        for done, own in enumerate(alike.values()):
            progress("gaps beside vectors", done, len(alike))
            with standing_for(self.encoder, id, self.vectors[own[0]]):
                found = fill(self.encoder, [self.gaps[k] for k in own], favourites=1)
            values[own], ranks[own], pieces[own], favourites[own] = found[0], found[1], found[2], found.favourites
            dropped.update(found.dropped)
        Filled(values, ranks, pieces, np.arange(n + 1), favourites.astype(str), dict(dropped)).save(place / "gaps.npz")

    def load(self, place: Path) -> Filled:
        return Filled.kept(place / "gaps.npz")


@contextmanager
def standing_for(encoder: Encoder, id: int, vector: NDArray[np.float64]) -> Iterator[None]:
    """Within, the input embedding of a subword is a vector. Raises NoEffect when no subword of this id was read."""
    layer: Any = encoder.base.get_input_embeddings()  # type: ignore[union-attr,operator]
    hits = 0

    def hook(module: Any, given: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        nonlocal hits
        there = given[0] == id
        hits += int(there.sum())
        output = output.clone()
        output[there] = torch.from_numpy(vector).to(output.device, output.dtype)
        return output

    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
    if not hits:
        raise NoEffect(f"{encoder.name} never read the subword {id}, whose embedding was to be changed.")


__all__ = ["Aligned", "EntityVectors", "FillingBeside", "aligned", "beside", "mark", "standing_for"]
