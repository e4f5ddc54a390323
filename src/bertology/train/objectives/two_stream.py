"""Objectives that predict a token without seeing it by attention masks: permutation LM, MPNet, pseudo-masked LM, every token at once.

Two-stream attention (Yang et al. 2019) reads each predicted token twice: a content stream that knows it, and a query stream
that knows only its place. Here the query stream is a copy of the position with [MASK] as its symbol (the pseudo-masks
of Bao et al. 2020), and who sees whom is the attention mask, so any encoder that takes position ids can be trained so.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bertology.train.draft import IGNORED, Draft, Source
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.mlm import LabelObjective
from bertology.train.objectives.units import Spans


@dataclass(frozen=True)
class PermutationLM(LabelObjective):
    """XLNet (Yang et al. 2019): in a random order of positions, the last 1/`k` are predicted, each from those before it.

    Content positions see themselves and what comes before in the order; query copies see what comes before. Special
    tokens stand first in the order. `k` = 6 as in the paper's base model.
    """

    cites: ClassVar = ("yang-2019b",)
    k: int = 6

    def corrupt(self, draft: Draft, source: Source, rng: np.random.Generator) -> None:
        rank, predicted = factorisation(draft, 1 / self.k, rng)
        content = rank[None, :] <= rank[:, None]
        query = rank[None, :] < rank[predicted][:, None]
        _add_queries(draft, source, predicted, content, query)


@dataclass(frozen=True)
class MPNet(LabelObjective):
    """Masked and permuted (Song et al. 2020): as permutation LM, but every position is seen as a place throughout.

    Non-predicted positions, and a [MASK] at every predicted place, see each other; a query copy sees those non-predicted
    positions, the contents of the predicted tokens before it, and [MASK] at the places from itself on. Queries are seen
    by nobody, or they would pass on what they know. `rate` of the positions are predicted.
    """

    cites: ClassVar = ("song-2020",)
    rate: float = 0.15

    def corrupt(self, draft: Draft, source: Source, rng: np.random.Generator) -> None:
        n = len(draft)
        rank, predicted = factorisation(draft, self.rate, rng)
        known = np.ones(n, dtype=bool)
        known[predicted] = False
        m = len(predicted)
        before = rank[predicted][None, :] < rank[predicted][:, None]
        own = np.eye(m, dtype=bool)
        # contents of all n positions, then [MASK] at the m predicted places, then the queries there
        masks, queries = slice(n, n + m), slice(n + m, n + 2 * m)
        visible = np.zeros((n + 2 * m, n + 2 * m), dtype=bool)
        visible[:, :n] = known
        visible[: n + m, masks] = True
        visible[predicted[:, None], predicted] = before | own
        visible[predicted, masks] = ~before & ~own
        visible[queries, predicted] = before
        visible[queries, masks] = ~before
        symbols = np.full(m, source.symbols.mask)
        draft.extend(symbols, predicted, np.full(m, IGNORED), visible[: n + m, : n + m])
        draft.extend(symbols, predicted, draft.clean[predicted], visible)


@dataclass(frozen=True)
class PseudoMaskedLM(LabelObjective):
    """UniLMv2 (Bao et al. 2020): MLM, and a partially autoregressive prediction of the same tokens, in one forward pass.

    The masked units are put in a random order. The text, with [MASK] in the units, sees itself alone and predicts them all; a content
    copy of a unit sees the text that is not masked, the units before it and itself; a pseudo-mask of it the same without the unit,
    and the unit's other pseudo-masks. Each masked token is predicted twice. The paper's units are single subwords for 60 % and runs of 2 to
    6 words for 40 %; here the lengths are geometric with the same share of single words. All predicted tokens become the symbol.
    """

    cites: ClassVar = ("bao-2020",)
    masking: Masking = field(default_factory=lambda: Masking(units=Spans(stop=0.6, longest=6)))

    def corrupt(self, draft: Draft, source: Source, rng: np.random.Generator) -> None:
        units = self.masking.choose(draft, source, rng)
        units = [units[k] for k in rng.permutation(len(units))]
        predicted = np.concatenate(units) if units else np.array([], dtype=np.int64)
        turn = np.repeat(np.arange(len(units)), [len(u) for u in units])
        n, m = len(draft), len(predicted)
        known = np.ones(n, dtype=bool)
        known[predicted] = False
        earlier, same = turn[None, :] < turn[:, None], turn[None, :] == turn[:, None]
        contents, queries = slice(n, n + m), slice(n + m, n + 2 * m)
        visible = np.zeros((n + 2 * m, n + 2 * m), dtype=bool)
        visible[:n, :n] = True
        visible[n:, :n] = known
        visible[contents, contents] = earlier | same
        visible[queries, contents] = earlier
        visible[queries, queries] = same
        draft.ids[predicted] = source.symbols.mask
        draft.labels[predicted] = draft.clean[predicted]
        draft.extend(draft.clean[predicted], predicted, np.full(m, IGNORED), visible[: n + m, : n + m])
        draft.extend(np.full(m, source.symbols.mask), predicted, draft.clean[predicted], visible)


@dataclass(frozen=True)
class EveryToken(LabelObjective):
    """Cloze-driven pre-training (Baevski et al. 2019): each token is predicted from all others, all in one pass.

    Two towers with shared weights: one copy of the text reads left to right, one right to left; a query copy of each
    position sees the first up to just before it and the second from just after it, so nothing leaks through other tokens.
    Three times the positions for 1 / .15 as many predictions.
    """

    cites: ClassVar = ("baevski-2019",)

    def corrupt(self, draft: Draft, source: Source, rng: np.random.Generator) -> None:
        n, predicted = len(draft), draft.maskable
        place, m = np.arange(n), len(predicted)
        forward, backward = place[None, :] <= place[:, None], place[None, :] >= place[:, None]
        visible = np.zeros((2 * n + m, 2 * n + m), dtype=bool)
        visible[:n, :n], visible[n : 2 * n, n : 2 * n] = forward, backward
        visible[2 * n :, :n] = place[None, :] < predicted[:, None]
        visible[2 * n :, n : 2 * n] = place[None, :] > predicted[:, None]
        visible[2 * n :, 2 * n :] = np.eye(m, dtype=bool)
        nothing = np.full(n, IGNORED)
        draft.extend(draft.ids.copy(), place, nothing, visible[: 2 * n, : 2 * n])
        draft.extend(np.full(m, source.symbols.mask), predicted, draft.clean[predicted], visible)


def factorisation(draft: Draft, rate: float, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A random order of an example's positions (rank 0 for special tokens), and its last `rate`, which are predicted."""
    order = rng.permutation(draft.maskable)
    rank = np.zeros(len(draft), dtype=np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    n = max(1, round(rate * len(order))) if len(order) else 0
    return rank, order[len(order) - n :]


def _add_queries(
    draft: Draft, source: Source, predicted: NDArray[np.int64], content: NDArray[np.bool_], query: NDArray[np.bool_]
) -> None:
    """Appends query copies that see `query` among the contents, and themselves; contents never see them."""
    n, m = len(draft), len(predicted)
    visible = np.zeros((n + m, n + m), dtype=bool)
    visible[:n, :n], visible[n:, :n] = content, query
    visible[n:, n:] = np.eye(m, dtype=bool)
    draft.extend(np.full(m, source.symbols.mask), predicted, draft.clean[predicted], visible)
