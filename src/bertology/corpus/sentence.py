"""A sentence with its annotation, and a corpus of them: filtered by counted steps, split by document, fingerprinted."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertology.record.errors import BadCorpus

BLOCKS = 250

Link = tuple[int, int, str]
"""Two words and a label: (from, to, label), 0-based word indices."""
Span = tuple[int, int, str]
"""A stretch of words and a label: (start, end, label), 0-based, end excluded."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, a paragraph, or a pair of segments: words in a text, with annotation.

    `starts[i]` is the character at which `words[i]` begins in `text`.
    `layers` are word-level annotations of equal length: "lemma", "upos", "xpos", "feats" (dict per word),
    "head" (0-based index of the governor, -1 for the root), "deprel", "segment" (0 or 1: which [SEP]-separated
    segment), "sense" ("" where none).
    `links` are word pairs: "coref" (anaphor, antecedent, kind), "role" (predicate, argument, role),
    "agreement" (verb, subject, number), "distractor" (verb, distractor noun, number).
    `spans` are stretches: "negation" (scope start, end, "cue"/"scope"), "entity", ...
    `labels` describe the whole: "construction", "tense", "number", ...
    `document` is the unit of resampling and of splitting.
    """

    id: str
    text: str
    words: tuple[str, ...]
    starts: tuple[int, ...]
    layers: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    links: Mapping[str, tuple[Link, ...]] = field(default_factory=dict)
    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    document: str = ""

    def __len__(self) -> int:
        return len(self.words)

    @property
    def ends(self) -> tuple[int, ...]:
        return tuple(start + len(word) for start, word in zip(self.starts, self.words, strict=True))


def sentence(words: Sequence[str], id: str, *, glued: Sequence[bool] | None = None, **annotation: Any) -> Sentence:
    """A Sentence whose text is the words joined by spaces; `glued[i]` true means no space after word i."""
    text, starts = "", []
    for i, word in enumerate(words):
        starts.append(len(text))
        text += word + ("" if glued is not None and glued[i] else " ")
    return Sentence(id, text.rstrip(), tuple(words), tuple(starts), **annotation)


@dataclass(frozen=True)
class Corpus:
    """Sentences from one source. `dropped` maps the reason of each filter to how many sentences it removed."""

    name: str
    sentences: tuple[Sentence, ...]
    licence: str = "unknown"
    citation: str = ""
    dropped: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0

    def __len__(self) -> int:
        return len(self.sentences)

    def __iter__(self) -> Iterator[Sentence]:
        return iter(self.sentences)

    def __getitem__(self, index: int) -> Sentence:
        return self.sentences[index]

    def where(self, keep: Callable[[Sentence], bool], *, why: str) -> "Corpus":
        """The sentences that `keep` accepts; the others are counted under `why`."""
        kept = tuple(s for s in self.sentences if keep(s))
        lost = len(self) - len(kept)
        dropped = {**self.dropped, why: self.dropped.get(why, 0) + lost} if lost else self.dropped
        return replace(self, sentences=kept, dropped=dropped)

    def sample(self, size: int, *, seed: int = 0) -> "Corpus":
        """At most `size` sentences, whole documents first in a seeded order; not counted as dropped."""
        if len(self) <= size:
            return self
        documents = self._documents
        order = np.random.default_rng(seed).permutation(len(documents))
        ranks = np.empty(len(documents), dtype=int)
        ranks[order] = np.arange(len(documents))
        picked = sorted(sorted(range(len(self)), key=lambda i: (ranks[self._document_of[i]], i))[:size])
        return replace(self, sentences=tuple(self.sentences[i] for i in picked))

    def map(self, change: Callable[[Sentence], Sentence], *, name: str) -> "Corpus":
        """Each sentence changed; the derived corpus has its own name and fingerprint."""
        return replace(self, name=name, sentences=tuple(change(s) for s in self.sentences))

    def having(self, *layers: str) -> bool:
        """Whether every named annotation (layer, link, span or label) is present on at least one sentence."""
        return all(
            any(layer in part for s in self.sentences for part in (s.layers, s.links, s.spans, s.labels))
            for layer in layers
        )

    @cached_property
    def blocks(self) -> NDArray[np.int64]:
        """Block number of each sentence: its document's place in a seeded shuffle, modulo 250.

        Blocks are the units of resampling and of the train/dev/test split (see stats/tally.py). A corpus of fewer
        than 25 documents is cut into runs of ten consecutive sentences instead, since so few clusters support no interval.
        """
        groups = self._document_of if len(self._documents) >= 25 else np.arange(len(self)) // 10
        if len(np.unique(groups)) < 25:
            groups = np.arange(len(self))
        shuffled = np.random.default_rng(self.seed).permutation(int(groups.max(initial=-1)) + 1)
        return (shuffled[groups] % BLOCKS).astype(np.int64) if len(self) else np.zeros(0, np.int64)

    @property
    def n_blocks(self) -> int:
        return int(self.blocks.max(initial=-1)) + 1

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over texts, words and annotation, the order of sentences, and the seed."""
        digest = hashlib.sha256(f"{self.seed}".encode())
        for s in self.sentences:
            annotation = [(k, sorted(part.items())) for k, part in enumerate((s.layers, s.links, s.spans, s.labels))]
            digest.update(repr((s.id, s.text, s.words, s.starts, s.document, annotation)).encode())
        return digest.hexdigest()[:16]

    @cached_property
    def _documents(self) -> list[str]:
        return list(dict.fromkeys(s.document or s.id for s in self.sentences))

    @cached_property
    def _document_of(self) -> NDArray[np.int64]:
        place = {name: i for i, name in enumerate(self._documents)}
        return np.array([place[s.document or s.id] for s in self.sentences], dtype=np.int64)


def need(corpus: Corpus, path: str) -> Corpus:
    """The corpus, or BadCorpus when it holds no sentence."""
    if not len(corpus):
        reasons = "; ".join(f"{count} dropped: {why}" for why, count in corpus.dropped.items())
        raise BadCorpus(f"{path} holds no usable sentence{f' ({reasons})' if reasons else ''}.", "Check the file.")
    return corpus
