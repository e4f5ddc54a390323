"""Languages with fewer subwords a word transfer better (facts about the model: Devlin et al. 2019)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.claims.languages.crossed import crossed
from bertology.claims.languages.language_pairs import correlation
from bertology.claims.languages.shares import enough
from bertology.claims.registry import claim
from bertology.corpus.corpora import ENGLISH, Corpora
from bertology.corpus.parallel import languages_of
from bertology.encoder import Encoder
from bertology.encoder.align import Encoded
from bertology.observe import Asking, measure, together
from bertology.probe.retrieval import Retrieval
from bertology.record.claim import Published, above, below
from bertology.record.result import Finding, Row
from bertology.stats import repeats

FEWEST = 5
"""Languages beside English that a correlation needs."""


class Transfer(NamedTuple):
    """What `kind` of transfer from English reaches each language: of the encoder (`own`), of its random twin."""

    kind: str
    languages: tuple[str, ...]
    own: NDArray[np.float64]
    twin: NDArray[np.float64]


@claim(
    id="ml-01",
    section="8 (v1)",
    says="Languages with fewer subwords a word transfer better.",
    cites=("devlin-2019",),
    method="""Subwords a word in each language of the translations, against transfer from English in that language: where treebanks of five of
    the languages are given, accuracy of a part-of-speech probe that was fitted on English words; else the share of translations
    retrieved after the mean difference is added (ml-08). Spearman's correlation over languages must be negative, and negative again for
    what transfer has over the random twin's, since words in English letters are found by their letters; and the encoder must lead its twin.
    Intervals resample languages, and are wide for a handful of them.""",
    published=(
        Published(104.0, "languages", "multilingual BERT", "Wikipedia", "rogers-2020 (notes on the survey)", "verified"),
        Published(110000.0, "subwords in the vocabulary, rounded", "multilingual BERT", "Wikipedia", "rogers-2020 (notes on the survey)", "verified"),
        Published(0.7, "exponent of smoothed sampling", "multilingual BERT", "Wikipedia", "devlin-2019", "memory"),
    ),
    expects={
        "correlation with transfer": below(0.0),
        "correlation with transfer beyond the random twin's": below(0.0),
        "transfer beyond the random twin's": above(0.0),
    },
    needs=("parallel",),
)  # fmt: skip
def fewer_subwords_transfer_better(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    parallel = corpora.parallel
    assert parallel is not None
    counts = subwords_a_word(encoder.encode(parallel), encoder.tokenizer.unk_token_id)
    treebanks = {code for code, t in corpora.in_languages("treebank").items() if t.having("upos")} & set(counts)
    found = yield from (
        _tagged(encoder, corpora, seed, treebanks)
        if len(treebanks - {ENGLISH}) >= FEWEST and ENGLISH in treebanks
        else _retrieved(corpora)
    )
    enough(found.languages, FEWEST, "parallel", "translations or a treebank")
    length = np.array([counts[code].mean for code in found.languages])
    lead = found.own - found.twin
    values = {
        "correlation with transfer": correlation(length, found.own, seed=seed),
        "correlation with transfer beyond the random twin's": correlation(length, lead, seed=seed),
        "transfer beyond the random twin's": repeats.mean(100 * lead, unit="points"),
    }
    baselines = {"correlation with the random twin's transfer": correlation(length, found.twin, seed=seed)}
    rows = [
        Row(measured, float(value), n=counts[code].words, label=code)
        for code in languages_of(parallel) for measured, value in
        (("subwords a word", counts[code].mean), ("words that are one subword", counts[code].whole), ("unknown subwords", counts[code].unknown))
    ]  # fmt: skip
    for who, part in (("encoder", found.own), ("random twin", found.twin)):
        rows += [
            Row(f"{found.kind}, {who}", float(x), label=code) for code, x in zip(found.languages, part, strict=True)
        ]
    unknown = [f"{code} {counts[code].unknown:.0%}" for code in found.languages if counts[code].unknown > 0.05]
    note = (
        f"Transfer: {found.kind}. {len(found.languages)} languages beside English: as few say little of languages at large, and scripts, "
        f"families and sizes of the training text go with the length of words in subwords. {len(encoder.tokenizer):,} subwords in the vocabulary."
        + (f" Unknown subwords, which hide how long words are: {', '.join(unknown)}." if unknown else "")
    )
    return Finding(values, baselines, rows, note)


class Lengths(NamedTuple):
    """Over a language's sentences: `mean` subwords a word, shares of words that are one (`whole`) and of `unknown` subwords, number of `words`."""

    mean: float
    whole: float
    unknown: float
    words: int


def subwords_a_word(encoded: Encoded, unknown_id: int | None = None) -> dict[str, Lengths]:
    """By the label "language"."""
    sums: dict[str, NDArray[np.int64]] = {}
    for line in encoded.lines:
        lengths = [len(pieces) for pieces in line.pieces]
        own = line.ids[~line.special]
        part = [len(lengths), len(own), lengths.count(1), 0 if unknown_id is None else int((own == unknown_id).sum())]
        code = str(encoded.corpus[line.index].labels["language"])
        sums[code] = sums.get(code, np.zeros(4, dtype=np.int64)) + part
    return {
        code: Lengths(subwords / words, whole / words, unknown / subwords, int(words))
        for code, (words, subwords, whole, unknown) in sums.items()
    }


def _retrieved(corpora: Corpora) -> Asking[Transfer]:
    parallel = corpora.parallel
    assert parallel is not None
    search = Retrieval("mean difference")
    own, twin = yield from together(measure(search, over=parallel), measure(search, over=parallel, twin=True))
    return Transfer(
        "share of translations retrieved, mean difference added", own.languages, own.at_best.rate(), twin.at_best.rate()
    )


def _tagged(encoder: Encoder, corpora: Corpora, seed: int, codes: set[str]) -> Asking[Transfer]:
    found = yield from crossed(encoder, corpora, seed, FEWEST + 1)
    others = tuple(code for code in found.own.codes if code in codes and code != ENGLISH)
    source = found.own.codes.index(ENGLISH)
    picked = [found.own.codes.index(code) for code in others]
    own = found.own.accuracy()[source][picked]
    twin = np.mean([each.accuracy()[source][picked] for each in found.twins], axis=0)
    return Transfer("accuracy of a part-of-speech probe fitted on English", others, own, twin)
