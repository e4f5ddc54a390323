"""Planted encoders with a head: tags on the first axes of a masked word's state, the word itself on the others.

Which of the two the head listens to decides what erasing the tag costs.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, code

WIDTH, TAG = 64, 16
"""Axes 0 to TAG hold properties, the others words."""


def tag_code(name: str) -> np.ndarray:
    return np.concatenate([code(name, TAG), np.zeros(WIDTH - TAG, np.float32)])


def word_code(word: str) -> np.ndarray:
    return np.concatenate([np.zeros(TAG, np.float32), code(f"form {word}", WIDTH - TAG)])


class Headed(Planted):
    """Planted, with a masked-language-model head: logits are products with `row(word, tag)` of each word of the vocabulary.

    `tag` is the word's most usual one in the treebank.
    """

    def __init__(
        self, plant: Callable[[View], None], row: Callable[[str, str], np.ndarray], corpora: Corpora, noise: float
    ) -> None:
        super().__init__(plant, corpora, layers=1, heads=2, width=WIDTH, static=0.0, noise=noise)
        self.has_mlm = True
        usual: dict[str, str] = {}
        for s in corpora.treebank:
            usual |= {w.lower(): t for w, t in zip(s.words, s.layers["upos"], strict=True)}
        table = np.zeros((len(self.tokenizer), WIDTH), np.float32)
        for word, i in self.tokenizer.get_vocab().items():
            if word in usual:
                table[i] = row(word, usual[word])
        self.table = torch.from_numpy(table)

    @property
    def has(self) -> frozenset[str]:  # type: ignore[override]
        return super().has | {"mlm"}

    def observe(self, batch: Any, sites: Any = frozenset(), **options: Any) -> Any:
        """A masked word looks a little different, so that masking is seen to have an effect."""
        seen = super().observe(batch, sites, **options)
        for row, line in enumerate(batch.lines):
            hidden = np.flatnonzero(batch.ids[row, : len(line.ids)].numpy() != line.ids)
            seen.seen["hidden", self.n_layers][row, hidden] += 1e-3
        return seen

    def mlm_logits(self, states: Any) -> Any:
        return states @ self.table.T
