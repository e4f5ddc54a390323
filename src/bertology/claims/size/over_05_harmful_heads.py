"""Disabling some heads or layers improves the score (Michel et al. 2019; Baan et al. 2019; Kovaleva et al. 2019)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.size.tuned_heads import beyond_twin, models, over_seeds_and_examples, silenced, single_heads
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above
from bertology.record.result import Finding, Row

WAYS = ("zero", "mean", "uniform")


@claim(
    id="over-05",
    section="6.1",
    says="Disabling some heads or layers improves the score.",
    cites=("michel-2019", "baan-2019", "kovaleva-2019"),
    method="""In models tuned on the tense of sentences, each head is silenced alone (its output zero, its output the mean, its attention
    uniform) and each layer hands its input on. The part and the way that gain most on examples of dev blocks are chosen for each seed; their
    gain is then measured on test. Holds if it is positive, and the tuned scores exceed those of the random twin tuned alike.
    The studies chose and reported on the same examples: that gain is given beside, for the shrinkage.""",
    published=(
        Published(0.1, "gain of the best head, smallest, points", "BERT-base", "STS-B", "kovaleva-2019 (digest of the paper)", "verified"),
        Published(1.2, "gain of the best head, largest, points", "BERT-base", "MRPC", "kovaleva-2019 (digest of the paper)", "verified"),
        Published(3.2, "gain of disabling layer 1, points", "BERT-base", "RTE", "kovaleva-2019 (digest of the paper)", "verified"),
        Published(-0.2, "change of disabling a layer, QNLI and MNLI, points", "BERT-base", "QNLI, MNLI", "kovaleva-2019 (digest of the paper)", "verified"),
        Published(8.0, "heads, of 96, with a significant effect", "Transformer large", "WMT English-French", "michel-2019 (digest of the paper)", "verified"),
        Published(4.0, "heads, of those 8, whose removal improves", "Transformer large", "WMT English-French", "michel-2019 (digest of the paper)", "verified"),
    ),
    expects={
        "gain on test of the part chosen on dev": above(0.0),
        "score beyond the random twin": above(0.0),
    },
    needs=("training", "treebank", "attention", "head"),
)  # fmt: skip
def disabling_helps(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    found = models(encoder, corpora, seed)
    heads = single_heads(encoder)
    layers = [((layer, None),) for layer in range(1, encoder.n_layers + 1)]
    each = len(found.asked)
    zero = yield from silenced(found, [[*heads, *layers]] * each)
    mean = yield from silenced(found, [heads] * each, "mean")
    uniform = yield from silenced(found, [heads] * each, "uniform")
    beyond = yield from beyond_twin(found, seed)

    n = len(heads)
    parts = [("zero", i) for i in range(n)] + [("layer", i) for i in range(len(layers))]
    parts += [(way, i) for way in WAYS[1:] for i in range(n)]
    stacked = lambda part: [
        np.concatenate([getattr(z, part), getattr(m, part)[1:], getattr(u, part)[1:]])
        for z, m, u in zip(zero, mean, uniform, strict=True)
    ]
    chosen, test = stacked("chosen"), stacked("test")
    gain = lambda rates: rates[..., 1] - rates[..., 0]

    def of(kinds: tuple[str, ...], tables: list[np.ndarray]) -> tuple[list[int], list[np.ndarray]]:
        """Each seed's part with the highest score on dev among some kinds, and the intact and silenced rows of a table."""
        allowed = np.array([kind in kinds for kind, _ in parts])
        best = [1 + int(np.where(allowed, c[1:].mean(1), -np.inf).argmax()) for c in chosen]
        return best, [t[[0, k]] for t, k in zip(tables, best, strict=True)]

    estimate = lambda kinds, tables: over_seeds_and_examples(gain, of(kinds, tables)[1], unit="score", seed=seed)
    every = (*WAYS, "layer")
    values = {
        "gain on test of the part chosen on dev": estimate(every, test),
        "score beyond the random twin": beyond,
        "gain of the same part where it was chosen": estimate(every, chosen),
        "gain on test of the head chosen on dev": estimate(WAYS, test),
        "gain on test of the layer chosen on dev": estimate(("layer",), test),
        **{f"gain on test of the head chosen on dev, {way}": estimate((way,), test) for way in WAYS},
    }
    rows = []
    for k, (kind, i) in enumerate(parts, start=1):
        change = np.array([t[k].mean() - t[0].mean() for t in test])
        layer, head = (i + 1, -1) if kind == "layer" else heads[i][0]
        rows.append(Row("change of the score", float(change.mean()), float(change.min()), float(change.max()), each, layer, head, kind))  # type: ignore[arg-type]  # fmt: skip
    names = [parts[k - 1] for k in of(every, test)[0]]
    told = ", ".join(f"layer {i + 1}" if kind == "layer" else f"head {heads[i][0][1]} of layer {heads[i][0][0]} ({kind})" for kind, i in names)  # fmt: skip
    return Finding(values, rows=rows, note=f"Chosen on dev, by seed: {told}. {found.note}")
