"""A larger hidden size helps (K et al. 2020)."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training.scale import TINY, held_out, scale_note, shaped, trained
from bertology.claims.training.sweep import at_rate
from bertology.claims.training.tuned import tuned, words_and_sentences
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.train.recipe import Recipe
from bertology.train.variants import at_equal_parameters, parameters

WIDTHS = (32, 64, 128)


@claim(
    id="arch-02",
    section="5.1",
    says="A larger hidden size helps on every task, by varying amounts.",
    cites=("k-2019",),
    method="""Encoders of width 32, 64 and 128 with equal layers and heads, the learning rate falling as the width grows, trained on the
    same text and tokens. Compared from the narrowest to the widest by held-out masked loss and by fine-tuning on parts of speech and on
    acceptability, one seed for each encoder. Again by masked loss at equal parameters: the narrowest gets as much more
    feed-forward as it lacks. Holds if the widest wins in all four.""",
    expects={
        "gain in masked loss": above(0.0),
        "gain in parts of speech": above(0.0),
        "gain in acceptability": above(0.0),
        "gain in masked loss at equal parameters": above(0.0),
    },
    needs=("training", "raw", "treebank:upos", "pairs"),
)
def wider_is_better(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    recipes = [of_width(w) for w in WIDTHS]
    runs = yield from trained(recipes, corpora, seed)
    tokenizer = runs[0][0].encoder.tokenizer
    most = parameters(recipes[-1].architecture, tokenizer)
    narrow_shape = at_equal_parameters(recipes[0].architecture, most, tokenizer, by="feed_forward")
    (filled,) = yield from trained([replace(recipes[0], architecture=narrow_shape)], corpora, seed)
    scores = yield from tuned(runs, words_and_sentences(corpora, seed), seed)
    loss = np.array([held_out(of_one) for of_one in runs])
    measured = {
        "masked loss": (-loss, "nats"),
        "parts of speech": (scores[0], "points"),
        "acceptability": (scores[1], "points"),
    }
    values = {f"gain in {name}": repeats.difference(x[-1], x[0], unit=unit) for name, (x, unit) in measured.items()}
    values["gain in masked loss at equal parameters"] = repeats.difference(held_out(filled), loss[-1], unit="nats")
    for name, (x, unit) in measured.items():
        for k, (narrow, wide) in enumerate(pairwise(WIDTHS)):
            values[f"{name}, width {wide} − {narrow}"] = repeats.difference(x[k + 1], x[k], unit=unit)
    rows = [
        Row(name, float(abs(x[i, k])), n=1, label=f"width {w}, seed {k}")
        for name, (x, _) in measured.items() for i, w in enumerate(WIDTHS) for k in range(x.shape[1])
    ]  # fmt: skip
    return Finding(values, rows=rows, note=scale_note(corpora.raw))


def of_width(width: int) -> Recipe:
    """TINY at another width, the feed-forward in proportion; Adam's rate in inverse proportion (Yang et al. 2021)."""
    made = shaped(width=width, feed_forward=2 * width)
    return at_rate(made, TINY.optimizer.rate * TINY.architecture.width / width)  # type: ignore[attr-defined]
