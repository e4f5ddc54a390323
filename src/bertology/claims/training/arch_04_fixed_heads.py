"""Most heads can be replaced by fixed patterns without loss (Raganato et al. 2020)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training.scale import held_out, scale_note, shaped, trained
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above, below
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.train.variants import FixedHeads

HEADS = 4
PATTERNS: dict[str, tuple[str, ...]] = {
    "one head fixed": ("previous",),
    "half of the heads fixed": ("previous", "next"),
    "all but one head fixed": ("previous", "next", "current"),
    "all heads on their own word": ("current",) * HEADS,
}


@claim(
    id="arch-04",
    section="5.1",
    says="Most heads can be replaced by fixed patterns without loss.",
    cites=("raganato-2020",),
    method="""Encoders of four heads a layer trained on the same text and tokens: all learned; one, two and three fixed to the previous, next
    and own subword. Held-out masked loss in percent of that of the learned ones, paired by seed. Holds if half of the heads cost less
    than 1 %. The control fixes every head to its own subword: where no context costs no more than that, heads do not matter here. The
    study is of machine translation.""",
    expects={
        "loss added by half of the heads fixed": below(1.0),
        "loss added by all heads on their own word": above(1.0),
    },
    needs=("training", "raw"),
)
def fixed_patterns_suffice(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    recipes = [shaped(heads=HEADS), *(shaped(heads=HEADS, variant=FixedHeads(p)) for p in PATTERNS.values())]
    runs = yield from trained(recipes, corpora, seed)
    learned, *fixed = (held_out(of_one) for of_one in runs)
    values = {
        f"loss added by {name}": repeats.mean(100 * (x - learned) / learned, unit="% of the loss")
        for name, x in zip(PATTERNS, fixed, strict=True)
    }
    values["held-out loss, learned"] = repeats.mean(learned, unit="nats")
    rows = [
        Row("held-out masked loss", float(x), n=1, label=f"{name}, seed {k}")
        for name, found in zip(("learned", *PATTERNS), np.array([learned, *fixed]), strict=True) for k, x in enumerate(found)
    ]  # fmt: skip
    return Finding(values, rows=rows, note=scale_note(corpora.raw))
