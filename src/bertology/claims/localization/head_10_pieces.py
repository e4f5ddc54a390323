"""Some heads join the subwords of a word (Correia et al. 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.pieces import PAIRS, STEPS, PieceAttention, Pieces
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import bootstrap

FEWEST = 50  # pairs of subwords of each kind in the test blocks


@claim(
    id="head-10",
    section="4.2.1",
    says="Some heads join the subwords of a word.",
    cites=("correia-2019",),
    method="""Mean attention from a subword to the next or the previous one of the same word, over that between
    neighbours in different words of which one has several subwords: the larger of out of such a word and into it.
    All are at distance 1, so a positional head has a ratio of 1. Of the heads with more attention within words than
    the twin's mean, the one with the largest ratio on dev blocks is taken; on test the ratio must exceed 2 and the
    twin's best, and the attention the twin's, for a ratio of two tiny numbers joins nothing.""",
    expects={
        "ratio to neighbours in another word": above(2.0),
        "ratio beyond the random twin": above(0.0),
        "attention within the word beyond the random twin": above(0.0),
    },
    needs=("attention", "text"),
)
def a_head_joins_subwords(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    real, random = yield from together(
        measure(PieceAttention(), over=corpora.text), measure(PieceAttention(), over=corpora.text, twin=True)
    )
    fewest = min(int(real.mass.on(split).weight[:, 0, 0].sum(0).min()) for split in ("dev", "test"))
    if fewest < FEWEST:
        raise NotApplicable(
            f"{fewest} neighbouring subwords of one word in a split of {corpora.text.name}, {FEWEST} are due"
        )
    floor = float(random.mass.on("dev").rate()[..., 0].mean())
    best, twin_best = _chosen(real, floor), _chosen(random, floor)
    head, twin = real.mass[best].on("test"), random.mass[twin_best].on("test")
    values = {
        "ratio to neighbours in another word": bootstrap(_ratio, head, unit="ratio", seed=seed),
        "ratio beyond the random twin": bootstrap(
            lambda m, t: _ratio(m) - _ratio(t), head, twin, unit="ratio", seed=seed
        ),
        "attention within the word beyond the random twin": bootstrap(
            lambda m, t: m[:, 0] - t[:, 0], head, twin, unit="attention", seed=seed
        ),
    } | {f"attention, {name}": head[k].estimate(unit="attention", seed=seed) for k, name in enumerate(PAIRS)}
    baselines = {"random twin's best head": bootstrap(_ratio, twin, unit="ratio", seed=seed)}
    ratios = _ratio(real.mass.on("test").rate())
    rows = [
        Row("attention within a word against neighbours", ratios[layer, h].max(), n=head.n, layer=layer + 1, head=h)
        for layer, h in np.ndindex(ratios.shape[:2])
    ]
    note = f"layer {best[0] + 1} · head {best[1]}, {STEPS[best[2]]} subword; the study's model is a translator."
    return Finding(values, baselines, rows, note)


def _control(mass: np.ndarray) -> np.ndarray:
    """The larger of the attention out of the word and into it, (..., pair) -> (...)."""
    return np.maximum(mass[..., 1], mass[..., 2])


def _ratio(mass: np.ndarray) -> np.ndarray:
    return mass[..., 0] / np.maximum(_control(mass), 1e-9)


def _chosen(found: Pieces, floor: float) -> tuple[int, ...]:
    """(layer index, head, step) with the largest ratio on dev where attention within words is above `floor`."""
    mass = found.mass.on("dev").rate()
    eligible = mass[..., 0] > floor
    return argmax(np.where(eligible | ~eligible.any(), _ratio(mass), -np.inf))
