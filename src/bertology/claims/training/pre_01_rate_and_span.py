"""Masking rate and span length matter little within a range (Raffel et al. 2019)."""

from dataclasses import replace

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training.likelihood import frequency_likelihood, log_likelihood
from bertology.claims.training.scale import TINY, scale_note, trained
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above, below
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.mlm import MLM
from bertology.train.objectives.units import PoissonSpans

WITHIN = ((0.10, 2.0), (0.10, 6.0), (0.25, 2.0), (0.25, 6.0))
BEYOND = (0.50, 2.0)


@claim(
    id="pre-01",
    section="5.3",
    says="Masking rate and span length matter little within a range.",
    cites=("raffel-2019",),
    method="""Spans of a mean of 2 and of 6 words masked at 10 and 25 %, and spans of 2 at 50 % for what lies beyond the range.
    All are judged by one measure, pseudo-log-likelihood of held-out words, which masks one word at a time and so leans to
    low rates. The spread of settings within the range, over what seeds alone would make it: with three seeds a ratio below 2 is a true
    spread of settings below that of seeds, and so, for four settings, a range below twice the spread of seeds. So that models that learnt nothing do not agree with each other, all must beat word frequencies.""",
    published=(
        Published(15.0, "masking rate chosen, %", "T5 base", "C4", "raffel-2019", "memory"),
        Published(3.0, "mean span length chosen", "T5 base", "C4", "raffel-2019", "memory"),
    ),
    expects={"spread of settings over spread of seeds": below(2.0), "gain over word frequencies": above(0.0)},
    needs=("training", "raw"),
)
def rate_and_span_matter_little(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    settings = (*WITHIN, BEYOND)
    recipes = [replace(TINY, objectives=(MLM(Masking(rate=r, units=PoissonSpans(mean=m))),)) for r, m in settings]
    runs = yield from trained(recipes, corpora, seed)
    loss = -np.array([[log_likelihood(run) for run in of_one] for of_one in runs])
    frequencies = -np.array([frequency_likelihood(run) for run in runs[0]])
    within, beyond = loss[: len(WITHIN)], loss[-1]
    unit = "nats per word"
    at = lambda rate: np.mean([x for x, s in zip(within, WITHIN, strict=True) if s[0] == rate], axis=0)
    of = lambda span: np.mean([x for x, s in zip(within, WITHIN, strict=True) if s[1] == span], axis=0)
    values = {
        "spread of settings over spread of seeds": repeats.signal(within.reshape(2, 2, -1)),
        "gain over word frequencies": repeats.mean(frequencies - within.mean(0), unit=unit),
        "loss at 25 % − at 10 %": repeats.difference(at(0.25), at(0.10), unit=unit),
        "loss at spans of 6 − of 2": repeats.difference(of(6.0), of(2.0), unit=unit),
        "loss at 50 % − at 25 %, spans of 2": repeats.difference(beyond, within[WITHIN.index((0.25, 2.0))], unit=unit),
    }
    rows = [
        Row("held-out loss per word", float(loss[i, k]), n=1, label=f"{r:.0%}, spans of {m:g} words, seed {k}")
        for i, (r, m) in enumerate(settings) for k in range(loss.shape[1])
    ]  # fmt: skip
    return Finding(values, rows=rows, note=scale_note(corpora.raw))
