"""Attention-only probing classifier (Clark et al. 2019): dependency heads from all attention maps."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from bertology.probe.trees import Heads, arborescence
from bertology.record.errors import BadRequest, NotFinite

Maps = NDArray[np.floating[Any]]
"""Attention of one sentence from word to word, (attention head, word, word2): how much `word` attends to `word2`."""


@dataclass
class AttentionProbe:
    """p(i is the head of j) ∝ exp Σ_k (w_k α^k_ij + u_k α^k_ji) over all other words i, for all attention heads k.

    α^k_ij is the attention from i to j. The root has no head among the words and is left out of learning and scoring.
    Convex with the ridge term l2 / 2 · (|w|² + |u|²) per word, so L-BFGS ends in the one optimum: no seed.
    """

    l2: float = 1e-4
    max_iterations: int = 60

    w_: NDArray[np.float64] = field(init=False, repr=False)
    u_: NDArray[np.float64] = field(init=False, repr=False)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"l2": self.l2, "max_iterations": self.max_iterations}

    def fit(self, maps: Sequence[Maps], heads: Sequence[Heads]) -> "AttentionProbe":
        """Learns w_ and u_, (attention head,), from sentences' maps and 0-based heads (-1: root).

        Raises BadRequest when shapes do not fit or no word has a head, NotFinite on NaN.
        """
        portions = _portions(maps, heads)
        n_words = sum(len(goal) for _, goal in portions)
        if not n_words:
            raise BadRequest("no word has a head.", "Give sentences of at least two words.")
        weights = torch.zeros(2 * len(maps[0]), dtype=torch.float64, requires_grad=True)
        solver = torch.optim.LBFGS(
            [weights], max_iter=self.max_iterations, history_size=20, line_search_fn="strong_wolfe",
            tolerance_grad=1e-6, tolerance_change=1e-9,
        )  # fmt: skip

        def closure() -> Tensor:
            now = weights.detach()
            total, slope = float(now.square().sum()) * self.l2 / 2, self.l2 * now
            for features, goal in portions:
                loss, change = _loss(features, goal, now.float())
                total, slope = total + loss / n_words, slope + change.double() / n_words
            weights.grad = slope
            return torch.tensor(total, dtype=torch.float64)

        solver.step(closure)
        learnt = weights.detach().numpy()
        if not np.isfinite(learnt).all():
            raise NotFinite("the attention probe's weights are not finite.", "Check the attention maps.")
        self.w_, self.u_ = np.split(learnt, 2)
        return self

    def log_probabilities(self, maps: Maps) -> NDArray[np.float64]:
        """ln p of one sentence, (word, head): row j holds ln p(i is the head of j); the diagonal is −∞."""
        scores = np.einsum("k,kij->ji", self.w_, maps) + np.einsum("k,kji->ji", self.u_, maps)
        np.fill_diagonal(scores, -np.inf)
        with np.errstate(invalid="ignore"):
            shifted = scores - scores.max(1, keepdims=True, initial=-1e300)
        return shifted - np.log(np.exp(shifted).sum(1, keepdims=True).clip(1e-300))

    def predict(self, maps: Maps) -> Heads:
        """Each word's most probable head in one sentence; no tree as a rule, and nothing is made the root."""
        return self.log_probabilities(maps).argmax(1)

    def tree(self, maps: Maps, *, root: int | None = None) -> Heads:
        """The most probable tree of one sentence, crossing arcs allowed, with a given or free root."""
        log_p = self.log_probabilities(maps)
        np.fill_diagonal(log_p, 0.0)
        return arborescence(log_p.clip(-1e6), root=root)

    def evaluate(self, maps: Sequence[Maps], heads: Sequence[Heads]) -> NDArray[np.float64]:
        """1 or 0 per word whether its head was found, nan for roots; sentences one after the other, (word,)."""
        _check(maps, heads)
        parts = [np.where(np.asarray(h) >= 0, self.predict(m) == h, np.nan) for m, h in zip(maps, heads, strict=True)]
        return np.concatenate(parts).astype(np.float64)

    def score(self, maps: Sequence[Maps], heads: Sequence[Heads]) -> float:
        """Unlabelled attachment score over words that have a head, 0 to 1."""
        return float(np.nanmean(self.evaluate(maps, heads)))


_Portion = tuple[Float[Tensor, "dependent candidate feature"], Int[Tensor, "dependent"]]


def _check(maps: Sequence[Maps], heads: Sequence[Heads]) -> None:
    if not len(maps) or len(maps) != len(heads):
        raise BadRequest(f"{len(maps)} sentences' maps and {len(heads)} of heads.", "Give one of each per sentence.")
    for number, (m, h) in enumerate(zip(maps, heads, strict=True)):
        if m.shape != (len(maps[0]), len(h), len(h)):
            raise BadRequest(
                f"maps of sentence {number} have shape {m.shape}, with {len(h)} heads.",
                f"Give ({len(maps[0])}, {len(h)}, {len(h)}).",
            )


def _portions(maps: Sequence[Maps], heads: Sequence[Heads]) -> list[_Portion]:
    """For the governed words of sentences of one length: both directions of every map from all words, and the governor.

    Words without a governor take no memory and no time, so learning one relation is cheap.
    """
    _check(maps, heads)
    by_length: dict[int, list[int]] = {}
    for s, gold in enumerate(heads):
        if (np.asarray(gold) >= 0).any():
            by_length.setdefault(len(gold), []).append(s)
    portions: list[_Portion] = []
    for n in sorted(by_length):
        features, goals = [], []
        for s in by_length[n]:
            alpha, gold = np.asarray(maps[s], dtype=np.float32), np.asarray(heads[s])
            if not np.isfinite(alpha).all():
                raise NotFinite("attention maps hold NaN or infinite values.", "Check the encoder's activations.")
            words = np.flatnonzero(gold >= 0)
            both = np.concatenate([alpha[:, :, words].transpose(2, 1, 0), alpha[:, words].transpose(1, 2, 0)], 2)
            # a word is no candidate for its own governor: its own place is cut out, later ones move up
            others = np.arange(n - 1)[None] + (np.arange(n - 1)[None] >= words[:, None])
            features.append(both[np.arange(len(words))[:, None], others])
            goals.append(gold[words] - (gold[words] > words))
        portions.append((torch.from_numpy(np.concatenate(features)), torch.from_numpy(np.concatenate(goals))))
    return portions


def _loss(
    features: Float[Tensor, "dependent candidate feature"],
    goal: Int[Tensor, "dependent"],
    weights: Float[Tensor, "feature"],
) -> tuple[float, Float[Tensor, "feature"]]:
    """Summed −ln p(governor), and its gradient Σ (p − [governor]) · features."""
    log_p = (features @ weights).log_softmax(1)
    rows = torch.arange(len(goal))
    residual = log_p.exp()
    residual[rows, goal] -= 1
    return -float(log_p[rows, goal].double().sum()), residual.flatten() @ features.flatten(0, 1)
