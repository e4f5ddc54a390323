"""Weighted by norms, special tokens receive less than attention weights say (Kobayashi et al. 2020)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, AttentionMass, measure, together
from bertology.observe.attention import CLASSES
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap

LARGE = 0.2  # share of attention on special tokens from which a layer is judged
SPECIAL = [CLASSES.index("cls"), CLASSES.index("sep")]


@claim(
    id="spec-03",
    section="4.2.2",
    says="Weighted by the norm of the attended vector, special tokens receive much less than attention weights "
    "suggest.",
    cites=("kobayashi-2020",),
    method="""Per layer, the share of attention on special tokens, by weight and by the norm of the weighted,
    transformed vector, over heads and queries. Layers whose share by weight exceeds a fifth on dev are judged on
    test: at each of them the norm's share must be smaller, and by more than in the same layers of the random twin.""",
    expects={
        "smallest reduction of a layer": above(0.0),
        "mean reduction beyond the random twin": above(0.0),
    },
    needs=("attention", "value", "cls", "sep", "text"),
)
def norms_discount_special_tokens(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    by_weight, by_norm = AttentionMass(), AttentionMass(by="norm")
    real, random = yield from together(
        measure(by_weight, by_norm, over=corpora.text), measure(by_weight, by_norm, over=corpora.text, twin=True)
    )
    (weight, norm), (twin_weight, twin_norm) = ([_specials(mass.share) for mass in pair] for pair in (real, random))
    judged = np.flatnonzero(weight.on("dev").rate() > LARGE)
    if not len(judged):
        largest = float(np.nanmax(weight.on("dev").rate()))
        raise NotApplicable(f"no layer gives special tokens over {LARGE:.0%} of its attention (largest {largest:.1%})")
    test = [t[judged].on("test") for t in (weight, norm, twin_weight, twin_norm)]
    unit = "share of attention"
    values = {
        "smallest reduction of a layer": bootstrap(lambda w, n: (w - n).min(-1), *test[:2], unit=unit, seed=seed),
        "mean reduction beyond the random twin": bootstrap(
            lambda w, n, tw, tn: (w - n - tw + tn).mean(-1), *test, unit=unit, seed=seed
        ),
        "share by weight": bootstrap(lambda w: w.mean(-1), test[0], unit=unit, seed=seed),
        "share by norm": bootstrap(lambda n: n.mean(-1), test[1], unit=unit, seed=seed),
    }
    baselines = {
        "random twin: smallest reduction": bootstrap(lambda w, n: (w - n).min(-1), *test[2:], unit=unit, seed=seed)
    }
    rows = []
    for label, share in (
        ("by weight", weight),
        ("by norm", norm),
        ("random twin, by weight", twin_weight),
        ("random twin, by norm", twin_norm),
    ):
        low, high = share.intervals(seed=seed)
        rows += [
            Row("share of attention on special tokens", rate, low[i], high[i], share.n, i + 1, label=label)
            for i, rate in enumerate(share.rate())
        ]
    rows += [
        Row("reduction of the special tokens' share", rate, layer=layer + 1, head=head)
        for (layer, head), rate in np.ndenumerate(_by_head(real[0].share) - _by_head(real[1].share))
    ]
    layers = ", ".join(str(i + 1) for i in judged)
    return Finding(
        values, baselines, rows, note=f"judged layers: {layers}; the study shows its shares in figures only."
    )


def _specials(share: Tally) -> Tally:
    """(block, layer): share on [CLS] and [SEP], over heads."""
    heads = share[:, :, SPECIAL].pooled(1)
    return Tally(heads.total.sum(-1), heads.weight[..., 0])


def _by_head(share: Tally) -> np.ndarray:
    return share.rate()[..., SPECIAL].sum(-1)
