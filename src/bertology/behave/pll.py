"""Pseudo-log-likelihood (Salazar et al. 2020): each subword's log-probability when it is masked and all else is seen.

Copies of a sentence, each with its own place masked, share batches with copies of other sentences of the same length, so
nothing is padded; only masked positions reach the vocabulary; log-softmax is in float32.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from bertology.corpus.sentence import Corpus
from bertology.encoder.align import Line
from bertology.encoder.encoder import Encoder
from bertology.encoder.head import mlm_logits
from bertology.record.errors import BadRequest, NotApplicable

Progress = Callable[[str, int, int], None]


class Scores(NamedTuple):
    """Log-probabilities in nats of every subword of every sentence, special tokens left out.

    `values` and `places` (positions in the encoded line) lie sentence after sentence; those of sentence i are at
    `starts[i]` to `starts[i + 1]`. `kept[i]` is the sentence's index in its corpus.
    """

    values: NDArray[np.float64]
    places: NDArray[np.int64]
    starts: NDArray[np.int64]
    kept: NDArray[np.int64]

    @property
    def totals(self) -> NDArray[np.float64]:
        """The pseudo-log-likelihood of each sentence: the sum over its subwords."""
        return np.add.reduceat(self.values, self.starts[:-1])

    @property
    def means(self) -> NDArray[np.float64]:
        """Per subword."""
        return self.totals / np.diff(self.starts)


def score(
    encoder: Encoder,
    corpus: Corpus,
    *,
    method: str = "pll-word-l2r",
    token_budget: int = 8192,
    precision: str = "float32",
    progress: Progress = lambda what, done, total: None,
) -> Scores:
    """Scores every sentence of a corpus.

    "pll" masks one subword at a time (Salazar et al. 2020), which overrates words of several subwords, since the rest of the
    word gives the masked one away; "pll-word-l2r" masks the later subwords of the same word with it (Kauf & Ivanova 2023).
    `precision` "bfloat16" runs the trunk in bfloat16 autocast. Raises NotApplicable without an MLM head or mask token.
    """
    if method not in METHODS:
        raise BadRequest(f"method {method!r} is not known.", f"Choose one of {', '.join(METHODS)}.")
    need_masked_lm(encoder)
    lines = encoder.encode(corpus).lines
    hidden = [list(METHODS[method](line)) for line in lines]
    starts = np.concatenate([[0], np.cumsum([len(h) for h in hidden])])
    rows = [(i, positions) for i, each in enumerate(hidden) for positions in each]
    places = np.array([positions[0] for _, positions in rows], dtype=np.int64)
    values = np.zeros(len(rows))

    def masked(row: int) -> MaskedRow:
        i, positions = rows[row]
        ids = lines[i].ids.copy()
        ids[positions] = encoder.tokenizer.mask_token_id
        return MaskedRow(ids, lines[i].types, positions[0])

    lengths = [len(lines[i].ids) for i, _ in rows]
    for chosen, logits in read_masked(encoder, lengths, masked, token_budget, precision, progress):
        true = np.array([lines[rows[r][0]].ids[places[r]] for r in chosen])
        logs = torch.log_softmax(logits.float(), -1)[
            torch.arange(len(chosen)), torch.from_numpy(true).to(logits.device)
        ]
        values[chosen] = logs.double().cpu().numpy()
    return Scores(values, places, starts, np.array([line.index for line in lines]))


def _one(line: Line) -> Iterator[list[int]]:
    for place in np.flatnonzero(~line.special):
        yield [int(place)]


def _word_left_to_right(line: Line) -> Iterator[list[int]]:
    for places in line.pieces:
        for k in range(len(places)):
            yield list(places[k:])


METHODS: dict[str, Callable[[Line], Iterator[list[int]]]] = {"pll": _one, "pll-word-l2r": _word_left_to_right}
"""For a line, the positions to mask for each subword in turn; the first of them is the one that is scored."""


def need_masked_lm(encoder: Encoder) -> None:
    """Raises NotApplicable when the encoder cannot predict masked subwords."""
    for need, word in (("mlm", "masked-language-model head"), ("mask", "mask token")):
        if need not in encoder.has:
            raise NotApplicable(f"{encoder.name} has no {word}")


class MaskedRow(NamedTuple):
    """What the model reads, its segments, and the place that is looked at."""

    ids: NDArray[np.int64]
    types: NDArray[np.int64]
    place: int


def read_masked(
    encoder: Encoder,
    lengths: Sequence[int],
    row: Callable[[int], MaskedRow],
    token_budget: int = 8192,
    precision: str = "float32",
    progress: Progress = lambda what, done, total: None,
) -> Iterator[tuple[list[int], Float[Tensor, "row vocabulary"]]]:
    """Logits at one place of each row, in batches of rows of one length: nothing is padded, only these places reach the vocabulary.

    `row(i)` makes the i-th row, of `lengths[i]` subwords, when its turn comes. Yields the numbers of a batch's rows with their logits.
    """
    by_length: dict[int, list[int]] = {}
    for i, length in enumerate(lengths):
        by_length.setdefault(length, []).append(i)
    done, total = 0, sum(lengths)
    for length in sorted(by_length, reverse=True):
        size = max(1, token_budget // length)
        for first in range(0, len(by_length[length]), size):
            chosen = by_length[length][first : first + size]
            ids, types, places = (
                torch.from_numpy(np.array(part)).to(encoder.device) for part in zip(*map(row, chosen), strict=True)
            )
            given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            if "segments" in encoder.has:
                given["token_type_ids"] = types
            with (
                torch.inference_mode(),
                torch.autocast(encoder.device.type, torch.bfloat16, enabled=precision == "bfloat16"),
            ):
                states = encoder.base(**given)[0]
                logits = mlm_logits(encoder.model, states[torch.arange(len(chosen), device=states.device), places])
            yield chosen, logits
            done += ids.numel()
            progress("scoring", done, total)
