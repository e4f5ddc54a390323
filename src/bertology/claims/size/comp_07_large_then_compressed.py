"""At equal final size a large model compressed heavily beats a small one compressed lightly (Li et al. 2020)."""

from typing import Any

import numpy as np
from torch import nn

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.claims.training.scale import scale_note, shaped, trained
from bertology.claims.training.tuned import TUNING
from bertology.compress.compared import Compressing, Rounded, Zeroed
from bertology.compress.pruning.sparse import MagnitudePruning
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.encoder.watch import layer_modules
from bertology.observe import Asking, make
from bertology.record.claim import above
from bertology.record.result import Finding, Row
from bertology.stats import repeats

LAYERS = (2, 6)
NAMES = ("parts of speech", "tense")
LIGHT = 8
"""Bits of the small model."""


@claim(
    id="comp-07",
    section="6.2",
    says="At equal final size, a large model compressed heavily beats a small one compressed lightly.",
    cites=("li-2020",),
    method="""Encoders of two and of six layers at one width, pre-trained on the same text and tokens, tuned on two tasks and compressed to one size: by fewer bits while
    tuning (the small one 8, the large one as few as its size allows), and by zeros (the small one none, the large one as many as leave the small
    one's weights). Mean of both ways and tasks, over seeds of pre-training. Holds if the large one is better. Control: the large one compressed must
    beat its random twin compressed alike. The study gives both the same time of training; here it is the same tokens.""",
    expects={
        "large, heavily − small, lightly": above(0.0),
        "large − its random twin, compressed alike": above(0.0),
    },
    needs=("training", "raw", "treebank"),
)
def large_then_compressed(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    small_runs, large_runs = yield from trained([shaped(layers=n) for n in LAYERS], corpora, seed)
    small, large = ([run.encoder for run in runs] for runs in (small_runs, large_runs))
    bits, sparsity = equal_size(sizes(small[0]), sizes(large[0]))
    heavy = (Rounded(bits, aware=True), Zeroed(MagnitudePruning(sparsity)))
    arms = {
        "small": (small, (Rounded(LIGHT, aware=True), Zeroed(MagnitudePruning(0.0)))),
        "large": (large, heavy),
        "random twin of the large": ([one.randomised(seed) for one in large], heavy),
    }
    over = [fine_tuned.small(corpora, name) for name in NAMES]
    made = yield from make(
        *(
            Compressing(one, task, TUNING, way, (seed * 100 + k,))
            for encoders, ways in arms.values()
            for way in ways
            for task in over
            for k, one in enumerate(encoders)
        )
    )
    table = np.reshape([one.scores[0] for one in made], (len(arms), 2, len(over), len(small)))
    mean = table.mean((1, 2))
    values = {
        "large, heavily − small, lightly": repeats.difference(mean[1], mean[0], unit="score"),
        "large − its random twin, compressed alike": repeats.difference(mean[1], mean[2], unit="score"),
        "large − small by bits": repeats.difference(table[1, 0].mean(0), table[0, 0].mean(0), unit="score"),
        "large − small by zeros": repeats.difference(table[1, 1].mean(0), table[0, 1].mean(0), unit="score"),
    }
    whole = np.reshape([one.whole[0] for one in made], table.shape)
    lines = [
        Row("score", float(of[i, j, t, k]), n=1, label=f"{arm}, {way}, {name}, seed {k}{said}")
        for said, of in (("", table), (", before compression", whole))
        for i, arm in enumerate(arms)
        for j, way in enumerate(("bits", "zeros"))
        for t, name in enumerate(NAMES)
        for k in range(len(small))
    ]
    note = f"{LAYERS[0]} layers at {LIGHT} bits against {LAYERS[1]} at {bits}; {100 * sparsity:.0f} % zeros. {scale_note(corpora.raw)}"
    return Finding(values, rows=lines, note=note)


def sizes(encoder: Any) -> tuple[int, int]:
    """Weights of the trunk, and of the matrices of its layers."""
    inside = [m for layer in layer_modules(encoder.base, encoder.family) for m in layer.modules()]
    matrices = sum(m.weight.numel() for m in inside if isinstance(m, nn.Linear))
    return sum(p.numel() for p in encoder.base.parameters()), matrices


def equal_size(small: tuple[int, int], large: tuple[int, int]) -> tuple[int, float]:
    """Bits and share of zeros that bring the large trunk to the size of the small one at LIGHT bits, or below; and to its number of weights."""
    return max(1, int(LIGHT * small[0] / large[0])), (large[0] - small[0]) / large[1]
