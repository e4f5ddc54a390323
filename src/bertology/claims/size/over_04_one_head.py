"""Most layers can be cut to one head (Michel et al. 2019)."""

import math

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.size.tuned_heads import beyond_twin, models, over_seeds_and_examples, silenced
from bertology.compress.artefacts import grid
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above, below
from bertology.record.result import Finding, Row

MOST = 0.75


@claim(
    id="over-04",
    section="6.1",
    says="Most layers can be cut to one head.",
    cites=("michel-2019",),
    method="""In models tuned on the tense of sentences, all heads of one layer but one are silenced (output zero). The head that keeps most on
    examples of dev blocks is chosen for each layer and seed; what its layer loses is measured on test. Holds if the layer at the third
    quarter of the losses loses less than a point, and the tuned scores exceed those of the random twin tuned alike.""",
    published=(
        Published(12.0, "layers, of 12, that one head can replace without a significant loss", "BERT-base", "MNLI", "michel-2019 (digest of the paper)", "verified"),
        Published(3.0, "encoder layers, of 6, without a significant loss", "Transformer large", "WMT English-French", "michel-2019 (digest of the paper)", "verified"),
        Published(6.0, "decoder self-attention layers, of 6, without a significant loss", "Transformer large", "WMT English-French", "michel-2019 (digest of the paper)", "verified"),
        Published(4.0, "encoder-decoder layers, of 6, without a significant loss", "Transformer large", "WMT English-French", "michel-2019 (digest of the paper)", "verified"),
        Published(13.56, "BLEU lost in the worst encoder-decoder layer", "Transformer large", "WMT English-French", "michel-2019 (digest of the paper)", "verified"),
        Published(-0.96, "change with one head kept, worst layer (9), points, not significant", "BERT-base", "MNLI", "michel-2019 (digest of the paper)", "verified", "change with one head kept, worst layer, points"),
        Published(0.1, "change with one head kept, best layer (2), points, not significant", "BERT-base", "MNLI", "michel-2019 (digest of the paper)", "verified", "change with one head kept, best layer, points"),
    ),
    expects={
        "score lost by the layer at the third quarter": below(0.01),
        "score beyond the random twin": above(0.0),
    },
    needs=("training", "treebank", "head"),
)  # fmt: skip
def one_head_is_enough(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    found = models(encoder, corpora, seed)
    layers, heads = grid(encoder)
    alone = [tuple((layer, h) for h in range(heads) if h != kept) for layer in range(1, layers + 1) for kept in range(heads)]  # fmt: skip
    made = yield from silenced(found, [alone] * len(found.asked))
    beyond = yield from beyond_twin(found, seed)
    tables, picked, typical = [], [], []
    for one in made:
        best = one.chosen[1:].mean(1).reshape(layers, heads).argmax(1)
        rows = one.test[1:].reshape(layers, heads, -1)
        tables.append(np.concatenate([one.test[:1], rows[np.arange(layers), best]]))
        typical.append(np.concatenate([one.test[:1], rows.mean(1)]))
        picked.append(best)
    place = math.ceil(MOST * layers) - 1
    lost = lambda r: r[..., :1] - r[..., 1:]
    quarter = lambda r: np.sort(lost(r), -1)[..., place]
    estimate = lambda function, t, unit="score": over_seeds_and_examples(function, t, unit=unit, seed=seed)
    values = {
        "score lost by the layer at the third quarter": estimate(quarter, tables),
        "score beyond the random twin": beyond,
        "share of layers that lose less than a point": estimate(
            lambda r: (lost(r) < 0.01).mean(-1), tables, "share of layers"
        ),
        "change with one head kept, worst layer, points": estimate(lambda r: -100 * lost(r).max(-1), tables, "points"),
        "change with one head kept, best layer, points": estimate(lambda r: -100 * lost(r).min(-1), tables, "points"),
    }
    baselines = {"the same with any head kept": estimate(quarter, typical)}
    rows_ = []
    for label, table in (("best head", tables), ("any head", typical)):
        for layer in range(layers):
            e = estimate(lambda r, k=layer: lost(r)[..., k], table)
            rows_.append(Row("score lost with one head kept", e.value, e.low, e.high, e.n, layer + 1, label=label))
    kept = "; ".join(f"layer {k + 1}: {', '.join(str(p[k]) for p in picked)}" for k in range(layers))
    return Finding(values, baselines, rows_, f"{found.note} Best head of each seed, from 0: {kept}.")
