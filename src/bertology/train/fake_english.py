"""Fake-English (K et al. 2020): English whose subwords have other ids, so that it shares structure with English and nothing else.

A vocabulary of V subwords gets V more; the fake form of subword i has the id i + V. Special tokens stay, and so may a share of the
subwords, which then are common to both languages. Text stays text: a tokenizer that is read through `Reading` gives the ids of the fake.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken

from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest
from bertology.train.artefacts import Training
from bertology.train.draft import Draft, Source
from bertology.train.objectives.mlm import MLM
from bertology.train.tokenizer import read_tokenizer

STRETCH = 2000
"""Subwords of running text that are of one language before the other takes its turn."""


def shifted(size: int, special: frozenset[int], shared: float = 0.0, seed: int = 0) -> NDArray[np.int64]:
    """The fake id of each id, (2 * size,); fake ids, special ones and a share of the ordinary ones, drawn with `seed`, stay what they are."""
    if not 0 <= shared <= 1:
        raise BadRequest(f"a share of {shared:g} common subwords.", "Give 0 to 1.")
    return _shifted(size, special, shared, seed)


@cache
def _shifted(size: int, special: frozenset[int], shared: float, seed: int) -> NDArray[np.int64]:
    table = np.arange(2 * size)
    ordinary = np.array([i for i in range(size) if i not in special], dtype=np.int64)
    order = np.random.default_rng([seed, 31]).permutation(len(ordinary))
    moved = ordinary[order[round(shared * len(ordinary)) :]]
    table[moved] += size
    table.setflags(write=False)
    return table


def doubled(tokenizer: Any) -> Any:
    """The tokenizer with a fake form of each of its V subwords, at ids V to 2V - 1; text is read as before."""
    names = [token for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    fake = [f"\ue000{name}\ue000" for name in names]  # private-use letters: no text holds such words
    tokenizer.add_tokens([AddedToken(name, normalized=False) for name in fake])  # a normaliser would strip the letters
    return tokenizer


class Reading:
    """A doubled tokenizer that reads text as Fake-English: all it says is passed on, with fake ids in the place of ids."""

    def __init__(self, tokenizer: Any, shared: float = 0.0, seed: int = 0) -> None:
        self._tokenizer = tokenizer
        self.table = shifted(len(tokenizer) // 2, frozenset(tokenizer.all_special_ids), shared, seed)

    def __call__(self, *texts: Any, **options: Any) -> Any:
        made = self._tokenizer(*texts, **options)
        made["input_ids"] = self._fake(made["input_ids"])
        return made

    def get_vocab(self) -> dict[str, int]:
        return {token: int(self.table[i]) for token, i in self._tokenizer.get_vocab().items()}

    def __len__(self) -> int:
        return len(self._tokenizer)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._tokenizer, name)

    def _fake(self, ids: Any) -> Any:
        return [self._fake(i) for i in ids] if isinstance(ids, list) else int(self.table[int(ids)])


def fake_reader(encoder: Encoder, shared: float = 0.0, seed: int = 0) -> Encoder:
    """The encoder, of a doubled tokenizer, as it reads Fake-English."""
    read = Reading(encoder.tokenizer, shared, seed)
    name = f"{encoder.name} in Fake-English"
    return Encoder(encoder.model, read, encoder.family, name, encoder.has_mlm, twin_seed=encoder.twin_seed)


@dataclass(frozen=True)
class BilingualMLM(MLM):
    """Masked language modelling of English and Fake-English in turns of STRETCH subwords, so that no sentence is read in both.

    The tokenizer must be `doubled`. `shared` of the subwords are common to both languages, a choice made with `which`.
    """

    cites: ClassVar = ("k-2019",)
    shared: float = 0.0
    which: int = 0

    def corrupt(self, draft: Draft, source: Source, rng: np.random.Generator) -> None:
        place = int(draft.words[draft.maskable[0]])  # words are numbered from the piece's place in the stream on
        if place // STRETCH % 2:
            ordinary = source.symbols.ordinary
            size = (int(ordinary[-1]) + 1) // 2
            special = frozenset(np.setdiff1d(np.arange(size), ordinary).tolist())
            table = shifted(size, special, self.shared, self.which)
            draft.clean, draft.ids = table[draft.clean], table[draft.ids]
        super().corrupt(draft, source, rng)


class BilingualTraining(Training):
    """A training whose tokenizer is doubled, for recipes with BilingualMLM; it is trained on half of the vocabulary of the two."""

    def _tokenizer(self, place: Path, text: Path) -> Path:
        single = super()._tokenizer(place, text)
        both = single.with_name(f"{single.name}-doubled")
        if not (both / "tokenizer.json").is_file():
            doubled(read_tokenizer(single)).save_pretrained(both)
        return both


__all__ = ["BilingualMLM", "BilingualTraining", "Reading", "doubled", "fake_reader", "shifted"]
