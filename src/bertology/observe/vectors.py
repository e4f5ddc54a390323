"""Vectors that a method must iterate over: kept as float16 on disk, for a seeded choice of sentences."""

import mmap
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bertology.corpus.sentence import Corpus
from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, hidden
from bertology.encoder.watch import Observation
from bertology.observe.statistic import Arrays, Scratch, Statistic
from bertology.observe.words import word_vectors

FLOAT16_MAX = 65504.0


class WordTable(NamedTuple):
    """`vectors` (layer, row, width) float16, layer 0 being the embeddings; `sentence` and `word` (row,) say whose they are.

    Rows are ordered by sentence and word.
    """

    vectors: NDArray[np.float16]
    sentence: NDArray[np.int32]
    word: NDArray[np.int32]

    def layer_values(self, corpus: Corpus, name: str) -> NDArray[Any]:
        """A word layer's value ("upos", "deprel", ...) for each row; `words` gives the forms."""
        values = [corpus[s].words if name == "words" else corpus[s].layers[name] for s in range(len(corpus))]
        return np.array([values[s][w] for s, w in zip(self.sentence.tolist(), self.word.tolist(), strict=True)])

    def blocks(self, corpus: Corpus) -> NDArray[np.int64]:
        """Block of each row's sentence."""
        return corpus.blocks[self.sentence]


@dataclass(frozen=True)
class WordVectors(Statistic):
    """Word vectors of all layers for up to `limit` words: whole sentences, in a seeded order, until the limit.

    A word's vector is the mean over its subwords. Values beyond float16's range are clamped to it.
    """

    limit: int = 20000
    seed: int = 0

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((hidden(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        lengths = {line.index: len(line.pieces) for line in encoded.lines}
        chosen, total = set[int](), 0
        for place in np.random.default_rng(self.seed).permutation(len(encoded.lines)).tolist():
            index = encoded.lines[place].index
            if total + lengths[index] > self.limit:
                break
            chosen.add(index)
            total += lengths[index]
        offset = np.full(len(encoded.corpus), -1, dtype=np.int64)
        sentence, word, at = np.empty(total, np.int32), np.empty(total, np.int32), 0
        for index in sorted(chosen):
            n = lengths[index]
            offset[index] = at
            sentence[at : at + n], word[at : at + n] = index, np.arange(n)
            at += n
        vectors = scratch("vectors", (encoder.n_layers + 1, total, encoder.width), "float16")
        return {"vectors": vectors, "sentence": sentence, "word": word, "offset": offset}

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        offsets = state["offset"][batch.indices]
        wanted = torch.from_numpy(offsets >= 0).to(batch.ids.device)
        if not bool(wanted.any()):
            return
        mask = batch.word_mask & wanted[:, None]
        place = np.concatenate([o + np.arange(n) for o, n in zip(offsets, batch.n_words, strict=True) if o >= 0])
        for layer in range(encoder.n_layers + 1):
            rows = word_vectors(batch, seen, layer)[mask].float().clamp(-FLOAT16_MAX, FLOAT16_MAX).half()
            state["vectors"][layer, place] = rows.cpu().numpy()
        _let_go(state["vectors"])

    def merge(self, a: Arrays, b: Arrays) -> Arrays:
        """Shards of one corpus fill disjoint rows; the unfilled ones are zero."""
        return {**a, "vectors": a["vectors"] + b["vectors"]}

    def finish(self, state: Arrays) -> WordTable:
        return WordTable(state["vectors"], state["sentence"], state["word"])


class SentenceTable(NamedTuple):
    """`vectors` (pooling, layer, row, width) float16; `sentence` (row,) is the sentence's place in the corpus."""

    vectors: NDArray[np.float16]
    sentence: NDArray[np.int32]
    poolings: tuple[str, ...]

    def pooled(self, pooling: str) -> NDArray[np.float16]:
        """(layer, row, width) of one pooling."""
        return self.vectors[self.poolings.index(pooling)]


@dataclass(frozen=True)
class SentenceVectors(Statistic):
    """Sentence vectors of all layers: "cls" (the first token), "mean" and "max" over real tokens.

    For up to `limit` sentences in a seeded choice.
    """

    poolings: tuple[str, ...] = ("cls", "mean")
    limit: int = 6000
    seed: int = 0

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((hidden(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        order = np.random.default_rng(self.seed).permutation(len(encoded.lines))[: self.limit]
        sentence = np.array(sorted(encoded.lines[place].index for place in order), dtype=np.int32)
        place = np.full(len(encoded.corpus), -1, dtype=np.int64)
        place[sentence] = np.arange(len(sentence))
        shape = (len(self.poolings), encoder.n_layers + 1, len(sentence), encoder.width)
        return {"vectors": scratch("vectors", shape, "float16"), "sentence": sentence, "place": place}

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        place = state["place"][batch.indices]
        keep = place >= 0
        if not keep.any():
            return
        mask = batch.mask[:, :, None]
        for layer in range(encoder.n_layers + 1):
            states = seen.hidden(layer).float()
            for number, pooling in enumerate(self.poolings):
                if pooling == "cls":
                    pooled = states[:, 0]
                elif pooling == "mean":
                    pooled = (states * mask).sum(1) / batch.lengths[:, None]
                else:
                    pooled = states.masked_fill(~mask, -torch.inf).amax(1)
                rows = pooled.clamp(-FLOAT16_MAX, FLOAT16_MAX).half().cpu().numpy()
                state["vectors"][number, layer, place[keep]] = rows[keep]
        _let_go(state["vectors"])

    def merge(self, a: Arrays, b: Arrays) -> Arrays:
        return {**a, "vectors": a["vectors"] + b["vectors"]}

    def finish(self, state: Arrays) -> SentenceTable:
        return SentenceTable(state["vectors"], state["sentence"], self.poolings)


def _let_go(array: NDArray[Any]) -> None:
    """Written pages leave this process's memory (the file keeps them), so that its size does not grow with the corpus."""
    if isinstance(array, np.memmap) and hasattr(mmap, "MADV_DONTNEED"):
        array._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]
