"""Unigram and bigram models as baselines: what word frequencies and neighbours alone know of a minimal pair."""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertology.corpus import text
from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder


class NGrams:
    """Counts over a training text in an encoder's subwords, sentence borders as [CLS] and [SEP].

    Bigrams are interpolated with unigrams by absolute discounting (Ney et al. 1994), unigrams smoothed by adding one.
    """

    def __init__(self, tokenizer: Any, texts: Iterable[str], *, discount: float = 0.75) -> None:
        self.tokenizer, self.discount = tokenizer, discount
        self.size = len(tokenizer)
        pairs: list[NDArray[np.int64]] = []
        self.unigrams = np.ones(self.size)
        backend = tokenizer.backend_tokenizer
        batch: list[str] = []
        for line in (*texts, None):
            if line is not None:
                batch.append(line)
            if batch and (line is None or len(batch) == 1000):
                for encoding in backend.encode_batch(batch):
                    ids = np.array(encoding.ids, dtype=np.int64)
                    self.unigrams += np.bincount(ids[1:], minlength=self.size)
                    pairs.append(ids[:-1] * self.size + ids[1:])
                batch = []
        keys, counts = np.unique(np.concatenate(pairs), return_counts=True)
        self._keys, self._counts = keys, counts.astype(np.float64)
        self._after = np.bincount(keys // self.size, weights=counts, minlength=self.size)
        self._kinds = np.bincount(keys // self.size, minlength=self.size)

    @classmethod
    def of_files(cls, tokenizer: Any, paths: Sequence[str | Path]) -> "NGrams":
        """Counts over the sentences of text files."""
        return cls(tokenizer, (s for path in paths for p in text.prose(path) for s in _sentences(p)))

    def log_probability(self, ids: NDArray[np.int64], order: int) -> float:
        """Of a sentence with its special tokens, in nats; `order` 1 or 2."""
        alone = self.unigrams / self.unigrams.sum()
        if order == 1:
            return float(np.log(alone[ids[1:]]).sum())
        before, now = ids[:-1], ids[1:]
        wanted = before * self.size + now
        place = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        count = np.where(self._keys[place] == wanted, self._counts[place], 0.0)
        seen = np.maximum(self._after[before], 1.0)
        left_over = np.where(self._after[before] > 0, self.discount * self._kinds[before] / seen, 1.0)
        return float(np.log(np.maximum(count - self.discount, 0) / seen + left_over * alone[now]).sum())

    def score(self, encoder: Encoder, corpus: Corpus, order: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Log-probability of each sentence, and its index in the corpus."""
        lines = encoder.encode(corpus).lines
        return np.array([self.log_probability(line.ids, order) for line in lines]), np.array(
            [line.index for line in lines]
        )


def _sentences(paragraph: text.Prose) -> list[str]:
    edges = [*paragraph.sentences, len(paragraph.text)]
    return [paragraph.text[a:b].strip() for a, b in itertools.pairwise(edges)]
