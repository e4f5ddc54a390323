"""Gaps whose subject is hidden, too: what a template calls for by itself (the control of Petroni et al. 2019 and Poerner et al. 2020)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.behave.gaps import Filled, Gap, filled, score_candidates
from bertology.behave.pll import Progress, need_masked_lm
from bertology.corpus.cloze import MASK
from bertology.corpus.sentence import Corpus
from bertology.encoder.align import encode
from bertology.encoder.encoder import Encoder
from bertology.record.keys import made_key


class Hidden(NamedTuple):
    """A gap, and the place of its subject in the context: the first character and the one after the last."""

    gap: Gap
    start: int
    end: int


def fill_hidden(
    encoder: Encoder, gaps: Sequence[Hidden], *, token_budget: int = 8192, progress: Progress = lambda what, done, total: None
) -> Filled:  # fmt: skip
    """As `gaps.fill`, every subword of the subject being a mask: their number is all that is known of it. Names no favourites."""
    need_masked_lm(encoder)
    asked = [
        (hidden, *filled(hidden.gap.context, word, f"{i}"))
        for i, hidden in enumerate(gaps)
        for word in hidden.gap.candidates
    ]
    encoded = encode(Corpus("gaps", tuple(s for _, s, _ in asked)), encoder.tokenizer, encoder.max_length)
    candidates = []
    for line in encoded.lines:
        hidden, sentence, gap = asked[line.index]
        shift = len(sentence.text) - len(hidden.gap.context)
        start, end = (at + shift * (at > hidden.gap.context.index(MASK)) for at in (hidden.start, hidden.end))
        subject = [
            w for w in range(len(sentence)) if w not in gap and sentence.starts[w] < end and sentence.ends[w] > start
        ]
        covered = [p for w in subject for p in line.pieces[w]]
        at = [p for word in gap for p in line.pieces[word]]
        candidates.append((line.index, line, at, covered))
    values, ranks, pieces = score_candidates(
        encoder, len(asked), candidates, token_budget=token_budget, progress=progress
    )
    starts: NDArray[np.int64] = np.cumsum([0, *(len(hidden.gap.candidates) for hidden in gaps)])
    names = np.full((len(gaps), 1), "", dtype=np.str_)
    return Filled(values, ranks, pieces, starts, names, dict(encoded.dropped))


@dataclass(frozen=True, eq=False)
class FillingHidden:
    """What the encoder puts in gaps without seeing the subject (`fill_hidden`), to be asked for by claims."""

    encoder: Encoder
    hidden: tuple[Hidden, ...]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        return tuple(one.gap for one in self.hidden)

    @property
    def key(self) -> str:
        return made_key("hidden", self.encoder.fingerprint, self.hidden)

    def build(self, place: Path, progress: Progress) -> None:
        fill_hidden(self.encoder, self.hidden, progress=progress).save(place / "gaps.npz")

    def load(self, place: Path) -> Filled:
        return Filled.kept(place / "gaps.npz")
