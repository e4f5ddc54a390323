"""Dropping next-sentence prediction does no harm (Liu et al. 2019; Joshi et al. 2020)."""

from dataclasses import replace

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training.likelihood import log_likelihood
from bertology.claims.training.scale import TINY, held_out, scale_note, trained
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.train.layout import Pieces
from bertology.train.objectives.sentences import NSP

WITHOUT = replace(TINY, layout=Pieces(TINY.layout.length, 2))
WITH = replace(WITHOUT, objectives=(*TINY.objectives, NSP()))


@claim(
    id="pre-05",
    section="5.3",
    says="Dropping next-sentence prediction does no harm.",
    cites=("liu-2019b", "joshi-2020", "clinchant-2019", "k-2019"),
    method="""The same small encoder trained with masked language modelling over pairs of neighbouring pieces, and with next-sentence
    prediction beside it (half of the second pieces then come from another document); tokens and lengths are equal. Compared by
    pseudo-log-likelihood of held-out words in running text, which both read alike, in percent of the loss; the survey's margin of half
    a point is kept. It says nothing unless next-sentence prediction was learnt, so its held-out loss must be below that of a coin.""",
    published=(
        Published(90.6, "SQuAD 1.1 F1, whole documents, no next-sentence prediction", "RoBERTa recipe, base size", "SQuAD 1.1",
                  "liu-2019b", "memory"),
        Published(90.4, "SQuAD 1.1 F1, segment pairs with next-sentence prediction", "RoBERTa recipe, base size", "SQuAD 1.1",
                  "liu-2019b", "memory"),
    ),
    expects={"gain of dropping it": above(-0.5), "next-sentence loss below a coin's": above(0.0)},
    needs=("training", "raw"),
)  # fmt: skip
def dropping_nsp_does_no_harm(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    runs = yield from trained([WITHOUT, WITH], corpora, seed)
    without, with_it = (-np.array([log_likelihood(run) for run in of_one]) for of_one in runs)
    learnt = repeats.mean(np.log(2) - held_out(runs[1], "nsp"), unit="nats")
    if learnt.value <= 0:
        raise NotApplicable("next-sentence prediction was not learnt: its held-out loss is not below that of a coin")
    values = {
        "gain of dropping it": repeats.mean(100 * (with_it - without) / with_it, unit="% of the loss"),
        "next-sentence loss below a coin's": learnt,
        "held-out loss without": repeats.mean(without, unit="nats per word"),
        "held-out loss with": repeats.mean(with_it, unit="nats per word"),
    }
    rows = [
        Row("held-out loss per word", float(x), n=1, label=f"{name} next-sentence prediction, seed {k}")
        for name, found in (("without", without), ("with", with_it)) for k, x in enumerate(found)
    ]  # fmt: skip
    return Finding(values, rows=rows, note=scale_note(corpora.raw))
