"""Models grow faster than what they gain (Wu et al. 2019; Strubell et al. 2019; Schwartz et al. 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training.arch_02_width import WIDTHS, of_width
from bertology.claims.training.scale import held_out, scale_note, trained
from bertology.claims.training.tuned import tuned, words_and_sentences
from bertology.compress.inference.latency import latency
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above
from bertology.record.result import Finding, Row
from bertology.stats import repeats


@claim(
    id="over-01",
    section="6.1",
    says="Models grow faster than what they gain.",
    cites=("wu-2019a", "strubell-2019", "schwartz-2019", "rogers-2020"),
    method="""Encoders of width 32, 64 and 128 (those of arch-02), trained on the same text and tokens. The gain is the fall of the held-out masked
    loss for each doubling of the parameters. Holds if the first step gains more for each doubling than the second, and the
    widest is better than the narrowest at all. Beside each: parameters, products of the layers for each token, seconds for a batch of 8
    texts of 64 subwords on this machine, and scores after tuning. One family at one budget of tokens: a law of scale it is not; energy is not
    measured.""",
    published=(
        Published(110000000.0, "parameters, rounded", "BERT-base", "none", "rogers-2020 (notes on the survey)", "verified"),
        Published(175000000000.0, "parameters", "GPT-3", "none", "rogers-2020 (notes on the survey)", "verified"),
    ),
    expects={
        "gain for each doubling, first step − second": above(0.0),
        "gain from the narrowest to the widest": above(0.0),
    },
    needs=("training", "raw", "treebank:upos", "pairs"),
)  # fmt: skip
def returns_diminish(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    runs = yield from trained([of_width(w) for w in WIDTHS], corpora, seed)
    scores = yield from tuned(runs, words_and_sentences(corpora, seed), seed)
    size = np.array([of_one[0].encoder.n_parameters for of_one in runs], dtype=float)
    loss = np.array([held_out(of_one) for of_one in runs])
    doublings = np.diff(np.log2(size))
    gain = -np.diff(loss, axis=0) / doublings[:, None]
    values = {
        "gain for each doubling, first step − second": repeats.difference(gain[0], gain[1], unit="nats"),
        "gain from the narrowest to the widest": repeats.difference(loss[0], loss[-1], unit="nats"),
        **{
            f"gain for each doubling, width {a} to {b}": repeats.mean(g, unit="nats")
            for a, b, g in zip(WIDTHS, WIDTHS[1:], gain, strict=False)
        },
    }
    rows = []
    for i, width in enumerate(WIDTHS):
        e = runs[i][0].encoder
        label = f"width {width}"
        rows += [
            Row("parameters", size[i], n=1, label=label),
            Row("products of the layers for each token", float(products(e)), n=1, label=label),
            Row("seconds for a batch of 8 × 64", latency(e, batch=8, length=64, repeats=3), n=3, label=label),
        ]
        for name, table in (
            ("held-out masked loss", loss),
            ("parts of speech, %", scores[0]),
            ("acceptability, %", scores[1]),
        ):
            rows += [Row(name, float(x), n=1, label=f"{label}, seed {k}") for k, x in enumerate(table[i])]  # fmt: skip
    return Finding(values, rows=rows, note=scale_note(corpora.raw))


def products(encoder: Encoder) -> int:
    """Multiplications of a token with the layers' matrices; attention between tokens and embeddings come on top."""
    names = {name for name, p in encoder.base.named_parameters() if p.ndim == 2 and "embed" not in name}
    return sum(p.numel() for name, p in encoder.base.named_parameters() if name in names)
