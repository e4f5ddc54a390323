"""The scale at which claims about pre-training run here: minutes on two cores. Every finding states it."""

from dataclasses import replace
from typing import Any

import numpy as np

from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.observe import Asking, make
from bertology.train.architecture import Architecture
from bertology.train.artefacts import Trained, Training
from bertology.train.layout import Blocks
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.mlm import MLM
from bertology.train.optimizer import AdamW, Schedule
from bertology.train.recipe import Recipe

TOKENS = 1_000_000
SEEDS = (0, 1, 2)

TINY = Recipe(
    "tiny", (),
    Architecture(
        family="modernbert", layers=2, heads=2, width=64, feed_forward=128, positions=96, dropout=0.0,
        options=(("local_attention", 128), ("global_attn_every_n_layers", 1)),
    ),
    objectives=(MLM(Masking(rate=0.2)),), layout=Blocks(48), optimizer=AdamW(4e-3, betas=(0.9, 0.98)), schedule=Schedule(0.1),
    tokens_per_step=1024, vocabulary=1200,
)  # fmt: skip
"""2 layers of width 64 in a pre-norm block with rotary positions: small post-norm models do not leave the unigram plateau in a million tokens."""


def shaped(**sizes: Any) -> Recipe:
    """TINY with other sizes of the architecture."""
    return replace(TINY, architecture=replace(TINY.architecture, **sizes))


def trained(
    recipes: list[Recipe], corpora: Corpora, seed: int, *, tokens: int | None = None
) -> Asking[list[list[Trained]]]:
    """Each recipe from each of SEEDS (moved by the run's seed), over the corpus `raw`: (recipe, seed)."""
    asked = [Training(r, corpora.raw, tokens or TOKENS, seed * 100 + s) for r in recipes for s in SEEDS]
    made = yield from make(*asked)
    n = len(SEEDS)
    return [list(made[k * n : (k + 1) * n]) for k in range(len(recipes))]


def held_out(runs: list[Trained], part: str = "mlm") -> np.ndarray:
    """The last held-out loss of each run, in nats per prediction."""
    return np.array([[line[f"valid {part}"] for line in run.log if f"valid {part}" in line][-1] for run in runs])


def scale_note(corpus: Corpus, tokens: int | None = None) -> str:
    """What the finding was measured at."""
    return (
        f"Scale: {tokens or TOKENS:,} tokens of {corpus.name} ({sum(map(len, corpus)):,} words), 2 layers of width 64 unless varied, "
        f"{len(SEEDS)} seeds; published scales are thousands of times larger."
    )
