"""Pseudo-log-likelihood (Salazar et al. 2020): each subword's log-probability when it is masked and all else is seen.

Copies of a sentence, each with its own place masked, share batches with copies of other sentences of the same length, so
nothing is padded; only masked positions reach the vocabulary; log-softmax is in float32.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bertology.corpus.sentence import Corpus
from bertology.encoder.align import Line
from bertology.encoder.encoder import Encoder
from bertology.encoder.head import mlm_logits
from bertology.record.errors import BadRequest, NotApplicable


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
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Scores:
    """Scores every sentence of a corpus.

    "pll" masks one subword at a time (Salazar et al. 2020), which overrates words of several subwords, since the rest of the
    word gives the masked one away; "pll-word-l2r" masks the later subwords of the same word with it (Kauf & Ivanova 2023).
    `precision` "bfloat16" runs the trunk in bfloat16 autocast. Raises NotApplicable without an MLM head or mask token.
    """
    if method not in METHODS:
        raise BadRequest(f"method {method!r} is not known.", f"Choose one of {', '.join(METHODS)}.")
    for need, word in (("mlm", "masked-language-model head"), ("mask", "mask token")):
        if need not in encoder.has:
            raise NotApplicable(f"{encoder.name} has no {word}")
    lines = encoder.encode(corpus).lines
    hidden = [list(METHODS[method](line)) for line in lines]
    starts = np.concatenate([[0], np.cumsum([len(h) for h in hidden])])
    values = np.zeros(int(starts[-1]))
    done, total = 0, sum(len(line.ids) * len(h) for line, h in zip(lines, hidden, strict=True))
    for rows in _batches(lines, hidden, token_budget):
        ids, at, true = _masked(lines, hidden, rows, encoder)
        types = (
            torch.from_numpy(np.array([lines[i].types for i, _ in rows])).to(encoder.device)
            if "segments" in encoder.has
            else None
        )
        with (
            torch.inference_mode(),
            torch.autocast(encoder.device.type, torch.bfloat16, enabled=precision == "bfloat16"),
        ):
            logits = mlm_logits(encoder.model, _states(encoder, ids, types, at))
        logs = torch.log_softmax(logits.float(), -1)[torch.arange(len(rows)), true]
        values[[int(starts[i]) + k for i, k in rows]] = logs.double().cpu().numpy()
        done += ids.numel()
        progress("scoring", done, total)
    places = np.array([positions[0] for h in hidden for positions in h], dtype=np.int64)
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


def _batches(lines: Sequence[Line], hidden: Sequence[list[list[int]]], budget: int) -> Iterator[list[tuple[int, int]]]:
    """(line, query) rows of one length each, at most `budget` tokens a batch."""
    by_length: dict[int, list[tuple[int, int]]] = {}
    for i, line in enumerate(lines):
        by_length.setdefault(len(line.ids), []).extend((i, k) for k in range(len(hidden[i])))
    for length in sorted(by_length, reverse=True):
        rows, size = by_length[length], max(1, budget // length)
        for first in range(0, len(rows), size):
            yield rows[first : first + size]


def _masked(
    lines: Sequence[Line], hidden: Sequence[list[list[int]]], rows: Sequence[tuple[int, int]], encoder: Encoder
) -> tuple[Tensor, Tensor, Tensor]:
    """The rows' ids with their places masked, the place to score in each, and the subword that stood there."""
    ids = np.array([lines[i].ids for i, _ in rows])
    at = np.array([hidden[i][k][0] for i, k in rows])
    true = ids[np.arange(len(rows)), at]
    for row, (i, k) in enumerate(rows):
        ids[row, hidden[i][k]] = encoder.tokenizer.mask_token_id
    on = lambda array: torch.from_numpy(array).to(encoder.device)
    return on(ids), on(at), on(true)


def _states(encoder: Encoder, ids: Tensor, types: Tensor | None, at: Tensor) -> Tensor:
    """The last hidden state at one place of each row."""
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if types is not None:
        given["token_type_ids"] = types
    return encoder.base(**given)[0][torch.arange(len(ids), device=ids.device), at]
