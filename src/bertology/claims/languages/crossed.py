"""Probes across all pairs of languages, of the encoder and of random twins: what claims about pairs of languages share."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.claims.languages.shares import enough
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.corpus.typology import directions, distance
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.probe.cross_lingual import CrossTagging, CrossTags, Reader

TWINS = 2
"""Random twins; the best of them is the control."""


class Crossed(NamedTuple):
    """The treebanks by language, and what probes say across them."""

    treebanks: dict[str, Corpus]
    own: CrossTags
    twins: list[CrossTags]


def crossed(encoder: Encoder, corpora: Corpora, seed: int, fewest: int) -> Asking[Crossed]:
    """Parts of speech from every language to every other. Raises NotApplicable for fewer than `fewest` languages, English included."""
    treebanks = {code: t for code, t in corpora.in_languages("treebank").items() if t.having("upos")}
    enough(list(treebanks), fewest, "treebank", "a treebank with parts of speech")
    ask = lambda who: CrossTagging(tuple(Reader(code, who, t) for code, t in treebanks.items()))
    found = yield from make(ask(encoder), *(ask(encoder.randomised(seed + k)) for k in range(TWINS)))
    return Crossed(treebanks, found[0], list(found[1:]))


def subwords(encoder: Encoder, treebank: Corpus) -> frozenset[int]:
    """The subwords of words in a treebank."""
    lines = encoder.encode(treebank).lines
    return frozenset(int(i) for line in lines for i in np.unique(line.ids[~line.special]))


def unshared(
    encoder: Encoder, treebank: Corpus, known: frozenset[int], found: CrossTags, code: str
) -> NDArray[np.bool_]:
    """Words of a target (row,) none of whose subwords is among `known`."""
    lines = {line.index: line for line in encoder.encode(treebank).lines}
    target = found.target(code)
    rows = zip(target.sentence.tolist(), target.word.tolist(), strict=True)
    return np.array([not any(int(lines[s].ids[p]) in known for p in lines[s].pieces[w]) for s, w in rows], dtype=bool)


def overlap(a: frozenset[int], b: frozenset[int]) -> float:
    """Shared subwords over all (Jaccard)."""
    return len(a & b) / max(len(a | b), 1)


def typological_distances(treebanks: Mapping[str, Corpus]) -> NDArray[np.float64]:
    """(language, language), by corpus/typology.py."""
    found = [directions(t) for t in treebanks.values()]
    return np.array([[distance(a, b) for b in found] for a in found])


__all__ = ["TWINS", "Crossed", "crossed", "overlap", "subwords", "typological_distances", "unshared"]
