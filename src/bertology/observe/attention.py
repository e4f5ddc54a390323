"""Where attention goes: mass on classes of tokens, by weight (Clark et al. 2019) and by norm (Kobayashi et al. 2020)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, attention, value
from bertology.encoder.watch import Observation
from bertology.observe.statistic import Arrays, Scratch, Statistic, add_rows
from bertology.observe.words import token_classes
from bertology.stats.tally import Tally

CLASSES = ("cls", "sep", "punctuation", "word")


class Mass(NamedTuple):
    """`share`: Tally (block, layer, head, class) of the mean share of a query's attention on each class of CLASSES,
    layer index 0 being the first layer; `frequency`: Tally (block, class), the classes' share of tokens."""

    share: Tally
    frequency: Tally


@dataclass(frozen=True)
class AttentionMass(Statistic):
    """Share of attention on [CLS], [SEP], punctuation and words, averaged over the queries of a sentence.

    `by` "weight" counts α; "norm" counts ‖α f(x)‖ with f(x) = (x W_V + b_V) W_O of the head, as a share of the
    sum over keys (Kobayashi et al. 2020, eq. 2). `queries` "all" or "words" (special tokens do not ask).
    """

    by: str = "weight"
    queries: str = "all"

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((attention(), value())) if self.by == "norm" else frozenset((attention(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        blocks = encoded.corpus.n_blocks
        return {
            "mass": np.zeros((blocks, encoder.n_layers, encoder.n_heads, len(CLASSES))),
            "queries": np.zeros(blocks),
            "tokens": np.zeros((blocks, len(CLASSES))),
            "length": np.zeros(blocks),
        }

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        tokenizer = encoder.tokenizer
        classes = token_classes(
            batch, getattr(tokenizer, "cls_token_id", None), getattr(tokenizer, "sep_token_id", None)
        )
        onehot = (
            torch.from_numpy(np.stack([classes == k for k in range(len(CLASSES))], -1)).to(batch.ids.device).float()
        )
        asks = batch.mask & ~batch.special if self.queries == "words" else batch.mask
        counted = asks.float()
        for layer in range(1, encoder.n_layers + 1):
            weights = seen.attention(layer).float()
            if self.by == "norm":
                matrix = encoder.output_weight(layer).float()
                values = seen.value(layer).float()
                gram = torch.einsum("hwd,hwe->hde", matrix, matrix)
                norm = torch.einsum("bkhd,hde,bkhe->bhk", values, gram, values).clamp(min=0).sqrt()
                weights = weights * norm[:, :, None, :]
                weights = weights / weights.sum(-1, keepdim=True).clamp(min=1e-12)
            received = torch.einsum("bhqk,bq->bhk", weights, counted)
            mass = torch.einsum("bhk,bkc->bhc", received, onehot)
            add_rows(state["mass"][:, layer - 1], batch.blocks, mass.double().cpu().numpy())
        add_rows(state["queries"], batch.blocks, counted.sum(1).cpu().numpy())
        add_rows(state["tokens"], batch.blocks, onehot.sum(1).cpu().numpy())
        add_rows(state["length"], batch.blocks, batch.lengths.cpu().numpy())

    def finish(self, state: Arrays) -> Mass:
        return Mass(Tally(state["mass"], state["queries"]), Tally(state["tokens"], state["length"]))
