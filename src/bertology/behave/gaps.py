"""What a masked language model puts in a gap: log-probabilities of candidates, the rank of each, the model's own favourites.

A candidate of n subwords stands in n masks; its log-probability is the sum over its subwords from left to right, each given
those before it while the later ones are masked (the "within-word left-to-right" of Kauf & Ivanova 2023). Candidates of one
subword share a forward pass. Only masked positions reach the vocabulary; log-softmax is in float32.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bertology.behave.pll import MaskedRow, Progress, need_masked_lm, read_masked
from bertology.corpus.cloze import MASK
from bertology.corpus.sentence import Corpus, Sentence
from bertology.corpus.text import Words, words_of
from bertology.encoder.align import Line, encode
from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadCorpus


class Gap(NamedTuple):
    """`context` holds `MASK` once; `candidates` are words that might stand there, the one that should first."""

    context: str
    candidates: tuple[str, ...]


class Filled(NamedTuple):
    """Values of all candidates of all gaps in order; those of gap i are at `starts[i]` to `starts[i + 1]`.

    `values` are log-probabilities in nats, `ranks` places among the whole vocabulary (1 is the likeliest), `pieces` numbers of subwords.
    A candidate of several subwords has no rank, one that the encoder cannot read (`dropped` counts why) no value: nan.
    `favourites[i]` are the likeliest subwords for one mask in gap i, best first; empty strings where the gap cannot be read.
    """

    values: NDArray[np.float64]
    ranks: NDArray[np.float64]
    pieces: NDArray[np.int64]
    starts: NDArray[np.int64]
    favourites: NDArray[np.str_]
    dropped: dict[str, int]

    def of(self, gap: int) -> NDArray[np.float64]:
        """The log-probabilities of one gap's candidates."""
        return self.values[self.starts[gap] : self.starts[gap + 1]]

    @property
    def first(self) -> NDArray[np.float64]:
        """The log-probability of each gap's first candidate."""
        return self.values[self.starts[:-1]]

    @property
    def first_rank(self) -> NDArray[np.float64]:
        """The rank of each gap's first candidate."""
        return self.ranks[self.starts[:-1]]

    def save(self, file: Path) -> None:
        """Writes everything into a .npz file."""
        arrays = self._asdict()
        dropped = arrays.pop("dropped")
        np.savez(file, **arrays, reasons=list(dropped), counts=list(dropped.values()))

    @classmethod
    def kept(cls, file: Path) -> "Filled":
        """What `save` wrote."""
        with np.load(file) as kept:
            arrays = dict(kept)
        dropped = dict(zip(arrays.pop("reasons").tolist(), arrays.pop("counts").tolist(), strict=True))
        return cls(**arrays, dropped=dropped)


def fill(
    encoder: Encoder,
    gaps: Sequence[Gap],
    *,
    favourites: int = 5,
    token_budget: int = 8192,
    precision: str = "float32",
    progress: Progress = lambda what, done, total: None,
) -> Filled:
    """Scores every candidate of every gap. Raises NotApplicable without an MLM head or mask token, BadCorpus for a context without one gap."""
    need_masked_lm(encoder)
    for gap in gaps:
        if gap.context.count(MASK) != 1 or not gap.candidates:
            raise BadCorpus(f"{gap.context!r} with candidates {gap.candidates!r} is no gap to fill.",
                            f"One {MASK} and at least one candidate are due.")  # fmt: skip
    texts = [filled(gap.context, word, f"{i}") for i, gap in enumerate(gaps) for word in gap.candidates]
    blanks = [filled(gap.context, encoder.tokenizer.mask_token, f"{i}") for i, gap in enumerate(gaps)]
    encoded = encode(Corpus("gaps", tuple(s for s, _ in (*texts, *blanks))), encoder.tokenizer, encoder.max_length)
    places = lambda line: [p for word in (texts + blanks)[line.index][1] for p in line.pieces[word]]
    candidates = [(line.index, line, places(line), ()) for line in encoded.lines if line.index < len(texts)]
    empty = [(line.index - len(texts), line, places(line)) for line in encoded.lines if line.index >= len(texts)]
    best = np.full((len(gaps), favourites), "", dtype=object)

    def note(gap: int, log: Tensor) -> None:
        top = log.topk(min(favourites, len(log))).indices.tolist()
        best[gap, : len(top)] = encoder.tokenizer.convert_ids_to_tokens(top)

    values, ranks, pieces = score_candidates(
        encoder, len(texts), candidates, blanks=empty, note=note, token_budget=token_budget, precision=precision, progress=progress
    )  # fmt: skip
    starts = np.concatenate([[0], np.cumsum([len(gap.candidates) for gap in gaps])]).astype(np.int64)
    return Filled(values, ranks, pieces, starts, best.astype(str), dict(encoded.dropped))


