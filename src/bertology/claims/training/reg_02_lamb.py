"""Layer-wise scaled steps make very large batches work (You et al. 2020)."""

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
from bertology.train.optimizer import Lamb

BATCH = 16_384
LARGE = replace(TINY, tokens_per_step=BATCH)
SCALED = replace(LARGE, optimizer=Lamb(betas=(0.9, 0.98)))
RATES = [(4e-3, 8e-3, 16e-3), (1e-2, 3e-2, 1e-1)]
"""For AdamW and for LAMB, whose rates are shares of a tensor's norm."""


@claim(
    id="reg-02",
    section="5.2",
    says="Batches of tens of thousands cut training time without loss, given layer-wise scaled steps.",
    cites=("you-2019",),
    method="""Updates of 16,384 tokens with AdamW and with LAMB, equal tokens, each at the best of three learning rates, chosen on one
    seed; held-out masked loss on others. And AdamW with updates of 1,024 tokens, sixteen times as many. Without loss: LAMB at the large
    batch is at most 1 % above the small batch. Given scaled steps: it is not worse than AdamW at the same batch, so it has that
    loss after no more tokens. Time itself depends on the machine and is not compared.""",
    published=(
        Published(76.0, "minutes of pre-training", "BERT-large", "TPUv3 pod", "you-2019", "memory"),
        Published(3.0, "days of pre-training before", "BERT-large", "TPU", "you-2019", "memory"),
    ),
    expects={"gain over AdamW at the large batch": above(0.0), "gain over the small batch": above(-1.0)},
    needs=("training", "raw"),
)
def scaled_steps_allow_large_batches(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    chosen = yield from with_best_rates([LARGE, SCALED], RATES, corpora, seed)
    runs = yield from trained([TINY, *(recipe for recipe, _ in chosen)], corpora, seed)
    small, large, scaled = np.array([held_out(of_one) for of_one in runs])
    values = {
        "gain over AdamW at the large batch": repeats.difference(large, scaled, unit="nats"),
        "gain over the small batch": repeats.mean(100 * (small - scaled) / small, unit="% of the loss"),
        "held-out loss, AdamW, small batch": repeats.mean(small, unit="nats"),
        "held-out loss, AdamW, large batch": repeats.mean(large, unit="nats"),
        "held-out loss, LAMB, large batch": repeats.mean(scaled, unit="nats"),
    }
    rows = [
        Row("held-out masked loss", float(x), n=1, label=f"{name}, seed {k}")
        for name, found in (("AdamW, small batch", small), ("AdamW, large batch", large), ("LAMB, large batch", scaled))
        for k, x in enumerate(found)
    ]  # fmt: skip
    rates = ", ".join(f"{name} {r.optimizer.rate:g}" for name, (r, _) in zip(("AdamW", "LAMB"), chosen, strict=True))  # type: ignore[attr-defined]
    edge = " One of them lies at the edge of those tried." if any(e for _, e in chosen) else ""
    return Finding(values, rows=rows, note=f"{scale_note(corpora.raw)} Rates chosen: {rates}.{edge}")
