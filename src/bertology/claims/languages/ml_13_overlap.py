"""Shared vocabulary correlates with transfer (Pires et al. 2019; Wu & Dredze 2019) and is not its cause (K et al. 2020; Artetxe et al. 2020)."""

from dataclasses import replace

import numpy as np

from bertology.claims.languages.crossed import crossed, overlap, subwords
from bertology.claims.languages.language_pairs import over_languages, partial_spearman
from bertology.claims.registry import claim
from bertology.claims.training import scale
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.probe.cross_lingual import CrossTagging, CrossTags, Reader
from bertology.record.claim import above, between
from bertology.record.errors import NotApplicable
from bertology.record.estimate import Estimate
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.train.fake_english import BilingualMLM, BilingualTraining, fake_reader
from bertology.train.objectives.masking import Masking

FEWEST = 6
SHARED = 0.5
"""Of the subwords, in the languages that overlap."""
WORDS = 6000
MASKING = Masking(rate=0.2)


@claim(
    id="ml-13",
    section="8 (v1)",
    says="Shared vocabulary correlates with transfer but is not its cause.",
    cites=("pires-2019", "wu-dredze-2019", "k-2019", "artetxe-2019"),
    method="""The intervention: tiny encoders are trained on English and Fake-English (the same language under other ids) in turns, once with no
    subword in common and once with half of them, three seeds each. A linear probe for parts of speech is fitted on English and read in the fake,
    only on words none of whose subwords are common in either, so that overlap can help as an anchor alone. The correlation: over ordered pairs
    of the languages given, of shared subwords and transfer accuracy (probes as in ml-06), less that of random twins. The conflict
    holds if the correlation is positive and beyond the twins', the effect of overlap is within five points of nothing, and there is
    transfer to speak of without overlap: above the fake's most frequent tag and above random weights. Without treebanks in other languages
    the correlation is not measured, and the claim can fail but not hold.""",
    expects={
        "effect of shared subwords": between(-5.0, 5.0),
        "transfer without overlap, lead over the most frequent tag": above(0.0),
        "transfer without overlap, lead over random weights": above(0.0),
        "correlation of overlap and transfer": above(0.0),
        "correlation beyond the random twins": above(0.0),
    },
    needs=("training", "raw", "treebank:upos"),
)
def overlap_correlates_and_does_not_cause(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    recipes = [
        replace(scale.TINY, name=f"bilingual, {share:.0%} shared", objectives=(BilingualMLM(MASKING, shared=share),))
        for share in (0.0, SHARED)
    ]
    numbers = [seed * 100 + s for s in scale.SEEDS]
    asked = [BilingualTraining(r, corpora.raw, scale.TOKENS, k) for r in recipes for k in numbers]
    made = yield from make(*asked)
    apart, together = made[: len(numbers)], made[len(numbers) :]
    read = lambda who, share: CrossTagging(
        (Reader("en", who, corpora.treebank), Reader("fake", fake_reader(who, share), corpora.treebank)), words=WORDS
    )
    tags = yield from make(
        *(read(run.encoder, 0.0) for run in apart), *(read(run.encoder, SHARED) for run in together),
        *(read(run.encoder.randomised(k), 0.0) for run, k in zip(apart, numbers, strict=True)),
    )  # fmt: skip
    alone, anchored, random = (tags[k : k + len(numbers)] for k in range(0, len(tags), len(numbers)))
    words = _unshared(together[0].encoder, corpora)
    transfer, in_anchored, in_random = (
        np.array([_accuracy(t, "en", words) for t in arm]) for arm in (alone, anchored, random)
    )
    every = lambda arm: np.array([_accuracy(t, "en", None) for t in arm])
    inside = np.array([_accuracy(t, "fake", words) for t in alone])
    usual = np.array([_usual(t, words) for t in alone])
    values = {
        "effect of shared subwords": repeats.difference(in_anchored, transfer, unit="points"),
        "transfer without overlap, lead over the most frequent tag": repeats.difference(transfer, usual, unit="points"),
        "transfer without overlap, lead over random weights": repeats.difference(transfer, in_random, unit="points"),
    }
    correlation, rows, of_pairs = yield from _correlation(encoder, corpora, seed)
    values |= correlation
    values |= {
        "effect of shared subwords, shared words counted": repeats.difference(
            every(anchored), every(alone), unit="points"
        ),
        "accuracy without overlap": repeats.mean(transfer, unit="%"),
        "accuracy with overlap": repeats.mean(in_anchored, unit="%"),
        "accuracy of a probe fitted in the fake": repeats.mean(inside, unit="%"),
    }
    baselines = {
        "most frequent tag": repeats.mean(usual, unit="%"),
        "random weights": repeats.mean(in_random, unit="%"),
    }
    note = f"{scale.scale_note(corpora.raw, scale.TOKENS)} Each language gets half of it. Read on {corpora.treebank.name}. {of_pairs}"
    return Finding(values, baselines, rows, note)


def _correlation(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[tuple[dict[str, Estimate], list[Row], str]]:
    """The correlation over pairs of languages, or what says that it was not measured."""
    names = ("correlation of overlap and transfer", "correlation beyond the random twins")
    try:
        found = yield from crossed(encoder, corpora, seed, FEWEST)
    except NotApplicable as lack:
        unknown = Estimate(np.nan, np.nan, np.nan, 0, "ρ", "not measured")
        return dict.fromkeys(names, unknown), [], f"The correlation was not measured: {lack}"
    known = [subwords(encoder, t) for t in found.treebanks.values()]
    shared = np.array([[overlap(a, b) for b in known] for a in known])
    own, twins = found.own.accuracy(), [twin.accuracy() for twin in found.twins]
    rho = lambda table, *at: partial_spearman(table[at], shared[at])
    n = len(known)
    values = {
        names[0]: over_languages(lambda *at: rho(own, *at), n, seed=seed),
        names[1]: over_languages(lambda *at: rho(own, *at) - np.mean([rho(t, *at) for t in twins]), n, seed=seed),
    }
    rows = [
        Row(measure, float(table[i, k]), label=f"{source} to {target}")
        for measure, table in (("transfer accuracy", own), ("shared subwords (Jaccard)", shared))
        for i, source in enumerate(found.own.codes) for k, target in enumerate(found.own.codes) if i != k
    ]  # fmt: skip
    return values, rows, f"The correlation is that of {encoder.name} over {', '.join(found.own.codes)}."


def _unshared(encoder: Encoder, corpora: Corpora) -> dict[tuple[int, int], bool]:
    """By (sentence, word) of the treebank, whether none of the word's subwords are common to the languages that overlap."""
    lines = zip(
        encoder.encode(corpora.treebank).lines, fake_reader(encoder, SHARED).encode(corpora.treebank).lines, strict=True
    )
    return {
        (a.index, w): all(a.ids[p] != b.ids[p] for p in pieces) for a, b in lines for w, pieces in enumerate(a.pieces)
    }


def _rows_of(tags: CrossTags, words: dict[tuple[int, int], bool] | None) -> np.ndarray:
    there = tags.target("fake")
    rows = there.part("test")
    if words is not None:
        rows &= np.array([words[place] for place in zip(there.sentence.tolist(), there.word.tolist(), strict=True)])
    if not rows.any():
        raise NotApplicable("no word of the treebank's test blocks is without common subwords: give a larger treebank")
    return rows


def _accuracy(tags: CrossTags, source: str, words: dict[tuple[int, int], bool] | None) -> float:
    return 100 * float(tags.right(source, "fake")[_rows_of(tags, words)].mean())


def _usual(tags: CrossTags, words: dict[tuple[int, int], bool]) -> float:
    there = tags.target("fake")
    return 100 * float((there.gold == there.usual)[_rows_of(tags, words)].mean())
