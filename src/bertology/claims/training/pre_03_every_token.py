"""Predicting every token, or conditioning on masked positions too, beats plain masking (Baevski et al. 2019; Song et al. 2020)."""

from dataclasses import replace

import numpy as np
import torch

from bertology.claims.registry import claim
from bertology.claims.training import scale
from bertology.claims.training.likelihood import drafts, held_out_source, log_likelihood
from bertology.claims.training.scale import TINY, scale_note, trained
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.train.artefacts import Trained
from bertology.train.batch import collate
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.mlm import MLM
from bertology.train.objectives.two_stream import EveryToken, MPNet
from bertology.train.reading import Reading
from bertology.train.recipe import Recipe

RATE = 0.2
UNKNOWN = replace(TINY, objectives=(MLM(Masking(rate=RATE, symbol="unknown")),))
PERMUTED = replace(TINY, objectives=(MPNet(rate=RATE),))
EVERY = replace(TINY, objectives=(EveryToken(),))


@claim(
    id="pre-03",
    section="5.3",
    says="Objectives that predict every token, or condition on masked positions too, beat plain masking.",
    cites=("baevski-2019", "clinchant-2019", "song-2020"),
    method="""The same small encoder with plain masking, [UNK] in place of [MASK] (Clinchant et al.), masked and permuted prediction (Song
    et al.) and prediction of every token from two towers (Baevski et al.). All see the same text in as many updates; the last
    two read some positions more than once (1.4 and 3 times as many). Compared by the mean log-probability of each held-out subword
    given all others, the same blocks for all: by masking one at a time, for every-token prediction in its own single pass,
    since its towers never attend to both sides; [UNK] hides where [UNK] was trained to. Holds if both gain over
    plain masking; [UNK] is shown beside them.""",
    expects={"gain of every token": above(0.0), "gain of masked and permuted": above(0.0)},
    needs=("training", "raw"),
)
def other_objectives_are_better(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    plain, unknown = yield from trained([TINY, UNKNOWN], corpora, seed)
    (permuted,) = yield from trained([PERMUTED], corpora, seed, tokens=budget(PERMUTED))
    (every,) = yield from trained([EVERY], corpora, seed, tokens=budget(EVERY))
    loss = {
        "plain masking": np.array([-log_likelihood(run, words=False) for run in plain]),
        "[UNK]": np.array([-log_likelihood(run, words=False, symbol="unknown") for run in unknown]),
        "masked and permuted": np.array([-log_likelihood(run, words=False) for run in permuted]),
        "every token": np.array([-two_tower_likelihood(run) for run in every]),
    }
    base = loss["plain masking"]
    values = {f"gain of {name}": repeats.difference(base, x, unit="nats") for name, x in loss.items() if x is not base}
    values |= {f"held-out loss, {name}": repeats.mean(x, unit="nats per subword") for name, x in loss.items()}
    rows = [
        Row("held-out loss per subword", float(x), n=1, label=f"{name}, seed {k}")
        for name, found in loss.items() for k, x in enumerate(found)
    ]  # fmt: skip
    return Finding(values, rows=rows, note=scale_note(corpora.raw))


def budget(recipe: Recipe) -> int:
    """Positions to read for as much text and as many updates as plain masking has."""
    length = recipe.layout.length
    predicted = {PERMUTED: 2 * round(RATE * (length - 2)), EVERY: length + (length - 2)}[recipe]
    return round(scale.TOKENS * (length + predicted) / length)


@torch.inference_mode()
def two_tower_likelihood(run: Trained) -> float:
    """Mean log-probability of the subwords of held-out blocks, each from all others, by every-token prediction's own pass."""
    source, total, n = held_out_source(run), 0.0, 0
    objective = EveryToken()
    for draft in drafts(source):
        objective.corrupt(draft, source, np.random.default_rng(0))
        batch = collate([draft], length=len(draft), pad=run.encoder.tokenizer.pad_token_id)
        reading = Reading(run.encoder.model, batch)
        total -= float(objective.losses(reading, None)["mlm"])
        n += objective.counts(batch)["mlm"]
    return total / n
