"""Larger batches improve the language model at equal passes over the data (Liu et al. 2019)."""

from dataclasses import replace

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training.scale import TINY, held_out, scale_note, trained
from bertology.claims.training.sweep import with_best_rates
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above
from bertology.record.result import Finding, Row
from bertology.stats import repeats

BATCHES = (512, 2048, 8192)
RATES = ((1.4e-3, 2.8e-3, 5.6e-3), (2.8e-3, 5.6e-3, 11e-3), (5.6e-3, 11e-3, 22e-3))
"""For each batch: around a rate that grows with the root of the batch."""


@claim(
    id="reg-01",
    section="5.2",
    says="Larger batches improve the language model and the tasks at equal passes over the data.",
    cites=("liu-2019b",),
    method="""Updates of 512, 2,048 and 8,192 tokens at equal tokens. For each the best of three learning rates is chosen on one seed and
    the held-out masked loss estimated on others. Holds if both larger batches beat the smallest. The tasks of the survey's sentence
    are not measured: the study's gain there is within 0.6 points.""",
    published=(
        Published(
            3.99, "perplexity, batch of 256", "RoBERTa recipe, base size", "books and Wikipedia", "liu-2019b", "memory"
        ),
        Published(
            3.68,
            "perplexity, batch of 2,000",
            "RoBERTa recipe, base size",
            "books and Wikipedia",
            "liu-2019b",
            "memory",
        ),
        Published(
            3.77,
            "perplexity, batch of 8,000",
            "RoBERTa recipe, base size",
            "books and Wikipedia",
            "liu-2019b",
            "memory",
        ),
        Published(84.7, "MNLI accuracy, batch of 256, %", "RoBERTa recipe, base size", "MNLI", "liu-2019b", "memory"),
        Published(85.2, "MNLI accuracy, batch of 2,000, %", "RoBERTa recipe, base size", "MNLI", "liu-2019b", "memory"),
        Published(84.6, "MNLI accuracy, batch of 8,000, %", "RoBERTa recipe, base size", "MNLI", "liu-2019b", "memory"),
    ),
    expects={"gain of 4 times the batch": above(0.0), "gain of 16 times the batch": above(0.0)},
    needs=("training", "raw"),
)
def larger_batches_are_better(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    chosen = yield from with_best_rates([replace(TINY, tokens_per_step=b) for b in BATCHES], list(RATES), corpora, seed)
    runs = yield from trained([recipe for recipe, _ in chosen], corpora, seed)
    loss = np.array([held_out(of_one) for of_one in runs])
    values = {
        f"gain of {b // BATCHES[0]} times the batch": repeats.difference(loss[0], loss[k], unit="nats")
        for k, b in enumerate(BATCHES) if k
    }  # fmt: skip
    values |= {
        f"held-out loss, updates of {b:,} tokens": repeats.mean(x, unit="nats")
        for b, x in zip(BATCHES, loss, strict=True)
    }
    rows = [
        Row("held-out masked loss", float(x), n=1, label=f"updates of {b:,} tokens, rate {recipe.optimizer.rate:g}, seed {k}")  # type: ignore[attr-defined]
        for b, (recipe, _), found in zip(BATCHES, chosen, loss, strict=True) for k, x in enumerate(found)
    ]  # fmt: skip
    edges = [f"{b:,}" for b, (_, edge) in zip(BATCHES, chosen, strict=True) if edge]
    note = scale_note(corpora.raw)
    if edges:
        note += f" The best rate lies at the edge of those tried for updates of {', '.join(edges)} tokens."
    return Finding(values, rows=rows, note=note)
