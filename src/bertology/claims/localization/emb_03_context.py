"""Vectors of the same word in two contexts grow less alike with depth (Ethayarajh 2019)."""

from typing import Any

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.similarity import ExplainableVariance, Similarity, WordSimilarity
from bertology.record.claim import Published, above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.pairs import bootstrap_pairs, pair_intervals
from bertology.stats.tally import Tally, bootstrap
from bertology.stats.trend import slope

FEWEST_TYPES = 30


@claim(
    id="emb-03",
    section="4.1",
    says="Vectors become more context-specific with depth.",
    cites=("ethayarajh-2019",),
    method="""Self-similarity of a word is the mean cosine of its vectors in different blocks of documents (words in
    five or more sentences), adjusted by subtracting the mean cosine of two different words. Its slope over layers 1 to the last, per
    whole depth, must be negative and steeper than the random twin's by .05; in random twins of different seeds slopes
    differ by less than .02. Layer 0 is left out of the slope: the fall from uncontextual embeddings to layer 1 says
    nothing about later layers. The fall from layer 0 to the last must be there too. Blocks are resampled on both
    sides of a pair.""",
    published=(
        Published(
            5.0,
            "upper bound of the mean variance explained by a static vector, every layer, %",
            "BERT-base-cased, ELMo and GPT-2",
            "SemEval STS sentences",
            "Ethayarajh 2019, abstract",
            "verified",
        ),
        Published(
            0.2,
            "lower bound of mean similarity within a sentence, adjusted, every layer",
            "BERT-base-cased and ELMo",
            "SemEval STS sentences",
            "Ethayarajh 2019 (translated notes on the full text)",
            "verified",
        ),
    ),
    expects={
        "slope of adjusted self-similarity over depth": below(0.0),
        "slope beyond the random twin": below(-0.05),
        "fall from layer 0 to the last": above(0.0),
    },
    needs=("text",),
)
def words_drift_apart(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer: no slope over depth")
    real, twin, spread = yield from together(
        measure(WordSimilarity(), over=corpora.text),
        measure(WordSimilarity(), over=corpora.text, twin=True),
        measure(ExplainableVariance(), over=corpora.text),
    )
    if real.types < FEWEST_TYPES:
        raise NotApplicable(
            f"{real.types} words stand in five or more sentences of {corpora.text.name}, {FEWEST_TYPES} are due"
        )
    depth = np.arange(1, encoder.n_layers + 1) / encoder.n_layers

    def over(*of: Similarity):
        return [pairs for one in of for pairs in (one.same, one.different)]

    about: dict[str, Any] = {"n": real.types, "unit": "cosine per depth", "seed": seed}
    explained = spread.explained.mean(0) - spread.random.mean(0)
    widest = int(explained[1:].argmax()) + 1 if len(spread.random) else 1
    values = {
        "slope of adjusted self-similarity over depth": bootstrap_pairs(lambda s, d: slope((s - d)[:, 1:], depth), *over(real), **about),
        "slope beyond the random twin": bootstrap_pairs(
            lambda s, d, t, e: slope((s - d - t + e)[:, 1:], depth), *over(real, twin), **about
        ),
        "fall from layer 0 to the last": bootstrap_pairs(
            lambda s, d: (s - d)[:, 0] - (s - d)[:, -1], *over(real), unit="cosine", **{k: v for k, v in about.items() if k != "unit"}
        ),
        "slope of unadjusted self-similarity": bootstrap_pairs(lambda s: slope(s[:, 1:], depth), real.same, **about),
        "slope of self-similarity as a share of what anisotropy leaves": bootstrap_pairs(
            lambda s, d: slope(((s - d) / (1 - d))[:, 1:], depth), *over(real), **about
        ),
        "largest mean share of variance explained by a static vector, adjusted": bootstrap(
            lambda a, b: 100 * (a - b), *[Tally(x, np.ones(len(x)))[widest] for x in (spread.explained, spread.random)],
            unit="%", seed=seed, method=f"layer {widest}, bootstrap of {len(spread.random)} words",
        ),
    }  # fmt: skip
    baselines = {
        "random twin's slope": bootstrap_pairs(lambda s, d: slope((s - d)[:, 1:], depth), *over(twin), **about)
    }
    rows = [
        Row(name, value[layer], low[layer], high[layer], real.types, layer, label=who)
        for who, one in (("encoder", real), ("random twin", twin))
        for name, function in _CURVES.items()
        for value, low, high in [pair_intervals(function, one.same, one.different, seed=seed)]
        for layer in range(encoder.n_layers + 1)
    ]
    low, high = real.within.intervals(seed=seed)
    rows += [
        Row("similarity within a sentence", value, low[layer], high[layer], real.within.n, layer, label="encoder")
        for layer, value in enumerate(real.within.rate())
    ]
    rows += [
        Row(
            "variance explained by a static vector, adjusted", value, n=len(spread.random), layer=layer, label="encoder"
        )
        for layer, value in enumerate(explained)
    ]
    return Finding(
        values, baselines, rows,
        "Text instead of the STS sentences; word types weigh equally. Variance is centred, so that anisotropy is no part of it.",
    )  # fmt: skip


_CURVES = {
    "adjusted self-similarity": lambda same, different: same - different,
    "self-similarity": lambda same, different: same,
    "cosine of two different words": lambda same, different: different,
}
