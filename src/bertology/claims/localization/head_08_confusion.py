"""Attention points only weakly to subjects and antecedents, with a slight pull of distractors (Lin et al. 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.candidates import GROUPS, Confusion
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap

NEAR = 0.1  # distance from uniform attention within which a layer does not point
FEWEST = 40  # verbs of each group in the test blocks


@claim(
    id="head-08",
    section="4.2.1",
    says="Attention points only weakly to the subject of a verb or the antecedent of a reflexive, "
    "with a slight pull of distractors.",
    cites=("lin-2019",),
    method="""Confusion: -log of the right word's share of a layer's attention on all candidates, as a multiple of
    its value for uniform attention. Most layers must lie within a tenth of uniform. That alone holds of random
    weights too; so distractors of the subject's number must confuse more, or less, than those of the other number,
    at the layer and in the direction that dev blocks show, and by more than in the random twin.""",
    expects={
        "layers within a tenth of uniform": above(0.5),
        "distractor's effect": above(0.0),
        "distractor's effect beyond the random twin": above(0.0),
    },
    needs=("attention", "subjects:agreement", "subjects:distractor"),
)
def attention_is_a_weak_pointer(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    corpus = corpora.subjects
    real, random = yield from together(measure(Confusion(), over=corpus), measure(Confusion(), over=corpus, twin=True))
    groups, twin = real.score.pooled(1), random.score.pooled(1)  # (block, group, layer)
    sizes = groups.on("test").weight[:, :2, 0].sum(0)
    if sizes.min() < FEWEST:
        raise NotApplicable(
            f"{int(sizes.min())} verbs with a distractor of one number in the test blocks, {FEWEST} are due"
        )
    overall = groups.pooled(0)
    layer, sign = _strongest(groups)
    twin_layer, twin_sign = _strongest(twin)
    difference = lambda g: g[:, 0] - g[:, 1]
    chosen, other = groups[:2, layer].on("test"), twin[:2, twin_layer].on("test")
    unit = "of uniform confusion"
    values = {
        "layers within a tenth of uniform": bootstrap(
            lambda c: (np.abs(c - 1) < NEAR).mean(-1), overall, unit="share of layers", seed=seed
        ),
        "distractor's effect": bootstrap(lambda g: sign * difference(g), chosen, unit=unit, seed=seed),
        "distractor's effect beyond the random twin": bootstrap(
            lambda g, t: sign * difference(g) - twin_sign * difference(t), chosen, other, unit=unit, seed=seed
        ),
        "mean confusion": bootstrap(lambda c: c.mean(-1), overall, unit=unit, seed=seed),
    }
    baselines = {
        "random twin: distractor's effect": bootstrap(lambda t: twin_sign * difference(t), other, unit=unit, seed=seed),
        "random twin: mean confusion": bootstrap(lambda c: c.mean(-1), twin.pooled(0), unit=unit, seed=seed),
    }
    rows = _curves(groups, GROUPS, "confusion", seed) + _curves(
        twin.pooled(0)[None], ("random twin",), "confusion", seed
    )
    counts = real.score[:3].pooled(0)
    rows += _curves(counts, ("1 distractor", "2 distractors", "3 or more"), "confusion by distractors", seed)
    more = "same" if sign > 0 else "other"
    note = f"judged at layer {layer + 1}, where distractors of the {more} number confuse more; no templates are used."
    return Finding(values, baselines, rows, note)


def _strongest(groups: Tally) -> tuple[int, int]:
    """(layer index, sign) of the largest difference between same and other number on dev."""
    rates = groups.on("dev").rate()
    difference = np.nan_to_num(rates[0] - rates[1])
    layer = int(np.abs(difference).argmax())
    return layer, 1 if difference[layer] >= 0 else -1


def _curves(tally: Tally, labels: tuple[str, ...], measure: str, seed: int) -> list[Row]:
    """A curve over layers for each label, (block, label, layer)."""
    low, high = tally.intervals(seed=seed)
    return [
        Row(
            measure, rate, float(low[k, i]), float(high[k, i]), int(tally.weight[:, k, i].sum()), i + 1, label=labels[k]
        )
        for (k, i), rate in np.ndenumerate(tally.rate())
        if np.isfinite(rate)
    ]
