"""Gaps whose subject is hidden, too: what a template calls for by itself (the control of Petroni et al. 2019 and Poerner et al. 2020)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bertology.behave.gaps import Filled, Gap, filled
from bertology.behave.pll import MaskedRow, Progress, need_masked_lm, read_masked
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
    pieces = np.zeros(len(asked), dtype=np.int64)
    rows: dict[tuple[bytes, int], int] = {}
    made: list[MaskedRow] = []
    wanted: list[list[tuple[int, int]]] = []
    for line in encoded.lines:
        hidden, sentence, gap = asked[line.index]
        shift = len(sentence.text) - len(hidden.gap.context)
        start, end = (at + shift * (at > hidden.gap.context.index(MASK)) for at in (hidden.start, hidden.end))
        subject = [
            w for w in range(len(sentence)) if w not in gap and sentence.starts[w] < end and sentence.ends[w] > start
        ]
        covered = [p for w in subject for p in line.pieces[w]]
        at = [p for word in gap for p in line.pieces[word]]
        pieces[line.index] = len(at)
        for k, place in enumerate(at):
            ids = line.ids.copy()
            ids[[*covered, *at[k:]]] = encoder.tokenizer.mask_token_id
            row = rows.setdefault((ids.tobytes(), place), len(made))
            if row == len(made):
                made.append(MaskedRow(ids, line.types, place))
                wanted.append([])
            wanted[row].append((line.index, int(line.ids[place])))
    values, ranks = np.where(pieces > 0, 0.0, np.nan), np.full(len(asked), np.nan)
    lengths = [len(row.ids) for row in made]
    for chosen, logits in read_masked(encoder, lengths, made.__getitem__, token_budget, progress=progress):
        for row, log in zip(chosen, torch.log_softmax(logits.float(), -1), strict=True):
            for candidate, subword in wanted[row]:
                values[candidate] += float(log[subword])
                if pieces[candidate] == 1:
                    ranks[candidate] = 1 + int((log > log[subword]).sum())
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
        found = fill_hidden(self.encoder, self.hidden, progress=progress)._asdict()
        dropped = found.pop("dropped")
        np.savez(place / "gaps.npz", **found, reasons=list(dropped), counts=list(dropped.values()))

    def load(self, place: Path) -> Filled:
        with np.load(place / "gaps.npz") as kept:
            arrays = dict(kept)
        dropped = dict(zip(arrays.pop("reasons").tolist(), arrays.pop("counts").tolist(), strict=True))
        return Filled(**arrays, dropped=dropped)
