"""Attention-only probing classifier (Clark et al. 2019): dependency heads from all attention maps."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from bertology.probe.trees import Heads, arborescence
from bertology.record.errors import BadRequest, NotFinite

Maps = NDArray[np.floating[Any]]
"""Attention of one sentence from word to word, (attention head, word, word2): how much `word` attends to `word2`."""

PAIRS = 20_000


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
        n_words = sum(int((goal >= 0).sum()) for _, goal, _ in portions)
        if not n_words:
            raise BadRequest("no word has a head.", "Give sentences of at least two words.")
        weights = torch.zeros(2 * len(maps[0]), dtype=torch.float64, requires_grad=True)
        solver = torch.optim.LBFGS(
            [weights], max_iter=self.max_iterations, history_size=20, line_search_fn="strong_wolfe",
            tolerance_grad=1e-6, tolerance_change=1e-9,
        )  # fmt: skip

        def closure() -> Tensor:
            solver.zero_grad()
            objective = weights.square().sum() * (self.l2 / 2)
            objective.backward()
            total = float(objective.detach())
            for features, goal, mask in portions:
                loss = _loss(_scores(features, weights.float(), mask), goal) / n_words
                loss.backward()
                total += float(loss.detach())
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


_Portion = tuple[
    Float[Tensor, "sentence feature dependent head"], Int[Tensor, "sentence dependent"], Bool[Tensor, "sentence head"]
]


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
    """Sentences of similar length, padded: both directions of every map, gold heads, and which words are there."""
    _check(maps, heads)
    order = sorted((s for s in range(len(heads)) if len(heads[s]) > 1), key=lambda s: len(heads[s]))
    portions: list[_Portion] = []
    while order:
        taken = max(1, PAIRS // len(heads[order[0]]) ** 2)
        group, order = order[:taken], order[taken:]
        n = max(len(heads[s]) for s in group)
        features = torch.zeros(len(group), 2 * len(maps[0]), n, n)
        goal, mask = torch.full((len(group), n), -1), torch.zeros(len(group), n, dtype=torch.bool)
        for row, s in enumerate(group):
            size = len(heads[s])
            alpha = torch.tensor(np.asarray(maps[s]), dtype=torch.float32)
            features[row, :, :size, :size] = torch.cat([alpha.transpose(1, 2), alpha])
            goal[row, :size] = torch.as_tensor(np.asarray(heads[s]))
            mask[row, :size] = True
        if not bool(torch.isfinite(features).all()):
            raise NotFinite("attention maps hold NaN or infinite values.", "Check the encoder's activations.")
        portions.append((features, goal, mask))
    return portions


def _scores(
    features: Float[Tensor, "sentence feature dependent head"],
    weights: Float[Tensor, "feature"],
    mask: Bool[Tensor, "sentence head"],
) -> Float[Tensor, "sentence dependent head"]:
    scores = torch.matmul(weights, features.flatten(2)).unflatten(1, features.shape[2:])
    itself = torch.eye(features.shape[2], dtype=torch.bool)
    return scores.masked_fill(itself | ~mask[:, None, :], -1e9)


def _loss(scores: Float[Tensor, "sentence dependent head"], goal: Int[Tensor, "sentence dependent"]) -> Tensor:
    """Summed −ln p(gold head) over words that have one."""
    return torch.nn.functional.cross_entropy(scores.flatten(0, 1), goal.flatten(), ignore_index=-1, reduction="sum")
