"""Some heads mark the scope of negation (Zhao & Bethard 2020)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.scopes import DIRECTIONS, REACH, THRESHOLDS, CueAttention, Scopes, above_threshold_f1, window_f1
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import bootstrap

FEWEST = 40  # words in scope to estimate on


@claim(
    id="head-09",
    section="4.2.1",
    says="Some heads mark the scope of negation.",
    cites=("zhao-2020",),
    method="""A word is taken to be in scope when a head's attention between it and the cue is at least a threshold.
    Head, direction and threshold, and the best window of words around the cue, are chosen by F1 on train blocks and
    scored on the rest, for scopes are rare. The head must beat the window and the random twin's best head.""",
    expects={"gain over the best window": above(0.0), "gain over the random twin": above(0.0)},
    needs=("attention", "negation:negation"),
)
def a_head_marks_negation_scope(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    real, random = yield from together(
        measure(CueAttention(), over=corpora.negation), measure(CueAttention(), over=corpora.negation, twin=True)
    )
    inside = int(real.places.on("dev+test").total[:, 1].sum())
    if inside < FEWEST or not real.places.on("train").total[:, 1].sum():
        raise NotApplicable(f"{inside} words in the scope of a single cue to estimate on, {FEWEST} are due")
    layer, head, direction, at = _chosen(real)
    *twin_cell, twin_at = _chosen(random)
    left, right = _window(real)
    words, twin = real.words[(layer, head, direction)].on("dev+test"), random.words[tuple(twin_cell)].on("dev+test")
    places = real.places.on("dev+test")
    f1 = lambda w, k: above_threshold_f1(w)[..., k]
    values = {
        "gain over the best window": bootstrap(
            lambda w, p: f1(w, at) - window_f1(p, left, right), words, places, unit="F1", seed=seed
        ),
        "gain over the random twin": bootstrap(
            lambda w, t: f1(w, at) - f1(t, twin_at), words, twin, unit="F1", seed=seed
        ),
        "best head": bootstrap(lambda w: f1(w, at), words, unit="F1", seed=seed),
    }
    baselines = {
        "best window": bootstrap(lambda p: window_f1(p, left, right), places, unit="F1", seed=seed),
        "random twin's best head": bootstrap(lambda t: f1(t, twin_at), twin, unit="F1", seed=seed),
        "every word": bootstrap(lambda p: window_f1(p, REACH + 1, REACH + 1), places, unit="F1", seed=seed),
    }
    train, rest = (above_threshold_f1(real.words.on(split).rate()) for split in ("train", "dev+test"))
    rows = []
    for i, k in np.ndindex(train.shape[:2]):
        d, threshold = argmax(train[i, k])
        rows.append(Row("F1 of the scope", rest[i, k, d, threshold], n=inside, layer=i + 1, head=k))
    note = (
        f"layer {layer + 1} · head {head}, {DIRECTIONS[direction]}, threshold {THRESHOLDS[at]:.3g}; window from {left} "
        f"words before the cue to {right} after ({REACH + 1}: all). No encoder is fine-tuned for negation here."
    )
    return Finding(values, baselines, rows, note)


def _chosen(found: Scopes) -> tuple[int, ...]:
    """(layer index, head, direction, threshold index) of the largest F1 on train blocks."""
    return argmax(above_threshold_f1(found.words.on("train").rate()))


def _window(found: Scopes) -> tuple[int, int]:
    """(words before, words after) of the largest F1 on train blocks."""
    places = found.places.on("train").rate()
    sides = range(REACH + 2)
    left, right = argmax(np.array([[window_f1(places, a, b) for b in sides] for a in sides]))
    return left, right
