"""Two random words point in ever more similar directions with depth (Ethayarajh 2019; Mu & Viswanath 2018)."""

from typing import Any

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.similarity import WordSimilarity
from bertology.record.claim import Published, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.pairs import bootstrap_pairs, pair_intervals
from bertology.stats.trend import slope

FEWEST_TYPES = 30
REMOVALS = ("mean and components", "widest dimensions")


@claim(
    id="emb-05",
    section="4.1",
    says="Vectors occupy a narrow cone: two random words grow more similar with depth.",
    cites=("ethayarajh-2019", "mu-2018"),
    method="""Mean cosine of occurrences of two different words, over all pairs of words, each word counting once. Its
    slope over layers 0 to the last, per whole depth, must be positive and steeper than the random twin's by .05:
    token-type embeddings give random weights a cone of 1/3 from the start, and its slopes differ by less than .02
    between seeds. A slope is tested, not a rise at every layer, since BERT's last layer is known to be wider than the
    one before. Reported beside it: the same after removing the mean and three principal components, or the three
    widest dimensions, both learnt on training blocks and applied to the others.""",
    published=(
        Published(
            0.6,
            "mean cosine of random words, layers 2 to 8, about",
            "GPT-2",
            "SemEval STS sentences",
            "Ethayarajh 2019 (translated notes on the full text)",
            "verified",
        ),
    ),
    expects={"slope of the mean cosine over depth": above(0.0), "slope beyond the random twin": above(0.05)},
    needs=("text",),
)
def random_words_align(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer: no slope over depth")
    real, twin, *removed = yield from together(
        measure(WordSimilarity(), over=corpora.text),
        measure(WordSimilarity(), over=corpora.text, twin=True),
        *[measure(WordSimilarity(removing=removal), over=corpora.text) for removal in REMOVALS],
    )
    if real.types < FEWEST_TYPES:
        raise NotApplicable(
            f"{real.types} words stand in five or more sentences of {corpora.text.name}, {FEWEST_TYPES} are due"
        )
    depth = np.arange(encoder.n_layers + 1) / encoder.n_layers
    rate = real.different.rate()
    narrowest, widest = int(rate[1:].argmax()) + 1, int(rate[1:].argmin()) + 1
    about: dict[str, Any] = {"n": real.types, "unit": "cosine per depth", "seed": seed}
    values = {
        "slope of the mean cosine over depth": bootstrap_pairs(lambda d: slope(d, depth), real.different, **about),
        "slope beyond the random twin": bootstrap_pairs(
            lambda d, t: slope(d - t, depth), real.different, twin.different, **about
        ),
        f"mean cosine in layer {narrowest}, the narrowest": bootstrap_pairs(
            lambda d: d[:, narrowest], real.different, n=real.types, unit="cosine", seed=seed
        ),
        f"mean cosine in layer {widest}, the widest": bootstrap_pairs(
            lambda d: d[:, widest], real.different, n=real.types, unit="cosine", seed=seed
        ),
    }  # fmt: skip
    for removal, one in zip(REMOVALS, removed, strict=True):
        if one.types:
            values[f"slope without {removal}"] = bootstrap_pairs(
                lambda d: slope(d, depth), one.different, **(about | {"n": one.types})
            )
    baselines = {"random twin's slope": bootstrap_pairs(lambda d: slope(d, depth), twin.different, **about)}
    curves = {"encoder": real, "random twin": twin} | {
        f"without {r}": one for r, one in zip(REMOVALS, removed, strict=True)
    }
    rows = [
        Row("mean cosine of two different words", value[layer], low[layer], high[layer], one.types, layer, label=name)
        for name, one in curves.items()
        for value, low, high in [pair_intervals(lambda d: d, one.different, seed=seed)]
        for layer in range(encoder.n_layers + 1)
    ]
    return Finding(
        values,
        baselines,
        rows,
        "Text instead of the STS sentences; word types weigh equally, whatever their frequency.",
    )
