"""Some heads link words in lexical and common-sense relations (Cui et al. 2020)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.relatedness import DIRECTIONS, KINDS, RelatedAttention, Relatedness, matched_gap
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.tally import Tally, bootstrap

FEWEST = 25  # pairs of each kind to estimate on


@claim(
    id="head-12",
    section="4.2.1",
    says="Some heads link words in lexical and common-sense relations.",
    cites=("cui-2020",),
    method="""Mean attention between two related words less that between unrelated ones, matched by distance. Head
    and direction are chosen on train blocks and scored on the rest, for annotated pairs are rare; the gap must be
    positive and exceed that of the random twin's best head.""",
    expects={"gap between related and unrelated": above(0.0), "gap beyond the random twin": above(0.0)},
    needs=("attention", "related:related"),
)
def a_head_links_related_words(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    real, random = yield from together(
        measure(RelatedAttention(), over=corpora.related), measure(RelatedAttention(), over=corpora.related, twin=True)
    )
    check(real, ("train", "dev+test"))
    best, twin_best = _chosen(real), _chosen(random)
    cell, twin = (
        found.mass[(slice(None), slice(None), *place)].on("dev+test")
        for found, place in ((real, best), (random, twin_best))
    )
    pairs = real.pairs.on("dev+test")
    unit = "attention"
    values = {
        "gap between related and unrelated": bootstrap(matched_gap, cell, pairs, unit=unit, seed=seed),
        "gap beyond the random twin": bootstrap(
            lambda m, t, p: matched_gap(m, p) - matched_gap(t, p), cell, twin, pairs, unit=unit, seed=seed
        ),
    }
    baselines = {"random twin's best head": bootstrap(matched_gap, twin, pairs, unit=unit, seed=seed)}
    baselines |= {f"best head, {k}": cell[i].pooled(0).estimate(unit=unit, seed=seed) for i, k in enumerate(KINDS)}
    gaps = gap(real, "dev+test")
    rows = [
        Row("gap between related and unrelated words", gaps[layer, head].max(), n=cell.n, layer=layer + 1, head=head)
        for layer, head in np.ndindex(gaps.shape[:2])
    ]
    note = (
        f"layer {best[0] + 1} · head {best[1]}, {DIRECTIONS[best[2]]}; the corpus replaces questions over ConceptNet."
    )
    return Finding(values, baselines, rows, note)


def check(found: Relatedness, splits: tuple[str, ...]) -> None:
    """Raises NotApplicable when a split has too few pairs of either kind."""
    for split in splits:
        counts = found.pairs.on(split).total.sum((0, 2))
        if counts.min() < FEWEST:
            raise NotApplicable(f"{int(counts.min())} pairs of one kind to read in {split}, {FEWEST} are due")


def gap(found: Relatedness, split: str) -> np.ndarray:
    """Gap of every (layer, head, direction) on a split."""
    mass: Tally = found.mass.on(split)
    return matched_gap(mass.rate()[None], found.pairs.on(split).rate()[None])[0]


def _chosen(found: Relatedness) -> tuple[int, ...]:
    """(layer index, head, direction) with the largest gap on train blocks."""
    return argmax(gap(found, "train"))
