"""How well a property can be probed does not say how much the model uses it (Tenney et al. 2019; Elazar et al. 2021)."""

import numpy as np
from numpy.typing import NDArray

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.intervene.inputs import MaskWords
from bertology.observe import Asking, measure, together
from bertology.probe.erasure import METHODS, Erasure, MaskedProbe, erasable
from bertology.probe.readings import OnlineCode, TagCurve
from bertology.record.claim import Published, above, between
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.ranks import spearman
from bertology.stats.tally import bootstrap

RATE = 0.2
"""Share of words masked, as in lim-06."""
PANEL = 8000
"""Words behind what stands beside the correlation: selectivity and description length."""
FEWEST = 5
"""Properties that a rank correlation is taken over."""


@claim(
    id="lim-01",
    section="3.4",
    says="How well a property can be probed does not say how much the model uses it.",
    cites=("tenney-2019a", "elazar-2020"),
    method="""For every property of words that the treebank is annotated with: accuracy of a linear probe of the encoder's output at
    masked words, and the points of top-1 word prediction that erasing it costs beyond as many random directions (as lim-06), both on
    the test words that have the property. Spearman correlation over the properties, words resampled, the properties taken as given:
    the claim holds if the whole interval lies within ±0.7, where accuracy explains less than half of the variance of the ranks, for
    INLP and for LEACE. An interval that merely includes 0 would hold for noise; so it must also be narrow, probes must find the
    properties beyond the random twin, and erasing must cost something beyond random directions, both on average over the properties.""",
    published=(
        Published(71.19, "probe accuracy, dependency relation, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(52.31, "drop of word prediction after erasing, dependency relation, difference of two columns, points", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(78.32, "probe accuracy, fine part of speech, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(50.97, "drop of word prediction after erasing, fine part of speech, difference of two columns, points", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(84.4, "probe accuracy, coarse part of speech, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(23.7, "drop of word prediction after erasing, coarse part of speech, difference of two columns, points", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(90.68, "probe accuracy, entity type, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(9.32, "drop of word prediction after erasing, entity type, difference of two columns, points", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(85.53, "probe accuracy, phrase start, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(0.82, "drop of word prediction after erasing, phrase start, difference of two columns, points", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(83.21, "probe accuracy, phrase end, %", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(1.52, "drop of word prediction after erasing, phrase end, difference of two columns, points", "BERT-base", "masked words", "Elazar et al. 2021, table 2", "verified"),
        Published(0.085, "Spearman correlation over six properties of probe accuracy and importance, p = .871", "BERT-base", "unmasked words", "Elazar et al. 2021, section 4", "verified", "rank correlation, INLP"),
    ),
    expects={
        "rank correlation, INLP": between(-0.7, 0.7),
        "rank correlation, LEACE": between(-0.7, 0.7),
        "probe accuracy over the random twin": above(0.0),
        "loss beyond random directions, INLP": above(0.0),
        "loss beyond random directions, LEACE": above(0.0),
    },
    needs=("mlm", "mask", "treebank:upos"),
)  # fmt: skip
def presence_is_not_use(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    treebank = corpora.treebank
    properties = erasable(treebank, RATE)
    if len(properties) < FEWEST:
        raise NotApplicable(
            f"{treebank.name} has {len(properties)} properties that enough words are labelled for, {FEWEST} are due"
        )
    masked, last = MaskWords(RATE), (encoder.n_layers,)
    found, probes, kept = yield from together(
        measure(*map(Erasure, properties), over=treebank, under=masked),
        measure(*map(MaskedProbe, properties), over=treebank, under=masked, twin=True),
        measure(
            *(TagCurve(p, layers=last, limit=PANEL) for p in properties),
            *(TagCurve(p, control=True, layers=last, limit=PANEL) for p in properties),
            *(OnlineCode(p, last, most=3000, limit=PANEL) for p in properties), over=treebank,
        ),
    )  # fmt: skip
    n, points = len(properties), {"unit": "points", "seed": seed}
    correct, before = [one.correct for one in found], [one.probe[0] for one in found]
    cells = {method: (found[0].at(method), found[0].at(f"{method} random")) for method in METHODS}

    def losses(method: str, rates: tuple[NDArray[np.float64], ...]) -> NDArray[np.float64]:
        """Points of top-1 lost beyond random directions, (draw, property)."""
        a, b = cells[method]
        return np.stack([100 * (r[:, b] - r[:, a]) for r in rates], axis=1)

    stacked = lambda rates: np.stack(rates, axis=1)
    by_row = lambda a, b: np.array([spearman(x, y) for x, y in zip(a, b, strict=True)])
    values = {
        f"rank correlation, {method}": bootstrap(
            lambda *r, m=method: by_row(stacked(r[:n]), losses(m, r[n:])),
            *before,
            *correct,
            unit="Spearman correlation",
            seed=seed,
        )
        for method in METHODS
    }
    values["probe accuracy over the random twin"] = bootstrap(
        lambda *r: 100 * (stacked(r[:n]) - stacked(r[n:])).mean(1), *before, *probes, **points
    )
    values |= {
        f"loss beyond random directions, {method}": bootstrap(
            lambda *r, m=method: losses(m, r).mean(1), *correct, **points
        )
        for method in METHODS
    }
    usual = [one.majority for one in found]
    values |= {
        f"rank correlation of accuracy over the majority, {method}": bootstrap(
            lambda *r, m=method: by_row(stacked(r[:n]) - stacked(r[n : 2 * n]), losses(m, r[2 * n :])),
            *before, *usual, *correct, unit="Spearman correlation", seed=seed,
        )
        for method in METHODS
    }  # fmt: skip
    rows = []
    plain, control, codes = kept[:n], kept[n : 2 * n], kept[2 * n :]
    for k, name in enumerate(properties):
        task, other = plain[k].correct[0].on("test"), control[k].correct[0].on("test")
        shown = {
            "accuracy at masked words (%)": bootstrap(lambda r: 100 * r, before[k], seed=seed),
            "accuracy (%)": bootstrap(lambda r: 100 * r, task, seed=seed),
            "selectivity (points)": bootstrap(lambda p, c: 100 * (p - c), task, other, seed=seed),
            "description length (bits a label)": codes[k][0].estimate(seed=seed),
            **{f"loss when erased by {m} (points)": bootstrap(lambda r, m=m: losses(m, (r,))[:, 0], correct[k], seed=seed)
               for m in METHODS},
        }  # fmt: skip
        rows += [Row(measured, e.value, e.low, e.high, e.n, label=name) for measured, e in shown.items()]
    note = (
        f"{n} properties: {', '.join(properties)}. Selectivity and description length (online code of a linear probe) are of the "
        "same layer with no word masked. The study correlates six properties, with INLP. Accuracy is raw, as there, and depends on how "
        "frequent a property's usual label is: beside it stands the correlation of accuracy over that majority, which may be another."
    )
    return Finding(values, {}, rows, note)
