"""How alike heads attend: Jensen-Shannon divergence between their distributions (Clark et al. 2019, section 6)."""

from dataclasses import dataclass
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
from bertology.observe.seeded import draws
from bertology.observe.statistic import Arrays, Scratch, Statistic, add_rows
from bertology.stats.tally import Tally


class Divergences(NamedTuple):
    """`heads`: (layer · head, layer · head), mean divergence in nats, 0 to log 2, the diagonal 0; `layers`: Tally
    (block, layer, layer), mean over the pairs of heads of two layers, nan on the diagonal when a layer has one head."""

    heads: NDArray[np.float64]
    layers: Tally


@dataclass(frozen=True)
class HeadDivergence(Statistic):
    """Divergence between all pairs of heads at one subword a sentence, in up to `limit` sentences; both by seeded
    draws.

    All pairs see the same queries. JS(p, q) = H((p + q) / 2) - H(p) / 2 - H(q) / 2. One query a sentence keeps the
    cost, quadratic in the number of heads, below that of the pass.
    """

    limit: int = 600
    seed: int = 0

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((attention(),))

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        index = np.array([line.index for line in encoded.lines])
        order = np.argsort(draws(self.seed, index, 0), kind="stable")[: self.limit]
        wanted = np.zeros(len(encoded.corpus), dtype=bool)
        wanted[index[order]] = True
        n, blocks, layers = encoder.n_layers * encoder.n_heads, encoded.corpus.n_blocks, encoder.n_layers
        return {
            "wanted": wanted,
            "heads": np.zeros((n, n)),
            "layers": np.zeros((blocks, layers, layers)),
            "queries": np.zeros(blocks),
        }

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        rows = np.flatnonzero(state["wanted"][batch.indices])
        if not len(rows):
            return
        asked = []
        for row in rows:
            words = np.flatnonzero(~batch.lines[row].special)
            asked.append(words[int(draws(self.seed, batch.indices[row], 1) * len(words))])
        r, q = (torch.from_numpy(np.array(x)).to(batch.ids.device) for x in (rows, asked))
        found = torch.stack([seen.attention(layer)[r, :, q] for layer in range(1, encoder.n_layers + 1)], 1)
        shape = (encoder.n_layers, encoder.n_heads, encoder.n_layers, encoder.n_heads)
        pairs = encoder.n_heads**2 - np.eye(encoder.n_layers) * encoder.n_heads  # ordered pairs of heads, by layers
        for k, row in enumerate(rows):
            matrix = (
                _divergences(found[k, :, :, : int(batch.lengths[row])].flatten(0, 1).float()).double().cpu().numpy()
            )
            state["heads"] += matrix
            with np.errstate(invalid="ignore"):
                state["layers"][batch.blocks[row]] += matrix.reshape(shape).sum((1, 3)) / pairs
        add_rows(state["queries"], batch.blocks[rows], np.ones(len(rows)))

    def merge(self, a: Arrays, b: Arrays) -> Arrays:
        return {name: a[name] if name == "wanted" else a[name] + b[name] for name in a}

    def finish(self, state: Arrays) -> Divergences:
        n = max(state["queries"].sum(), 1)
        return Divergences(state["heads"] / n, Tally(state["layers"], state["queries"]))


def _divergences(rows: Tensor) -> Tensor:
    """JS divergence between all rows, (distribution, key) -> (distribution, distribution), symmetric."""
    one, other = torch.triu_indices(len(rows), len(rows), 1, device=rows.device)
    entropy = torch.special.entr(rows).sum(1)
    mixed = torch.special.entr((rows[one] + rows[other]) / 2).sum(1)
    matrix = rows.new_zeros(len(rows), len(rows))
    matrix[one, other] = (mixed - (entropy[one] + entropy[other]) / 2).clamp(min=0)
    return matrix + matrix.T
