"""More attention below and more feed-forward above beats alternating them (Press et al. 2020)."""

from dataclasses import replace

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training import scale
from bertology.claims.training.likelihood import frequency_likelihood, log_likelihood
from bertology.claims.training.scale import TINY, held_out, scale_note, trained
from bertology.claims.training.sweep import CHOOSING_SEED
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.train.artefacts import Training
from bertology.train.optimizer import AdamW
from bertology.train.recipe import Recipe

LAYERS = 4
COEFFICIENTS = (1, 2, 3)
LEAST = 0.25
"""Nats a word over word frequencies."""


@claim(
    id="arch-05",
    section="5.1",
    says="Attention and feed-forward sublayers need not alternate: more attention below and more feed-forward above is better.",
    cites=("press-2020",),
    method="""BERT's block with four layers, the first k sublayers all attention and the last k all feed-forward; parameters, and their first
    values, are the same for every k. The best k of 1 to 3 is chosen on one seed; its held-out masked loss on others is compared
    with that of the interleaved order. Holds if it is lower. Where the interleaved order does not gain a
    quarter of a nat a word over word frequencies, sublayers have had no part in the result and the claim does not apply. The study is of a left-to-right language model.""",
    expects={
        "gain of the best sandwich": above(0.0),
        "gain of the interleaved order over word frequencies": above(0.25),
    },
    needs=("training", "raw"),
)
def sandwich_is_better(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    tried = yield from make(
        *(Training(sandwich(k), corpora.raw, scale.TOKENS, seed * 100 + CHOOSING_SEED) for k in COEFFICIENTS)
    )
    k = COEFFICIENTS[int(np.argmin(held_out(list(tried))))]
    interleaved, best = yield from trained([sandwich(0), sandwich(k)], corpora, seed)
    losses = {"interleaved": held_out(interleaved), f"sandwich of {k}": held_out(best)}
    over = [log_likelihood(run) - frequency_likelihood(run) for run in interleaved]
    if np.mean(over) <= LEAST:
        raise NotApplicable(
            f"{LAYERS} interleaved layers gain {np.mean(over):.2f} nats a word over word frequencies in {scale.TOKENS:,} tokens, {LEAST} are due"
        )
    values = {
        "gain of the best sandwich": repeats.difference(*losses.values(), unit="nats"),
        "gain of the interleaved order over word frequencies": repeats.mean(over, unit="nats per word"),
    }
    values |= {f"held-out loss, {name}": repeats.mean(x, unit="nats") for name, x in losses.items()}
    rows = [
        Row("held-out masked loss", float(x), n=1, label=f"{name}, seed {i}")
        for name, found in losses.items() for i, x in enumerate(found)
    ] + [
        Row("held-out masked loss", float(x), n=1, label=f"sandwich of {c}, the seed that chooses")
        for c, x in zip(COEFFICIENTS, held_out(list(tried)), strict=True)
    ]  # fmt: skip
    return Finding(values, rows=rows, note=scale_note(corpora.raw))


def sandwich(k: int) -> Recipe:
    """TINY in BERT's block, with coefficient k."""
    shape = replace(TINY.architecture, family="sandwich_bert", layers=LAYERS, options=(("sandwich", k),))
    return replace(TINY, architecture=shape, optimizer=AdamW(1e-3, betas=(0.9, 0.98)))