def score_candidates(
    encoder: Encoder,
    n: int,
    candidates: Iterable[tuple[int, Line, Sequence[int], Sequence[int]]],
    *,
    blanks: Iterable[tuple[int, Line, Sequence[int]]] = (),
    note: Callable[[int, Tensor], None] = lambda gap, log: None,
    token_budget: int = 8192,
    precision: str = "float32",
    progress: Progress = lambda what, done, total: None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Log-probability, rank and number of subwords of `n` candidates; those that are not given have nan, nan and 0.

    A candidate is (its number, the line it stands in, its places there, places that are masked besides). `blanks` are (a gap's number, a
    line, the places of its mask); `note` gets the log-probabilities of the whole vocabulary there. Equal rows are read once.
    """
    pieces = np.zeros(n, dtype=np.int64)
    rows: dict[tuple[bytes, int], int] = {}
    made: list[MaskedRow] = []
    asked: list[list[tuple[int, int]]] = []  # by row: (candidate, its subword), or (gap, -1) for a blank

    def ask(line: Line, at: Sequence[int], also: Sequence[int], wish: tuple[int, int]) -> None:
        ids = line.ids.copy()
        ids[[*also, *at]] = encoder.tokenizer.mask_token_id
        row = rows.setdefault((ids.tobytes(), at[0]), len(made))
        if row == len(made):
            made.append(MaskedRow(ids, line.types, at[0]))
            asked.append([])
        asked[row].append(wish)

    for number, line, at, also in candidates:
        pieces[number] = len(at)
        for k, place in enumerate(at):
            ask(line, at[k:], also, (number, int(line.ids[place])))
    for gap, line, at in blanks:
        if at:
            ask(line, at, (), (gap, -1))
    values, ranks = np.where(pieces > 0, 0.0, np.nan), np.full(n, np.nan)
    lengths = [len(row.ids) for row in made]
    for chosen, logits in read_masked(encoder, lengths, made.__getitem__, token_budget, precision, progress):
        for row, log in zip(chosen, torch.log_softmax(logits.float(), -1), strict=True):
            for number, subword in asked[row]:
                if subword < 0:
                    note(number, log)
                    continue
                values[number] += float(log[subword])
                if pieces[number] == 1:
                    ranks[number] = 1 + int((log > log[subword]).sum())
    return values, ranks, pieces


def filled(context: str, word: str, id: str) -> tuple[Sentence, tuple[int, ...]]:
    """The context with a word (or several) in its gap, and which words of the sentence those are."""
    before, after = context.split(MASK)
    held = Words((word,), (len(before),)) if word.startswith(("[", "<")) else words_of(word, at=len(before))
    first, last = words_of(before), words_of(after, at=len(before) + len(word))
    words = (*first.words, *held.words, *last.words)
    starts = (*first.starts, *held.starts, *last.starts)
    places = range(len(first.words), len(first.words) + len(held.words))
    return Sentence(id, before + word + after, words, starts), tuple(places)
