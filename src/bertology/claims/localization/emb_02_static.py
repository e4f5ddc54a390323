"""A static vector averaged over many contexts knows word similarity better than the input embedding or one context
(Bommasani et al. 2020)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.observe.types import TypeVectors
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.choose import argmax
from bertology.stats.ranks import bootstrap_spearman, spearman

FEWEST_CONTEXTS = 5
FEWEST_PAIRS = 60
SYSTEMS = ("many contexts", "one context", "alone", "random twin, many contexts")


@claim(
    id="emb-02",
    section="4.1",
    says="Static vectors distilled from many contexts encode word similarity better than the input embeddings or a single context.",
    cites=("akbik-2019", "bommasani-2020", "wang-2020d", "may-2019", "ethayarajh-2019"),
    method="""Spearman correlation of cosines with the similarity of word pairs, for the mean of a word's vectors over
    all its contexts in the text (five or more), for one context, for the word encoded alone, and for the mean at
    layer 0. Each kind's layer is chosen on a third of the pairs and scored on the others. Many contexts must beat one
    context, layer 0, and the random twin's many contexts, since random mixing of neighbours is distributional too
    (random indexing).""",
    expects={
        "gain over layer 0": above(0.0),
        "gain over one context": above(0.0),
        "gain over the random twin": above(0.0),
    },
    needs=("word_pairs", "text"),
)
def many_contexts_make_a_static_vector(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    pairs = corpora.word_pairs
    words = tuple(sorted({word.lower() for pair in pairs for word in pair[:2]}))
    alone = Corpus("word pairs alone", tuple(sentence((word,), f"alone-{word}") for word in words), seed=seed)
    statistic = TypeVectors(words, seed)
    real, single, twin = yield from together(
        measure(statistic, over=corpora.text),
        measure(statistic, over=alone),
        measure(statistic, over=corpora.text, twin=True),
    )
    place = {word: i for i, word in enumerate(words)}
    ends = np.array([[place[p.first.lower()], place[p.second.lower()]] for p in pairs])
    covered = (
        (real.contexts[ends] >= FEWEST_CONTEXTS).all(1)
        & (single.contexts[ends] > 0).all(1)
        & (ends[:, 0] != ends[:, 1])
    )
    if covered.sum() < FEWEST_PAIRS:
        raise NotApplicable(
            f"{corpora.text.name} has {FEWEST_CONTEXTS} contexts for both words of {covered.sum()} pairs, {FEWEST_PAIRS} are due"
        )
    ends, gold = ends[covered], np.array([p.similarity for p in pairs])[covered]
    dev = np.zeros(len(gold), dtype=bool)
    dev[np.random.default_rng(seed).permutation(len(gold))[: len(gold) // 3]] = True
    cosines = [_cosines(vectors, ends) for vectors in (real.mean, real.single, single.mean, twin.mean)]  # (layer, pair)
    # layer 0 is a baseline of its own, so that choosing it for the others would compare it with itself
    layers = [argmax(spearman(c[1:, dev], gold[dev]))[0] + 1 for c in cosines]
    scores = np.stack([c[layer] for c, layer in zip(cosines, layers, strict=True)] + [cosines[0][0]])[:, ~dev]
    headline = f"correlation of many contexts, layer {layers[0]}"
    names = {
        "gain over layer 0": 4,
        "gain over one context": 1,
        "gain over the random twin": 3,
        "gain over the word alone": 2,
    }
    functions = {name: lambda r, k=k: r[:, 0] - r[:, k] for name, k in names.items()}
    functions |= {headline: lambda r: r[:, 0]}
    controls = {name: lambda r, k=k: r[:, k] for k, name in enumerate((*SYSTEMS, "layer 0")) if k}
    made = bootstrap_spearman(functions | controls, scores, gold[~dev], seed=seed)
    values, baselines = {name: made[name] for name in functions}, {name: made[name] for name in controls}
    rows = [
        Row("correlation with similarity", rho, n=int((~dev).sum()), layer=layer, label=name)
        for name, c in zip(SYSTEMS, cosines, strict=True)
        for layer, rho in enumerate(spearman(c[:, ~dev], gold[~dev]))
    ]
    contexts = int(np.median(real.contexts[np.unique(ends)]))
    note = f"{covered.sum()} of {len(pairs)} pairs are covered, with a median of {contexts} contexts a word; the studies had hundreds."
    if "word_pairs" not in corpora.given:
        note += " The embedded pairs are graded by a taxonomy, not by people."
    return Finding(values, baselines, rows, note)


def _cosines(vectors: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(layer, type, width) and pairs of types to (layer, pair)."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return np.einsum("lpw,lpw->lp", unit[:, ends[:, 0]], unit[:, ends[:, 1]])
