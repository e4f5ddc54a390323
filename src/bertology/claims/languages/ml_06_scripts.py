"""Transfer works between some languages with different scripts (Pires et al. 2019)."""

from itertools import product
from typing import NamedTuple

import numpy as np

from bertology.claims.languages.crossed import Crossed, crossed, overlap, subwords, typological_distances, unshared
from bertology.claims.languages.shares import arm_rows
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.scripts import main_script
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap

FEWEST_WORDS = 50
"""Words without shared subwords that a pair must have in dev and in test blocks."""


class Pair(NamedTuple):
    """A source and a target; cells of the tally are the probe, the target's most frequent tag, and the random twins, on words of the
    target none of whose subwords stands in the source's treebank."""

    source: str
    target: str
    tally: Tally
    distance: float
    overlap: float
    same_script: bool

    def lead(self, split: str) -> float:
        rate = self.tally.on(split).rate()
        return float(rate[0] - rate[1:].max())


@claim(
    id="ml-06",
    section="8 (v1)",
    says="Transfer works between some languages with different scripts.",
    cites=("pires-2019",),
    method="""A linear probe for parts of speech, fitted in each language on the layer that is best there, reads every language of another script
    (that of most letters). Counted are only words none of whose subwords stands in the source's treebank, so that nothing is
    shared. The pair that leads its controls most is chosen on dev blocks; on test blocks it must lead the target's most frequent tag (among
    all words, of its own training blocks) and the better of two random twins, treated alike, by more than ten points each. Beside it stands the
    pair of one script whose word order is as unlike (dependency directions, corpus/typology.py).""",
    expects={"lead over the most frequent tag": above(10.0), "lead over the random twins": above(10.0)},
    needs=("treebank.*",),
)
def transfer_across_scripts(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    written = {c: main_script(s.text for s in t) for c, t in corpora.in_languages("treebank").items()}
    if len(set(written.values())) < 2:
        raise NotApplicable(
            f"all treebanks are in one script ({', '.join(sorted(set(written.values())))}): give --corpus treebank.ru=FILE or one of another script"
        )
    found = yield from crossed(encoder, corpora, seed, 2)
    pairs = _pairs(encoder, found, written)
    across = [pair for pair in pairs if not pair.same_script]
    if not across:
        raise NotApplicable(
            f"no pair of languages with different scripts has {FEWEST_WORDS} words without shared subwords in dev and test blocks: give longer treebanks"
        )
    best = max(across, key=lambda pair: pair.lead("dev"))
    test = best.tally.on("test")
    points = {"unit": "points", "seed": seed}
    values = {
        "lead over the most frequent tag": bootstrap(lambda r: 100 * (r[..., 0] - r[..., 1]), test, **points),
        "lead over the random twins": bootstrap(lambda r: 100 * (r[..., 0] - r[..., 2:].max(-1)), test, **points),
        "accuracy across scripts": bootstrap(lambda r: 100 * r[..., 0], test, unit="%", seed=seed),
    }
    alike = min(
        (p for p in pairs if p.same_script and np.isfinite(p.distance)),
        key=lambda p: (abs(p.distance - best.distance), p.source, p.target),
        default=None,
    )
    note = f"Chosen: {best.source} to {best.target} ({written[best.source]} to {written[best.target]}), of {len(across)} pairs. "
    if alike is not None and np.isfinite(best.distance):
        same = alike.tally.on("test")
        values["lead over the most frequent tag, one script, as unlike in word order"] = bootstrap(
            lambda r: 100 * (r[..., 0] - r[..., 1]), same, **points
        )
        note += f"As unlike in one script: {alike.source} to {alike.target}, distances {best.distance:.2f} and {alike.distance:.2f}. "
    baselines = {
        "most frequent tag": bootstrap(lambda r: 100 * r[..., 1], test, unit="%", seed=seed),
        "better random twin": bootstrap(lambda r: 100 * r[..., 2:].max(-1), test, unit="%", seed=seed),
    }
    rows = [row for pair in pairs for row in _rows(pair)]
    return Finding(values, baselines, rows, note + _note(found))


def _pairs(encoder: Encoder, found: Crossed, written: dict[str, str]) -> list[Pair]:
    codes, far = list(found.treebanks), typological_distances(found.treebanks)
    known = {code: subwords(encoder, treebank) for code, treebank in found.treebanks.items()}
    made = []
    for (i, source), (k, target) in product(enumerate(codes), repeat=2):
        if i == k or not written[source] or not written[target]:
            continue
        there = found.own.target(target)
        rows = unshared(encoder, found.treebanks[target], known[source], found.own, target)
        if min((rows & there.part(split)).sum() for split in ("dev", "test")) < FEWEST_WORDS:
            continue
        cells = [found.own.right(source, target), there.gold == there.usual]
        cells += [twin.right(source, target) for twin in found.twins]
        tally = there.tally(rows & (there.gold != ""), *cells)
        shared = overlap(known[source], known[target])
        made.append(Pair(source, target, tally, float(far[i, k]), shared, written[source] == written[target]))
    return made


def _rows(pair: Pair) -> list[Row]:
    test = pair.tally.on("test")
    label, n = f"{pair.source} to {pair.target}", int(test.weight[:, 0].sum())
    kind = "one script" if pair.same_script else "two scripts"
    names = ("probe", "most frequent tag", *(f"random twin {k}" for k in range(test.total.shape[1] - 2)))
    rows = arm_rows(test, names, label, kind=f"{kind}, ")
    return [
        *rows,
        Row("distance in word order", pair.distance, n=n, label=label),
        Row("shared subwords (Jaccard)", pair.overlap, n=n, label=label),
    ]


def _note(found: Crossed) -> str:
    layers = ", ".join(f"{c} {layer}" for c, layer in zip(found.own.codes, found.own.layers, strict=True))
    return (
        f"Layers chosen by language: {layers}; fitted on {found.own.trained.min()} to {found.own.trained.max()} words. "
        "A linear probe, where the study fine-tunes."
    )
