"""Head importance by gradients (Michel et al. 2019, eq. 2): I_h = E_x |Att_h(x)ᵀ ∂L(x)/∂Att_h(x)|, all heads at once.

It is the absolute derivative of a sentence's loss with respect to a gate on the head, at gate 1. It is not the loss of
silencing the head: that is `ablate_each_head`, of which this is the first-order estimate.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bertology.corpus.sentence import Corpus
from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, head
from bertology.encoder.watch import Observation
from bertology.intervene.compose import check
from bertology.intervene.inputs import MaskWords
from bertology.intervene.sweep import cross_entropy_of_masked
from bertology.observe.reading import Intervention, observing
from bertology.observe.statistic import Arrays, Scratch, Statistic, add_rows
from bertology.record.errors import BadRequest, NotApplicable
from bertology.stats.tally import Tally


class Loss(Protocol):
    """(batch, seen, encoder) -> a loss per sentence, (sentence,), that depends on that sentence only.

    The encoder's output is `seen.hidden(encoder.n_layers)`. A frozen dataclass, so that its repr names it in a cache.
    """

    def __call__(self, batch: Batch, seen: Observation, encoder: Encoder) -> Tensor: ...


@dataclass(frozen=True)
class MaskedLoss:
    """Mean cross-entropy in nats of a sentence's masked subwords; the pass must run under MaskWords."""

    def __call__(self, batch: Batch, seen: Observation, encoder: Encoder) -> Tensor:
        if not encoder.has_mlm:
            raise NotApplicable(f"{encoder.name} has no masked-language-model head")
        return cross_entropy_of_masked(encoder, batch, seen.hidden(encoder.n_layers))


@dataclass(frozen=True)
class SentenceDirection:
    """For encoders without a language-model head: sqrt(π/2) · u·s, u ~ N(0, 1) drawn per (seed, sentence).

    s is the sentence vector, the mean over real tokens, at length 1. Since E|u·v| = sqrt(2/π) ‖v‖, the importance of a
    head then estimates E_x ‖∂s/∂gate_h‖: how far the sentence vector moves, in any direction, when the gate does. (The
    distance of s to its intact self would not serve: its gradient there is zero.) A measure of influence, not of use.
    """

    seed: int = 0

    def __call__(self, batch: Batch, seen: Observation, encoder: Encoder) -> Tensor:
        output = seen.hidden(encoder.n_layers)
        vectors = torch.nn.functional.normalize((output * batch.mask[..., None].to(output.dtype)).sum(1), dim=-1)
        drawn = [
            np.random.default_rng([self.seed, line.index]).standard_normal(vectors.shape[1]) for line in batch.lines
        ]
        directions = torch.from_numpy(np.stack(drawn)).to(vectors.device, vectors.dtype)
        return np.sqrt(np.pi / 2) * (directions * vectors).sum(1)


@dataclass(frozen=True)
class HeadImportance(Statistic):
    """I_h in units of the loss, Tally (block, layer, head), layer index 0 being the first; one backward pass a batch.

    With MaskedLoss it must be measured under MaskWords. Raises NotApplicable where there are no heads.
    """

    gradients: ClassVar[bool] = True
    loss: Loss

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((head(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        check(encoder, head())
        if not any(p.requires_grad for p in encoder.base.parameters()):
            raise BadRequest(
                f"all weights of {encoder.name} are frozen.", "Give an encoder whose parameters require gradients."
            )
        blocks = encoded.corpus.n_blocks
        return {"importance": np.zeros((blocks, encoder.n_layers, encoder.n_heads)), "sentences": np.zeros(blocks)}

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        if isinstance(self.loss, MaskedLoss) and not _has_targets(batch):
            raise BadRequest("MaskedLoss found no masked word.", "Measure it under MaskWords(rate, seed).")
        heads = [seen.head(layer) for layer in range(1, encoder.n_layers + 1)]
        # asked of the heads only, so that no parameter collects a gradient; the graph may serve other statistics
        slopes = torch.autograd.grad(self.loss(batch, seen, encoder).sum(), heads, retain_graph=True)
        width = batch.mask.shape[1]
        for layer, (value, slope) in enumerate(zip(heads, slopes, strict=True)):
            product = torch.einsum("bthd,bthd,bt->bh", value[:, :width], slope[:, :width], batch.mask.to(value.dtype))
            add_rows(state["importance"][:, layer], batch.blocks, product.detach().abs().double().cpu().numpy())
        add_rows(state["sentences"], batch.blocks, np.ones(len(batch.lines)))

    def finish(self, state: Arrays) -> Tally:
        return Tally(state["importance"], state["sentences"])


def head_importance(
    encoder: Encoder,
    corpus: Corpus,
    loss: Loss | None = None,
    *,
    under: Intervention | None = None,
    token_budget: int = 4096,
) -> Tally:
    """I_h of every head, Tally (block, layer, head), outside a planner.

    Without a loss: MaskedLoss under MaskWords(0.15, seed 0) where there is an MLM head, else SentenceDirection.
    """
    if loss is None:
        loss = MaskedLoss() if encoder.has_mlm else SentenceDirection()
    if isinstance(loss, MaskedLoss) and under is None:
        under = MaskWords()
    statistic = HeadImportance(loss)
    state = statistic.start(encoder, encoder.encode(corpus), lambda name, shape, dtype: np.zeros(shape, dtype))
    seen = observing(encoder, corpus, (statistic,), under=under, gradients=True, token_budget=token_budget)
    for batch, shown in seen:
        with torch.enable_grad():
            statistic.update(state, batch, shown, encoder)
    return statistic.finish(state)


def per_layer(importance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Importances (..., layer, head) divided by their ℓ2 norm within each layer, as Michel et al. compare heads across
    layers; a layer of zeros stays zero. Works on `Tally.rate()` and inside `bootstrap`."""
    norm = np.sqrt((importance**2).sum(-1, keepdims=True))
    return np.divide(importance, norm, out=np.zeros_like(importance), where=norm > 0)


def _has_targets(batch: Batch) -> bool:
    ids = batch.ids.cpu().numpy()
    return any(bool((ids[row, : len(line.ids)] != line.ids).any()) for row, line in enumerate(batch.lines))
