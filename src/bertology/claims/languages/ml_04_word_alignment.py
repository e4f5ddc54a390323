"""Vectors align words across languages, open classes less well (Libovický et al. 2019, 2020; Cao et al. 2020)."""

import numpy as np

from bertology.claims.languages.retrieved import language_mean
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.word_alignment import CLASSES, METHODS, Aligned, WordAlignment
from bertology.record.claim import above
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap

SENTENCES = 1400
"""Of all languages together, whole translations."""


@claim(
    id="ml-04",
    section="8 (v1)",
    says="Vectors align words across languages, less well for open classes.",
    cites=("libovicky-2019", "libovicky-2020", "cao-2019"),
    method="""Words of a sentence and its translation are linked by the cosine of their vectors: each other's nearest, or the cheapest edge cover;
    method and layer are chosen on training blocks, since nothing is learnt, for each condition by itself. There is no gold alignment:
    F1 (the alignment error being 1 − F1) is of links at words that the two trees pair, from the roots down, by part of speech and relation
    under paired governors, where that is unique; words spelt alike, numerals and punctuation do not count. Mean over languages.
    It must be above the input embeddings', the position diagonal's and the random twin's; and closed classes above open ones.""",
    expects={
        "F1 beyond input embeddings": above(0.0),
        "F1 beyond the position diagonal": above(0.0),
        "F1 beyond the random twin": above(0.0),
        "closed − open classes, F1": above(0.0),
    },
    needs=("parallel:head", "parallel:upos"),
)
def words_align(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    parallel = corpora.parallel
    assert parallel is not None
    some = parallel.sample(SENTENCES, seed=seed)
    (own, static, diagonal), random = yield from together(
        measure(WordAlignment(), WordAlignment("static"), WordAlignment("diagonal"), over=some),
        measure(WordAlignment(), over=some, twin=True),
    )
    conditions = {"encoder": own, "input embeddings": static, "position diagonal": diagonal, "random twin": random}
    best = {name: each.at_best for name, each in conditions.items()}
    points = {"unit": "points", "seed": seed}
    of_class = lambda r, c: language_mean(r[..., CLASSES.index(c)])
    lead = lambda a, b: 100 * (of_class(a, "all") - of_class(b, "all"))
    values = {
        **{f"F1 beyond {'the ' if name != 'input embeddings' else ''}{name}": bootstrap(lead, best["encoder"], best[name], **points)
           for name in ("input embeddings", "position diagonal", "random twin")},
        "closed − open classes, F1": bootstrap(
            lambda r: 100 * (of_class(r, "closed") - of_class(r, "open")), best["encoder"], **points
        ),
        **{f"F1, {c} words": bootstrap(lambda r, c=c: of_class(r, c), best["encoder"], unit="F1", seed=seed) for c in CLASSES},
    }  # fmt: skip
    baselines = {
        name: bootstrap(lambda r: of_class(r, "all"), best[name], unit="F1", seed=seed) for name in list(best)[1:]
    }
    rows = [row for name, each in conditions.items() for row in _rows(name, each, seed)]
    chosen = ", ".join(f"{name} {METHODS[each.best[0]]}, layer {each.best[1]}" for name, each in conditions.items())
    note = (
        f"{len(some)} sentences of {parallel.name}: {', '.join(own.languages)} against {own.pivot}, {own.links.sum():,} links. A silver reference: the share of "
        f"links that a reader would confirm is not known, and differs by class; it says which encoder aligns better more surely than how well. Chosen: {chosen}."
    )
    return Finding(values, baselines, rows, note)


def _rows(name: str, found: Aligned, seed: int) -> list[Row]:
    method, _ = found.best
    curve = np.nanmean(found.f1.on("train").rate()[:, method, :, 0], 0)
    rows = [Row(f"F1 on training blocks, {METHODS[method]}: {name}", float(x), layer=k) for k, x in enumerate(curve)]
    low, high = found.at_best.intervals(seed=seed)
    for k, rate in enumerate(found.at_best.rate()):
        rows += [
            Row(f"F1, {c} words: {name}", float(rate[i]), float(low[k, i]), float(high[k, i]), int(found.links[k]), label=found.languages[k])
            for i, c in enumerate(CLASSES)
        ]  # fmt: skip
    return rows
