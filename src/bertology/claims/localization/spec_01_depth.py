"""Attention to special tokens by depth: [CLS] early, [SEP] in the middle, punctuation late (Clark et al. 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, AttentionMass, measure, together
from bertology.observe.attention import CLASSES
from bertology.record.claim import Published, above
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap


@claim(
    id="spec-01",
    section="4.2.2",
    says="Early heads attend to [CLS], middle ones to [SEP], late ones to periods and commas.",
    cites=("clark-2019",),
    method="""Per layer, the share of attention on each class of tokens, over heads and queries, divided by the class's share of
    tokens. A class's centre is the mean relative depth weighted by that ratio's excess over its smallest layer. The order of centres
    must be [CLS] < [SEP] < punctuation, and the share on [SEP] must vary over layers by a point more than in the random twin: two random
    twins were seen to differ by .0003, and by any difference at all (the rule until then) one of them passed.""",
    published=(
        Published(0.5, "share of attention on [SEP] exceeds this in layers 6-10", "bert-base-uncased", "Wikipedia", "Clark et al. 2019, section 3.2", "verified", "largest [SEP] share of a layer"),
    ),
    expects={
        "depth of [SEP] − depth of [CLS]": above(0.0),
        "depth of punctuation − depth of [SEP]": above(0.0),
        "spread of [SEP] over layers beyond the random twin": above(0.01),
    },
    needs=("attention", "cls", "sep", "text"),
)  # fmt: skip
def special_tokens_by_depth(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    real, random = yield from together(
        measure(AttentionMass(), over=corpora.text), measure(AttentionMass(), over=corpora.text, twin=True)
    )
    share, frequency = real.share.pooled(1), real.frequency  # (block, layer, class) over heads
    cls, sep, punctuation = (CLASSES.index(name) for name in ("cls", "sep", "punctuation"))
    depth = np.arange(1, encoder.n_layers + 1) / encoder.n_layers

    def centre(shares: np.ndarray, kind: int) -> np.ndarray:
        excess = shares[..., kind] - shares[..., kind].min(-1, keepdims=True)
        return (excess * depth).sum(-1) / excess.sum(-1)

    def spread(shares: np.ndarray) -> np.ndarray:
        return shares[..., sep].max(-1) - shares[..., sep].min(-1)

    twin = random.share.pooled(1)
    largest = int(share.rate()[:, sep].argmax())
    values = {
        "depth of [SEP] − depth of [CLS]": bootstrap(lambda s: centre(s, sep) - centre(s, cls), share, unit="relative depth", seed=seed),
        "depth of punctuation − depth of [SEP]": bootstrap(lambda s: centre(s, punctuation) - centre(s, sep), share, unit="relative depth", seed=seed),
        "spread of [SEP] over layers beyond the random twin": bootstrap(lambda s, t: spread(s) - spread(t), share, twin, unit="share", seed=seed),
        "largest [SEP] share of a layer": share[(largest, sep)].estimate(unit="share", seed=seed),
    }  # fmt: skip
    low, high = share.intervals(seed=seed)
    rows = [
        Row("share of attention", share.rate()[layer, k], low[layer, k], high[layer, k], share.n, layer + 1, label=name)
        for layer in range(encoder.n_layers)
        for k, name in enumerate(CLASSES)
    ]
    rows += [
        Row(f"share of attention on {name}", rate, layer=layer + 1, head=head)
        for k, name in ((cls, "[CLS]"), (sep, "[SEP]"))
        for (layer, head), rate in np.ndenumerate(real.share.rate()[..., k])
    ]
    rows += [
        Row("share of tokens", rate, n=frequency.n, label=name)
        for rate, name in zip(frequency.rate(), CLASSES, strict=True)
    ]
    baselines = {
        "random twin": bootstrap(lambda t: centre(t, sep) - centre(t, cls), twin, unit="relative depth", seed=seed),
    }
    return Finding(values, baselines, rows)
