"""Types of attention maps by rule: vertical, diagonal, both, block, heterogeneous (Kovaleva et al. 2019)."""

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site, attention
from bertology.encoder.watch import Observation
from bertology.observe.statistic import Arrays, Scratch, Statistic, add_rows
from bertology.stats.tally import Tally

TYPES = ("vertical", "diagonal", "vertical + diagonal", "block", "heterogeneous")
STRUCTURED, MIXED, BLOCKY = 0.4, 0.25, 0.5
"""Least excess on specials and neighbours together; the smaller part's least share of it; least excess within a
segment."""
MARGIN = 0.05


class Patterns(NamedTuple):
    """Tallies over maps (a sentence pair's map of one head), layer index 0 being the first layer.

    `types`: (block, layer, head, type), share of maps of each of TYPES; `firm`: (block, layer, head), share of maps
    whose type stays the same when every feature moves by MARGIN; `mass`: (block, layer, head, 4), mean attention of
    the words' subwords on special tokens, neighbours (|i - j| <= 1, words only), the previous and the next token.
    """

    types: Tally
    firm: Tally
    mass: Tally


@dataclass(frozen=True)
class MapPatterns(Statistic):
    """The type of every attention map, by rule, for sentence pairs (layer "segment"); queries are the words'
    subwords.

    With v and d the attention on special tokens and on neighbours, each less what uniform attention gives, and e
    that expectation: structure = (V + D - e) / (1 - e), mixture = d / (v + d). A map with structure >= STRUCTURED is
    vertical (mixture < MIXED), diagonal (mixture > 1 - MIXED) or both. Else it is a block when the share of the
    remaining attention that stays within the segment exceeds its expectation by BLOCKY of the possible excess, and
    heterogeneous when it does not. Sentences without a second segment are left out.
    """

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((attention(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        cells = (encoded.corpus.n_blocks, encoder.n_layers, encoder.n_heads)
        return {
            "types": np.zeros((*cells, len(TYPES))),
            "firm": np.zeros(cells),
            "mass": np.zeros((*cells, 4)),
            "maps": np.zeros(cells[0]),
        }

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        segment = _segments(batch)
        paired = ((segment == 0).any(1) & (segment == 1).any(1)).nonzero()[:, 0]
        if not len(paired):
            return
        masks = _masks(batch, segment)[paired]  # (pair, query key, 6)
        expected = masks.sum(1)  # (pair, 6), in cells of the map
        real = batch.lengths[paired].double()
        words = (segment[paired] >= 0).sum(1).double()
        blocks = batch.blocks[paired.cpu().numpy()]
        for layer in range(1, encoder.n_layers + 1):
            maps = seen.attention(layer)[paired].flatten(2).float()
            found = torch.bmm(maps, masks).double()  # (pair, head, 6)
            mass = found / words[:, None, None]
            uniform = (expected.double() / (words * real)[:, None])[:, None]
            kinds, firm = _typed(*_features(mass, uniform))
            add_rows(state["types"][:, layer - 1], blocks, np.eye(len(TYPES))[kinds])
            add_rows(state["firm"][:, layer - 1], blocks, firm)
            add_rows(state["mass"][:, layer - 1], blocks, mass[..., [0, 1, 4, 5]].cpu().numpy())
        add_rows(state["maps"], blocks, np.ones(len(blocks)))

    def finish(self, state: Arrays) -> Patterns:
        return Patterns(*(Tally(state[name], state["maps"]) for name in ("types", "firm", "mass")))


def _segments(batch: Batch) -> Tensor:
    """Segment of each subword of a word, (batch, token); -1 for special tokens, padding and unannotated sentences."""
    found = np.full(tuple(batch.ids.shape), -1, dtype=np.int64)
    for row, (line, sentence) in enumerate(zip(batch.lines, batch.sentences, strict=True)):
        for pieces, segment in zip(line.pieces, sentence.layers.get("segment", ()), strict=False):
            found[row, list(pieces)] = segment
    return torch.from_numpy(found).to(batch.ids.device)


def _masks(batch: Batch, segment: Tensor) -> Tensor:
    """Cells of a map, (batch, query · key, 6): special keys; neighbours; far keys of the same segment; far keys;
    previous; next."""
    word = segment >= 0
    place = torch.arange(segment.shape[1], device=segment.device)
    distance = place[None, :] - place[:, None]  # (query, key)
    asks, real = word[:, :, None], batch.mask[:, None, :]
    pair = asks & word[:, None, :]
    far = pair & (distance.abs() > 1)
    same = far & (segment[:, :, None] == segment[:, None, :])
    cells = (
        asks & (batch.special & batch.mask)[:, None, :], pair & (distance.abs() <= 1), same, far,
        asks & real & (distance == -1), asks & real & (distance == 1),
    )  # fmt: skip
    return torch.stack(cells, -1).flatten(1, 2).float()


def _features(mass: Tensor, uniform: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(structure, mixture, blockiness), each (pair, head); see MapPatterns."""
    v, d = ((mass[..., k] - uniform[..., k]) for k in (0, 1))
    together = uniform[..., 0] + uniform[..., 1]
    structure = (v + d) / (1 - together)
    excess = d.clamp(min=0) / (v.clamp(min=0) + d.clamp(min=0)).clamp(min=1e-12)
    within = uniform[..., 2] / uniform[..., 3].clamp(min=1e-12)
    stays = mass[..., 2] / mass[..., 3].clamp(min=1e-12)
    blocky = (stays - within) / (1 - within).clamp(min=1e-12)
    return structure.cpu().numpy(), excess.cpu().numpy(), blocky.cpu().numpy()


def _typed(
    structure: NDArray[np.float64], mixture: NDArray[np.float64], blocky: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Index into TYPES, and whether it stays under every shift of the features by MARGIN."""
    kinds = _type(structure, mixture, blocky)
    firm = np.ones(kinds.shape, dtype=bool)
    for a, b, c in product((-MARGIN, MARGIN), repeat=3):
        firm &= _type(structure + a, mixture + b, blocky + c) == kinds
    return kinds, firm


def _type(
    structure: NDArray[np.float64], mixture: NDArray[np.float64], blocky: NDArray[np.float64]
) -> NDArray[np.int64]:
    striped = np.where(mixture < MIXED, 0, np.where(mixture > 1 - MIXED, 1, 2))
    return np.where(structure >= STRUCTURED, striped, np.where(blocky >= BLOCKY, 3, 4))
