"""Adding languages does not harm the representations (Artetxe et al. 2019)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training import scale
from bertology.corpus.corpora import ENGLISH, Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.probe.cross_lingual import CrossTagging, Reader
from bertology.record.claim import above
from bertology.record.result import Finding, Row
from bertology.stats import repeats
from bertology.train.artefacts import Training

TOKENS = 500_000
"""Subwords of each language."""
NUMBERS = (1, 2, 4)
RECIPE = replace(scale.TINY, vocabulary=2400)


@claim(
    id="ml-05",
    section="8 (v1)",
    says="Adding languages does not harm the representations.",
    cites=("artetxe-2019",),
    method="""Tiny encoders of one shape and one size of vocabulary, from scratch on one, two and four languages (as many as are given): English
    always and the same text of it, the others cut to its length, and as many subwords for each language, so that more
    languages mean more training, not less English. A linear probe for English parts of speech is fitted on each, in the layer that is best
    on dev. Its accuracy on test against the binary logarithm of the number of languages, one line a seed: holds if less than a point is
    lost by each doubling, and if the encoder of most languages is above its random twin, so that there is something to lose.""",
    expects={
        "points gained by each doubling of languages": above(-1.0),
        "most languages, beyond the random twin": above(0.0),
    },
    needs=("training", "raw.*", "treebank:upos"),
)
def more_languages_do_no_harm(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    texts = corpora.in_languages("raw")
    codes = [ENGLISH, *(code for code in texts if code != ENGLISH)]
    numbers = sorted({min(n, len(codes)) for n in NUMBERS})
    mixtures = [mixed(texts, codes[:n], codes[: numbers[-1]], seed) for n in numbers]
    seeds = [seed * 100 + s for s in scale.SEEDS]
    runs = yield from make(
        *(Training(RECIPE, text, TOKENS * n, s) for n, text in zip(numbers, mixtures, strict=True) for s in seeds)
    )
    most = runs[-len(seeds) :]
    read = [*(run.encoder for run in runs), *(run.encoder.randomised(s) for run, s in zip(most, seeds, strict=True))]
    tags = yield from make(*(CrossTagging((Reader(ENGLISH, one, corpora.treebank),)) for one in read))
    scores = 100 * np.array([each.accuracy()[0, 0] for each in tags]).reshape(len(numbers) + 1, len(seeds))
    trained, twins = scores[:-1], scores[-1]
    slopes = np.polyfit(np.log2(numbers), trained, 1)[0]
    values = {
        "points gained by each doubling of languages": repeats.mean(slopes, unit="points"),
        "most languages, beyond the random twin": repeats.difference(trained[-1], twins, unit="points"),
    }
    for n, own in zip(numbers, trained, strict=True):
        values[f"accuracy, {n} language{'s' if n > 1 else ''}"] = repeats.mean(own, unit="%")
    rows = [
        Row("accuracy, English parts of speech", float(x), label=f"{name}, seed {s}")
        for name, own in zip((*(f"{n} languages: {', '.join(codes[:n])}" for n in numbers), "random twins"), scores, strict=True)
        for s, x in enumerate(own)
    ]  # fmt: skip
    words = sum(map(len, mixtures[0]))
    note = (
        f"Languages: {', '.join(codes[: numbers[-1]])}, {words:,} words of English. The encoder given is not looked at. The vocabulary of {RECIPE.vocabulary:,} is shared by all "
        f"languages of an encoder. {scale.scale_note(mixtures[-1], TOKENS * numbers[-1])}"
    )
    return Finding(values, {"random twin": repeats.mean(twins, unit="%")}, rows, note)


def mixed(texts: Mapping[str, Corpus], codes: Sequence[str], every: Sequence[str], seed: int) -> Corpus:
    """The texts of `codes` one after the other, each cut to the characters of the shortest of `every`; documents stay apart by language."""
    size = min(sum(len(s.text) for s in texts[code]) for code in every)
    sentences = []
    for code in codes:
        parts = texts[code].sentences
        kept = np.searchsorted(np.cumsum([len(s.text) for s in parts]), size) + 1
        sentences += [replace(s, id=f"{code}:{s.id}", document=f"{code}:{s.document or s.id}") for s in parts[:kept]]
    return Corpus(f"{', '.join(codes)}", tuple(sentences), seed=seed)
