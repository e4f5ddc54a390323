"""How far explanations agree with leaving a word out (Jain & Wallace 2019; Abnar & Zuidema 2020).

What is explained is the sentence vector. Attention of each layer, attention rollout and gradient × input each rank the
words of a sentence; so does the shift of the vector when a word is masked. Kendall's τ between the two
rankings, a sentence at a time.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import kendalltau
from torch import Tensor

from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import attention, hidden
from bertology.encoder.watch import Observation
from bertology.observe.rollout import received, rollout
from bertology.observe.statistic import Arrays, Derived
from bertology.record.errors import NotApplicable
from bertology.stats.tally import Tally

SHORTEST = 4
"""Sentences of fewer words have too few pairs for a rank correlation."""


@dataclass(frozen=True)
class Explanations(Derived):
    """Tally (block, method) of Kendall's τ with leaving a word out; methods: attention of layer 1 to L, rollout,
    gradient × input.

    The sentence vector s is the mean over real tokens at length 1, so attention counts over all real queries. A word
    is left out by the mask token; its effect is ‖s − s'‖. Gradient × input is ‖Σ ∂s/∂e · e‖ over the word's subword
    embeddings e (layer 0), estimated with `directions` random directions of s. A sentence weighs 1; those of fewer
    than 4 words are left out.
    """

    directions: int = 8
    seed: int = 0

    def needs(self) -> dict[str, Any]:
        return {}

    def compute(self, encoder: Encoder, encoded: Encoded, **answers: Any) -> Arrays:
        if not any(p.requires_grad for p in encoder.base.parameters()):
            raise NotApplicable(f"all weights of {encoder.name} are frozen: no gradient reaches its inputs")
        blocks = encoded.corpus.n_blocks
        total, weight = np.zeros((blocks, encoder.n_layers + 2)), np.zeros(blocks)
        for batch in encoder.batches(encoded.corpus, token_budget=1024):
            with torch.enable_grad():
                seen = encoder.observe(batch, frozenset((attention(), hidden(0))), gradients=True)
                slopes = self._gradient_times_input(batch, seen, encoder)
            with torch.no_grad():
                maps = [seen.attention(layer).detach().float() for layer in range(1, encoder.n_layers + 1)]
                flows = [*(layer.mean(1) for layer in maps), rollout(maps)]
                words = [torch.einsum("bwt,bt->bw", batch.membership, received(flow, batch.mask)) for flow in flows]
                intact = sentence_vectors(batch, seen.hidden(encoder.n_layers).detach())
            ranked = torch.stack([*words, slopes], -1).double().cpu().numpy()
            for row, line in enumerate(batch.lines):
                n = len(line.pieces)
                if n < SHORTEST:
                    continue
                truth = left_out(encoder, batch, row, intact[row])
                taus = [np.asarray(kendalltau(truth, ranked[row, :n, k]))[0] for k in range(ranked.shape[2])]
                if np.isfinite(taus).all():
                    total[batch.blocks[row]] += taus
                    weight[batch.blocks[row]] += 1
        return {"total": total, "weight": weight}

    def finish(self, state: Arrays) -> Tally:
        return Tally(state["total"], state["weight"])

    def _gradient_times_input(self, batch: Batch, seen: Observation, encoder: Encoder) -> Tensor:
        """(batch, word), at least 0."""
        given = seen.hidden(0)
        vectors = sentence_vectors(batch, seen.hidden(encoder.n_layers))
        rngs = [np.random.default_rng([self.seed, line.index]) for line in batch.lines]
        squares = torch.zeros_like(batch.word_mask, dtype=given.dtype)
        for _ in range(self.directions):
            drawn = np.stack([rng.standard_normal(vectors.shape[1]) for rng in rngs])
            loss = (torch.from_numpy(drawn).to(vectors.device, vectors.dtype) * vectors).sum()
            (slope,) = torch.autograd.grad(loss, [given], retain_graph=True)
            products = (slope * given).detach().sum(-1)[:, : batch.ids.shape[1]]
            squares += torch.einsum("bwt,bt->bw", batch.membership.to(products.dtype), products) ** 2
        return (squares / self.directions).sqrt()


def sentence_vectors(batch: Batch, output: Tensor) -> Tensor:
    """Means over real tokens at length 1, (batch, width)."""
    output = output[:, : batch.ids.shape[1]]
    return torch.nn.functional.normalize((output * batch.mask[..., None].to(output.dtype)).sum(1), dim=-1)


def left_out(encoder: Encoder, batch: Batch, row: int, intact: Tensor) -> NDArray[np.float64]:
    """‖s − s'‖ for each word of a sentence, s' with that word's subwords masked, (word,)."""
    line = batch.lines[row]
    length, n = len(line.ids), len(line.pieces)
    ids = batch.ids[row, :length].repeat(n, 1)
    for word, pieces in enumerate(line.pieces):
        ids[word, list(pieces)] = encoder.tokenizer.mask_token_id
    same = {name: getattr(batch, name)[row, :length].repeat(n, 1) for name in ("mask", "special", "types")}
    copies = replace(batch, lines=(line,) * n, ids=ids, **same)
    with torch.inference_mode():
        vectors = sentence_vectors(copies, encoder.observe(copies).hidden(encoder.n_layers))
    return (vectors - intact).norm(dim=-1).double().cpu().numpy()
