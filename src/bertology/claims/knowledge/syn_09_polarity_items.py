"""Licensors and presence of polarity items are detected better than violations of their scope (Warstadt et al. 2019)."""

import numpy as np
from numpy.typing import NDArray

from bertology.behave.asks import Scoring
from bertology.behave.choice import REST, Choosing, region_totals
from bertology.behave.minimal_pairs import TIE
from bertology.behave.pll import Scores
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.minimal_pairs import npi_kind
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import Ability, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap, of_items

FEWEST = 20
"""Pairs of one changed word, of licensor and presence, from which the pull of the context is read."""


@claim(
    id="syn-09",
    section="3.1",
    says="Licensors and presence of negative polarity items are detected better than violations of their scope.",
    cites=("warstadt-2019",),
    method="""Accuracy of the pseudo-log-likelihood (later subwords of a word masked too) on minimal pairs: another word in the place
    of the licensor, a polarity item in the place of another word, a licensor that does not command the item. Each kind is the mean
    of its paradigms; the mean of the first two must exceed the third. Preferences for words alone could do that, so the context must
    pull: where a licensor or item is the one word that differs, its log-odds over the other word must rise by more than a tenth
    of a nat when the rest of the sentence is seen instead of masked.""",
    expects={"licensor and presence − scope": above(0.0), "pull of the context": above(0.1)},
    needs=("mlm", "mask", "pairs"),
    abilities=(Ability("negative polarity", "licensor, accuracy", chance=0.5),),
)
def scope_is_harder(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    pairs = polarity_pairs(corpora.pairs)
    names = sorted({s.labels["phenomenon"] for s in pairs})
    kinds = np.array([npi_kind(name) for name in names])
    found = [kind for kind in ("licensor", "presence") if kind in kinds]
    if not found or "scope" not in kinds:
        raise NotApplicable(f"{corpora.pairs.name} has no pairs on the scope of polarity items beside others on them")
    twin = encoder.randomised(seed)
    own, seen, alone, twin_seen, twin_alone = yield from make(
        Scoring(encoder, pairs), *(Choosing(who, pairs, hide) for who in (encoder, twin) for hide in ("", REST))
    )
    blocks = pairs.blocks[0::2]
    place = np.array([names.index(s.labels["phenomenon"]) for s in pairs.sentences[0::2]])
    tally = of_items(right_pairs(encoder, pairs, own), blocks, place, len(names))
    of_licensing = lambda margins: np.where(kinds[place] == "scope", np.nan, margins)
    pull, twin_pull = of_licensing(seen.margin - alone.margin), of_licensing(twin_seen.margin - twin_alone.margin)
    if (few := int(np.isfinite(pull).sum())) < FEWEST:
        raise NotApplicable(f"{few} pairs on licensors and items differ in one word, {FEWEST} are due")
    mean = lambda rates, kind: np.nanmean(rates[..., kinds == kind], axis=-1)
    gap = lambda rates: 100 * (sum(mean(rates, kind) for kind in found) / len(found) - mean(rates, "scope"))
    values = {
        "licensor and presence − scope": bootstrap(gap, tally, unit="points of accuracy", seed=seed),
        "pull of the context": of_items(pull, blocks).estimate(unit="nats", seed=seed),
    } | {
        f"{kind}, accuracy": bootstrap(lambda rates, kind=kind: mean(rates, kind), tally, unit="accuracy", seed=seed)
        for kind in (*found, "scope")
    }
    baselines = {"random twin, pull of the context": of_items(twin_pull, blocks).estimate(unit="nats", seed=seed)}
    low, high = tally.intervals(seed=seed)
    rows = [
        Row("accuracy", float(rate), float(low[k]), float(high[k]), int(tally.weight[:, k].sum()), label=f"{kinds[k]}: {names[k]}")
        for k, rate in enumerate(tally.rate())
        if np.isfinite(rate)
    ]  # fmt: skip
    note = f"{pairs.name}: {len(names)} paradigms, {len(place)} pairs; one of five methods of the study (see lim-03)."
    return Finding(values, baselines, rows, note)


def polarity_pairs(pairs: Corpus) -> Corpus:
    """The pairs on polarity items."""
    return pairs.where(lambda s: bool(npi_kind(str(s.labels.get("phenomenon", "")))), why="not on polarity items")


def right_pairs(encoder: Encoder, pairs: Corpus, scores: Scores) -> NDArray[np.float64]:
    """(pair,): 1 where the acceptable sentence is the likelier by more than a tie, 0 else, nan where one could not be read."""
    totals = np.full(len(pairs), np.nan)
    totals[scores.kept] = region_totals(encoder, pairs, scores)
    margin = totals[0::2] - totals[1::2]
    return np.where(np.isfinite(margin), margin > TIE, np.nan)
