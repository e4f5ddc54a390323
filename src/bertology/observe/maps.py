"""Word-level attention maps of a limited sample of sentences: what parsing from attention must iterate over."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.corpus.sentence import Corpus, Sentence
from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, attention
from bertology.encoder.watch import Observation
from bertology.observe.statistic import Arrays, Scratch, Statistic
from bertology.observe.words import word_attention
from bertology.stats.tally import Tally, in_split

DIRECTIONS = ("dependent to governor", "governor to dependent")
"""Who asks: the dependent's strongest attention names its governor, or the governor attending most to it does."""


class ParsedMaps(NamedTuple):
    """One sentence. `maps` (layer·head, word, word2): how much `word` attends to `word2`, heads of a layer side by
    side.

    `heads` (word,) are governors among the words kept, -1 the root; `relations` (word,) their labels.
    """

    block: int
    maps: NDArray[np.float32]
    heads: NDArray[np.int64]
    relations: tuple[str, ...]


class MapTable(NamedTuple):
    """`flat` (layer·head, pair) float16: the sentences' maps one after the other. `sentence`, `length`, `start`
    (sentence,)."""

    flat: NDArray[np.float16]
    sentence: NDArray[np.int64]
    length: NDArray[np.int64]
    start: NDArray[np.int64]
    shape: tuple[int, int]
    """Layers and heads."""

    def on(self, split: str, corpus: Corpus) -> Iterator[ParsedMaps]:
        """The sentences of a split ("train", "dev", "test", "all"), in the corpus's order."""
        blocks = corpus.blocks[self.sentence]
        for place in np.flatnonzero(in_split(blocks, split)).tolist():
            sentence, n, at = corpus[int(self.sentence[place])], int(self.length[place]), int(self.start[place])
            words = kept_words(sentence)
            assert words is not None
            number = {word: k for k, word in enumerate(words)}
            heads = np.array([number.get(sentence.layers["head"][word], -1) for word in words])
            maps = np.asarray(self.flat[:, at : at + n * n], dtype=np.float32).reshape(-1, n, n)
            yield ParsedMaps(int(blocks[place]), maps, heads, tuple(sentence.layers["deprel"][word] for word in words))


@dataclass(frozen=True)
class AttentionMaps(Statistic):
    """Word-level attention of all heads (observe/words.py) without special tokens and punctuation, as float16 on disk.

    Whole parsed sentences of 2 to `longest` words in a seeded order until `pairs` word pairs: 2 bytes × layers × heads
    × pairs, 23 MB for 72 heads, 46 MB for 144. Sentences whose punctuation governs a word are left out. For treebanks.
    """

    pairs: int = 160_000
    longest: int = 40
    seed: int = 0

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((attention(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        length = np.zeros(len(encoded.corpus), dtype=np.int64)
        total = 0
        for place in np.random.default_rng(self.seed).permutation(len(encoded.lines)).tolist():
            index = encoded.lines[place].index
            words = kept_words(encoded.corpus[index])
            if words is None or not 2 <= len(words) <= self.longest:
                continue
            if total + len(words) ** 2 > self.pairs:
                break
            length[index] = len(words)
            total += len(words) ** 2
        offset = np.where(length > 0, np.cumsum(length**2) - length**2, -1)
        maps = scratch("maps", (encoder.n_layers * encoder.n_heads, total), "float16")
        return {
            "maps": maps,
            "length": length,
            "offset": offset,
            "shape": np.array([encoder.n_layers, encoder.n_heads]),
        }

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        wanted = np.flatnonzero(state["offset"][batch.indices] >= 0)
        if not len(wanted):
            return
        places = [(row, batch.lines[row].index, kept_words(batch.sentences[row])) for row in wanted.tolist()]
        for layer in range(1, encoder.n_layers + 1):
            weights = word_attention(batch, seen, layer)[wanted].float().cpu().numpy().astype(np.float16)
            first = (layer - 1) * encoder.n_heads
            for k, (_, index, words) in enumerate(places):
                at, n = int(state["offset"][index]), int(state["length"][index])
                cut = weights[k][:, words][:, :, words].reshape(encoder.n_heads, n * n)
                state["maps"][first : first + encoder.n_heads, at : at + n * n] = cut

    def merge(self, a: Arrays, b: Arrays) -> Arrays:
        """Shards of one corpus fill disjoint places; the unfilled ones are zero."""
        return {**a, "maps": a["maps"] + b["maps"]}

    def finish(self, state: Arrays) -> MapTable:
        sentence = np.flatnonzero(state["offset"] >= 0)
        layers, heads = state["shape"].tolist()
        return MapTable(state["maps"], sentence, state["length"][sentence], state["offset"][sentence], (layers, heads))


def kept_words(sentence: Sentence) -> list[int] | None:
    """Words that are no punctuation; None when the sentence is no parsed one or its punctuation governs a word."""
    if "deprel" not in sentence.layers or "head" not in sentence.layers:
        return None
    words = [word for word, relation in enumerate(sentence.layers["deprel"]) if relation != "punct"]
    governors = {sentence.layers["head"][word] for word in words} - {-1}
    return words if governors <= set(words) else None


def governor_tally(sentences: Iterable[ParsedMaps], corpus: Corpus, relation: str | None = None) -> Tally:
    """How often the strongest attention is the governor, Tally (block, layer·head, direction); of one relation or of
    all."""
    total, weight = np.zeros((corpus.n_blocks, 1, len(DIRECTIONS))), np.zeros(corpus.n_blocks)
    for s in sentences:
        counted = (s.heads >= 0) & np.array([relation in (None, r) for r in s.relations])
        if total.shape[1] != len(s.maps):
            total = np.zeros((corpus.n_blocks, len(s.maps), len(DIRECTIONS)))
        total[s.block] += governor_hits(s)[counted].sum(0)
        weight[s.block] += counted.sum()
    return Tally(total, weight)


def governor_hits(sentence: ParsedMaps) -> NDArray[np.bool_]:
    """Whether the word's strongest attention is its governor, (word, layer·head, direction); a word is not its own
    governor.

    Rows of the root are False.
    """
    maps = sentence.maps.copy()
    n = len(sentence.heads)
    maps[:, np.arange(n), np.arange(n)] = -1
    found = np.stack([maps.argmax(2), maps.argmax(1)], -1)  # (layer·head, word, direction)
    return (found == sentence.heads[None, :, None]).transpose(1, 0, 2)
