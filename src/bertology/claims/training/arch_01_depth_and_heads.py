"""The number of layers matters more than the number of heads (K et al. 2020)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training.scale import SEEDS, held_out, scale_note, shaped, trained
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above
from bertology.record.result import Finding, Row
from bertology.stats import repeats

LAYERS = (1, 2, 4)
HEADS = (1, 2, 8)


@claim(
    id="arch-01",
    section="5.1",
    says="The number of heads matters less than the number of layers.",
    cites=("k-2019",),
    method="""Encoders of 1, 2, 4 layers by 1, 2, 8 heads at one width, trained on the same text and tokens. Shares of the
    variance of held-out masked loss that layers and heads explain (two-way layout, the noise of seeds taken off); seeds
    are resampled. Holds if layers explain more than heads; the loss must also vary beyond the spread of seeds. The study
    measures cross-lingual transfer of bilingual encoders, with parameters kept equal by the width.""",
    expects={
        "share explained by layers − share explained by heads": above(0.0),
        "spread of cells over spread of seeds": above(1.0),
    },
    needs=("training", "raw"),
)
def depth_matters_more_than_heads(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    cells = [(depth, heads) for depth in LAYERS for heads in HEADS]
    runs = yield from trained([shaped(layers=d, heads=h) for d, h in cells], corpora, seed)
    table = np.array([held_out(r) for r in runs]).reshape(len(LAYERS), len(HEADS), len(SEEDS))
    layers, heads = repeats.shares(table, seed=seed)
    values = {
        "share explained by layers − share explained by heads": repeats.share_difference(table, seed=seed),
        "spread of cells over spread of seeds": repeats.signal(table),
        "share explained by layers": layers,
        "share explained by heads": heads,
    }
    rows = [
        Row("held-out masked loss", float(table[i, j, k]), n=1, label=f"{d} layers, {h} heads, seed {k}")
        for i, d in enumerate(LAYERS) for j, h in enumerate(HEADS) for k in range(len(SEEDS))
    ]  # fmt: skip
    return Finding(values, rows=rows, note=scale_note(corpora.raw))
