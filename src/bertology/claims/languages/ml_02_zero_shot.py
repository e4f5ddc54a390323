"""Fine-tuned on English alone, a multilingual encoder works in other languages (Wu & Dredze 2019; Pires et al. 2019)."""

import numpy as np

from bertology.claims.languages import zero_shot
from bertology.claims.languages.shares import arm_rows, mean_over_languages, share_of_languages
from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import ENGLISH, Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import Published, above
from bertology.record.estimate import Estimate
from bertology.record.result import Finding
from bertology.train.transfer import Transfer

FEWEST = 5
MARGIN = 0.01
"""By how much a language's score must exceed the best control: random encoders differ from each other by as much."""


@claim(
    id="ml-02",
    section="8 (v1)",
    says="Fine-tuned on English alone, a multilingual encoder works in other languages.",
    cites=("wu-dredze-2019", "pires-2019"),
    method="""Fine-tuned for parts of speech on English sentences from three seeds and scored on test sentences of every other language. In
    a language it works when its accuracy is a point above each control: the language's most frequent tag, three random twins
    fine-tuned alike (the best of them), and the embedded encoder that has read English only. Holds if so in more than four fifths of the
    languages, languages and blocks of sentences resampled, and if the mean lead over the English encoder is positive; asked of that
    encoder itself, it cannot hold. The zero-shot score over that of fine-tuning in the language itself, on as many sentences, is reported.""",
    published=(
        Published(39.0, "languages tested", "multilingual BERT", "five tasks", "wu-dredze-2019 (abstract)", "verified"),
    ),
    expects={"share of languages above all controls": above(0.8), "lead over the English encoder": above(0.0)},
    needs=("training", "treebank.*"),
)  # fmt: skip
def works_in_other_languages(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    tagged = zero_shot.tagging(corpora, FEWEST, seed)
    english = zero_shot.english_encoder(encoder)
    numbers = fine_tuned.numbered(seed, zero_shot.SEEDS)
    ask = lambda who, code, number: Transfer(
        who, tagged.tasks[code], fine_tuned.STANDARD, number, tagged.elsewhere if code == ENGLISH else ((code, tagged.held[code].examples),)
    )  # fmt: skip
    own = yield from make(*(ask(encoder, ENGLISH, k) for k in numbers))
    twins = yield from make(*(ask(encoder.randomised(k), ENGLISH, k) for k in numbers))
    other = [] if english is None else (yield from make(*(ask(english, ENGLISH, k) for k in numbers)))
    inside = yield from make(*(ask(encoder, code, numbers[0]) for code in tagged.others))
    tallies = []
    for code, in_language in zip(tagged.others, inside, strict=True):
        held = tagged.held[code]
        cells = [zero_shot.pooled(own, code), in_language[code], held.majority, *(twin[code] for twin in twins)]
        tallies.append(held.tally(*cells, *([zero_shot.pooled(other, code)] if english else [])))
    controls = slice(2, None)
    lead = lambda r: r[..., 0] - r[..., controls].max(-1)
    over = lambda base: lambda r: 100 * (r[..., 0] - base(r))
    twin = slice(3, 3 + len(numbers))
    mean = lambda value, unit="points": mean_over_languages(value, tallies, unit=unit, seed=seed)
    unknown = Estimate(np.nan, np.nan, np.nan, 0, "points", f"{encoder.name} is the English encoder itself")
    values = {
        "share of languages above all controls": share_of_languages(lambda r: lead(r) > MARGIN, tallies, seed=seed),
        "lead over the English encoder": mean(over(lambda r: r[..., -1])) if english else unknown,
        "lead over the best random twin": mean(over(lambda r: r[..., twin].max(-1))),
        "lead over the most frequent tag": mean(over(lambda r: r[..., 2])),
        "zero-shot over in-language accuracy": mean(lambda r: r[..., 0] / np.maximum(r[..., 1], 1e-9), "ratio"),
        "zero-shot accuracy": mean(lambda r: 100 * r[..., 0], "%"),
    }
    baselines = {
        "in-language accuracy": mean(lambda r: 100 * r[..., 1], "%"),
        "most frequent tag": mean(lambda r: 100 * r[..., 2], "%"),
    }
    names = ("zero-shot", "in-language", "most frequent tag", *(f"random twin {k}" for k in zero_shot.SEEDS))
    names = (*names, "English encoder") if english else names
    rows = [row for code, tally in zip(tagged.others, tallies, strict=True) for row in arm_rows(tally, names, code)]
    note = f"{zero_shot.source_note(tagged)} {'' if english else 'No English encoder to compare with: it is the one asked. '}"
    return Finding(
        values, baselines, rows, note + fine_tuned.note(encoder, [tagged.tasks[ENGLISH]], fine_tuned.STANDARD, numbers)
    )
