"""Attention dropout makes heads redundant (Clark et al. 2019)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.size.prune_06_joint import HALVES, HeadsSilenced
from bertology.claims.training.scale import TINY, held_out, scale_note, shaped, trained
from bertology.compress.artefacts import Reading, in_random_order
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.observe.divergence import HeadDivergence
from bertology.record.claim import above
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.train.architecture import Architecture
from bertology.train.recipe import Recipe

RATES = (0.0, 0.1, 0.3)
HEADS = 8
SENTENCES = 200


@claim(
    id="over-09",
    section="6.1",
    says="Attention dropout makes heads redundant.",
    cites=("clark-2019",),
    method="""Encoders of 2 layers of 8 heads trained on the same text with dropout of 0, .1 and .3 on the attention weights and nowhere else. Redundancy
    in two ways: heads of a layer attend alike (mean Jensen-Shannon divergence of their pairs, over-03), and half of the heads, drawn at
    random, can be silenced cheaply (rise of the loss on masked words, mean of six halves). Holds if from no dropout to .3 both the divergence and
    the rise fall, over seeds, and without dropout the rise is above zero, so that heads are used at all.""",
    expects={
        "divergence within layers, no dropout − .3": above(0.0),
        "rise of the loss without half of the heads, no dropout − .3": above(0.0),
        "rise of the loss without half of the heads, no dropout": above(0.0),
    },
    needs=("training", "raw", "text"),
)
def dropout_makes_heads_redundant(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    runs = yield from trained([with_dropout(rate) for rate in RATES], corpora, seed)
    layers = TINY.architecture.layers
    halves = tuple(tuple(sorted(in_random_order(layers, HEADS, 100 * seed + k)[: layers * HEADS // 2])) for k in range(HALVES))  # fmt: skip
    encoders = [run.encoder for of_one in runs for run in of_one]
    alike = yield from make(*(Reading(e, HeadDivergence(), corpora.text) for e in encoders))
    losses = yield from make(*(Reading(e, HeadsSilenced(halves, seed, SENTENCES), corpora.text) for e in encoders))
    shape = (len(RATES), -1)
    divergence = np.reshape([np.diagonal(a.layers.rate()).mean() for a in alike], shape)
    rise = np.reshape([_rise(tally.rate()) for tally in losses], shape)
    loss = np.array([held_out(of_one) for of_one in runs])
    values = {
        "divergence within layers, no dropout − .3": repeats.difference(divergence[0], divergence[-1], unit="nats"),
        "rise of the loss without half of the heads, no dropout − .3": repeats.difference(rise[0], rise[-1], unit="nats"),
        "rise of the loss without half of the heads, no dropout": repeats.mean(rise[0], unit="nats"),
        "divergence within layers, no dropout − .1": repeats.difference(divergence[0], divergence[1], unit="nats"),
        "rise of the loss without half of the heads, no dropout − .1": repeats.difference(rise[0], rise[1], unit="nats"),
        "held-out loss, .3 − no dropout": repeats.difference(loss[-1], loss[0], unit="nats"),
    }  # fmt: skip
    rows = [
        Row(name, float(table[i, k]), n=1, label=f"dropout {rate:g}, seed {k}")
        for name, table in (("divergence within layers", divergence), ("rise of the loss without half of the heads", rise), ("held-out masked loss", loss))
        for i, rate in enumerate(RATES) for k in range(table.shape[1])
    ]  # fmt: skip
    return Finding(values, rows=rows, note=scale_note(corpora.raw))


@dataclass(frozen=True)
class WithAttentionDropout(Architecture):
    """A ModernBERT whose attention weights alone are dropped, with probability `attention`."""

    attention: float = 0.0

    def config(self, tokenizer: Any) -> Any:
        made = super().config(tokenizer)
        made.attention_dropout = self.attention
        return made


def with_dropout(rate: float) -> Recipe:
    """TINY with HEADS heads and dropout on attention."""
    plain = shaped(heads=HEADS)
    if not rate:
        return plain
    given: dict[str, Any] = {name: getattr(plain.architecture, name) for name in Architecture.__dataclass_fields__}
    return replace(plain, name=f"tiny, attention dropout {rate:g}", architecture=WithAttentionDropout(**given, attention=rate))  # fmt: skip


_rise: Callable[[np.ndarray], float] = lambda rates: float((rates[1:] - rates[0]).mean())
