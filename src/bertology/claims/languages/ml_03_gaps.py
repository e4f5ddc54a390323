"""A multilingual encoder fills gaps worse than a monolingual one (Rönnqvist et al. 2019)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.behave.whole_words import Occurrences, WholeWordChoice, by_counts, whole_words
from bertology.claims.languages.shares import arm_rows, mean_over_languages
from bertology.claims.languages.zero_shot import english_encoder
from bertology.claims.registry import claim
from bertology.corpus.corpora import ENGLISH, Corpora
from bertology.corpus.parallel import languages_of
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats.tally import Tally, bootstrap, in_split, of_items

MOST, MOST_ELSEWHERE, LANGUAGES = 2000, 300, 8
"""Masked words of English, of each other language, and other languages."""
FEWEST = 50


class Gaps(NamedTuple):
    """Masked words of a corpus, outside the training blocks; `usual` and `counted` are what counts on these blocks answer."""

    corpus: Corpus
    asked: Occurrences
    usual: int
    counted: NDArray[np.int64]
    kinds: int

    def choice(self, encoder: Encoder, number: int = 0) -> WholeWordChoice:
        return WholeWordChoice(encoder, self.corpus, self.asked.sentence, self.asked.word, self.asked.ids[number])

    def tally(self, *chosen: NDArray[np.int64]) -> Tally:
        """Shares right, (block, cell): of each of `chosen`, then of the most frequent word, then of the counts of neighbours."""
        said = [*chosen, np.full(len(self.asked.kind), self.usual), self.counted]
        right = np.stack([c == self.asked.kind for c in said], axis=1)
        return of_items(right, self.corpus.blocks[self.asked.sentence])


@claim(
    id="ml-03",
    section="8 (v1)",
    says="A multilingual encoder fills gaps worse than a monolingual one.",
    cites=("ronnqvist-2019",),
    method="""Single words of English text are masked, words that are one subword for both encoders, and each encoder chooses among all such words of the
    text. The monolingual encoder is the embedded one, which has read English novels only. Its accuracy must be higher. The other one must
    itself choose better than the most frequent word, and be multilingual: in the other languages of the translations it must
    choose better than their most frequent word, else the claim does not apply. Beside it: counts of neighbouring words on training blocks.""",
    expects={
        "monolingual − multilingual, accuracy": above(0.0),
        "multilingual beyond the most frequent word": above(0.0),
    },
    needs=("mlm", "mask", "text", "parallel"),
)
def monolingual_fills_better(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    other = english_encoder(encoder)
    if other is None:
        raise NotApplicable(f"{encoder.name} is the monolingual encoder itself: give a multilingual one")
    elsewhere = _elsewhere(encoder, corpora, seed)
    english = gaps(corpora.text, (encoder, other), MOST, seed)
    if english is None or not elsewhere:
        raise NotApplicable(
            f"{corpora.text.name} or the translations have fewer than {FEWEST} words outside the training blocks that are one subword"
        )
    others = yield from make(*(each.choice(encoder) for each in elsewhere.values()))
    said = others if len(elsewhere) > 1 else (others,)
    tallies = {code: each.tally(own) for (code, each), own in zip(elsewhere.items(), said, strict=True)}
    points = {"unit": "points", "seed": seed}
    abroad = mean_over_languages(lambda r: 100 * (r[..., 0] - r[..., 1]), list(tallies.values()), **points)
    if not abroad.low > 0:
        raise NotApplicable(
            f"{encoder.name} is not multilingual: in {', '.join(tallies)} its accuracy beyond the most frequent word's is {abroad}"
        )
    multi, mono = yield from make(english.choice(encoder), english.choice(other, 1))
    tally = english.tally(multi, mono)
    names = ("multilingual", "monolingual", "most frequent word", "counts of neighbours")
    share = lambda k: bootstrap(lambda r: r[..., k], tally, unit="share", seed=seed)
    values = {
        "monolingual − multilingual, accuracy": bootstrap(lambda r: 100 * (r[..., 1] - r[..., 0]), tally, **points),
        "multilingual beyond the most frequent word": bootstrap(
            lambda r: 100 * (r[..., 0] - r[..., 2]), tally, **points
        ),
        "other languages, beyond their most frequent word": abroad,
        "monolingual − counts of neighbours, accuracy": bootstrap(
            lambda r: 100 * (r[..., 1] - r[..., 3]), tally, **points
        ),
        "accuracy, multilingual": share(0),
        "accuracy, monolingual": share(1),
    }
    rows = [row for code, t in {"en": tally, **tallies}.items()
            for row in arm_rows(t, names if code == "en" else ("multilingual", *names[2:]), code, n=t.n, seed=seed)]  # fmt: skip
    note = (
        f"{len(english.asked.kind):,} words of {corpora.text.name}, {english.kinds:,} to choose from, frequent words therefore; {other.name} has "
        f"{other.n_parameters / 1e6:.3g} million parameters, {encoder.name} {encoder.n_parameters / 1e6:.3g}: a difference is of size, text and training "
        "as much as of languages."
    )
    return Finding(values, {name: share(k) for k, name in enumerate(names) if k > 1}, rows, note)


def gaps(corpus: Corpus, encoders: tuple[Encoder, ...], most: int, seed: int) -> Gaps | None:
    """At most `most` words to mask, in a seeded choice; None below FEWEST."""
    unknown = [e.tokenizer.unk_token_id for e in encoders]
    every = whole_words(*(e.encode(corpus) for e in encoders), unknown=unknown)
    rows = np.flatnonzero(~in_split(corpus.blocks[every.sentence], "train"))
    if len(rows) < FEWEST:
        return None
    asked = every.some(np.sort(np.random.default_rng(seed).permutation(rows)[:most]))
    usual, counted = by_counts(corpus, every, asked)
    return Gaps(corpus, asked, usual, counted, every.ids.shape[1])


def _elsewhere(encoder: Encoder, corpora: Corpora, seed: int) -> dict[str, Gaps]:
    parallel = corpora.parallel
    assert parallel is not None
    found: dict[str, Gaps] = {}
    for code in [code for code in languages_of(parallel) if code != ENGLISH][:LANGUAGES]:
        own = Corpus(
            f"{parallel.name} in {code}", tuple(s for s in parallel if s.labels["language"] == code), seed=parallel.seed
        )
        if made := gaps(own, (encoder,), MOST_ELSEWHERE, seed):
            found[code] = made
    return found
