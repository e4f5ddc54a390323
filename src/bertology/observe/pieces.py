"""Attention between the subwords of a word, against subwords side by side in different words (Correia et al. 2019)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, attention
from bertology.encoder.watch import Observation
from bertology.observe.statistic import Arrays, Scratch, Statistic, add_rows
from bertology.stats.tally import Tally

PAIRS = ("same word", "out of the word", "into the word")
STEPS = ("next", "previous")


class Pieces(NamedTuple):
    """`mass`: Tally (block, layer, head, step, pair), mean attention of a subword on the one beside it, by STEPS and
    PAIRS."""

    mass: Tally


@dataclass(frozen=True)
class PieceAttention(Statistic):
    """Attention from subword to the next or previous one: both in one word; from a word of several subwords to
    another word; from another word to a word of several subwords. Distance is 1 in all three, so that a positional
    head shows no difference."""

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((attention(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        cells = (len(STEPS), len(PAIRS))
        blocks = encoded.corpus.n_blocks
        return {
            "mass": np.zeros((blocks, encoder.n_layers, encoder.n_heads, *cells)),
            "count": np.zeros((blocks, 1, 1, *cells)),
        }

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        word, several = np.full(tuple(batch.ids.shape), -1), np.zeros(tuple(batch.ids.shape), dtype=bool)
        for row, line in enumerate(batch.lines):
            for w, pieces in enumerate(line.pieces):
                word[row, list(pieces)], several[row, list(pieces)] = w, len(pieces) > 1
        ends = (slice(None, -1), slice(1, None))  # left and right neighbour
        blocks = batch.blocks
        masks = []
        for here, there in (ends, ends[::-1]):
            real = (word[:, here] >= 0) & (word[:, there] >= 0)
            same = real & (word[:, here] == word[:, there])
            masks.append([same, real & ~same & several[:, here], real & ~same & several[:, there]])
        wanted = np.array(masks, dtype=np.float32)  # (step, pair, batch, token)
        if not wanted[:, 0].any():
            return
        on = torch.from_numpy(wanted).to(batch.ids.device)
        for layer in range(1, encoder.n_layers + 1):
            maps = seen.attention(layer)
            beside = torch.stack(
                [maps.diagonal(1, -2, -1), maps.diagonal(-1, -2, -1)]
            ).float()  # (step, batch, head, token)
            mass = torch.einsum("sbht,spbt->bhsp", beside, on)
            add_rows(state["mass"][:, layer - 1], blocks, mass.double().cpu().numpy())
        add_rows(state["count"][:, 0, 0], blocks, wanted.sum(-1).transpose(2, 0, 1))

    def finish(self, state: Arrays) -> Pieces:
        return Pieces(Tally(state["mass"], state["count"]))
