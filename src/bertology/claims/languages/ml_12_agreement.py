"""Agreement is respected across languages (Bacon & Regier 2019; Rönnqvist et al. 2019)."""

import numpy as np

from bertology.behave.choice import REST, Choice, Choosing
from bertology.claims.knowledge.syn_08_agreement import FEWEST as FEWEST_PAIRS
from bertology.claims.knowledge.syn_08_agreement import by_construction, left_out
from bertology.claims.languages.shares import arm_rows, enough, mean_over_languages, share_of_languages
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import Published, above
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, of_items

ARMS = ("encoder", "subject masked", "random twin")
FEWEST = 3
PAIRS = 1500
"""Pairs of each language, at most."""
LEAST = 0.8


@claim(
    id="ml-12",
    section="8 (v1)",
    says="Agreement is respected across languages.",
    cites=("bacon-2019", "ronnqvist-2019"),
    method="""As syn-08, in each language given, English included: which of two verb forms, both one subword, is the likelier at its mask. A language
    counts where more than .8 of its pairs are right and more than with the subject's head masked as well (with all other words masked,
    where the subject is not known). Holds if that is so in more than three quarters of the languages, languages and blocks of
    sentences resampled, and if the mean gain over the masked subject and over the random twin is positive. The study asks
    four types of agreement in 26 languages; this is subject and verb alone.""",
    published=(
        Published(26.0, "languages tested", "multilingual BERT", "agreement cloze", "rogers-2020 (notes on the survey)", "verified"),
    ),
    expects={
        "share of languages above .8 and above the control": above(0.75),
        "gain over the masked subject": above(0.0),
        "gain over the random twin": above(0.0),
    },
    needs=("mlm", "mask", "agreement.*"),
)  # fmt: skip
def agreement_across_languages(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    given = {code: pairs.sample(2 * PAIRS, seed=seed) for code, pairs in corpora.in_languages("agreement").items()}
    random = encoder.randomised(seed)
    asked = [
        ask for pairs in given.values()
        for ask in (Choosing(encoder, pairs), Choosing(encoder, pairs, _control(pairs)), Choosing(random, pairs))
    ]  # fmt: skip
    answers: tuple[Choice, ...] = yield from make(*asked)
    tallies: dict[str, Tally] = {}
    rows: list[Row] = []
    notes: list[str] = []
    for k, (code, pairs) in enumerate(given.items()):
        seen, hidden, twin = answers[3 * k : 3 * k + 3]
        known = seen.whole & np.isfinite(seen.right) & np.isfinite(hidden.right) & np.isfinite(twin.right)
        notes.append(f"{code}: {left_out(pairs, seen)}")
        if known.sum() < FEWEST_PAIRS:
            notes.append(f"{code} has {int(known.sum())} pairs left and does not count.")
            continue
        cells = np.stack([seen.right, hidden.right, twin.right], axis=1)
        blocks = pairs.blocks[0::2]
        tallies[code] = of_items(np.where(known[:, None], cells, np.nan), blocks)
        rows += arm_rows(tallies[code], ARMS, code, seed=seed)
        for row in by_construction(pairs, np.where(known, seen.right, np.nan), blocks, seed):
            rows.append(Row(row.measure, row.value, row.low, row.high, row.n, label=f"{code} {row.label}"))
    enough(
        list(tallies), FEWEST, "agreement", f"{FEWEST_PAIRS} pairs whose forms are both one subword of {encoder.name}"
    )
    found = list(tallies.values())
    points = lambda k: mean_over_languages(lambda r: 100 * (r[..., 0] - r[..., k]), found, unit="points", seed=seed)
    values = {
        "share of languages above .8 and above the control": share_of_languages(
            lambda r: (r[..., 0] > LEAST) & (r[..., 0] > r[..., 1]), found, seed=seed
        ),
        "gain over the masked subject": points(1),
        "gain over the random twin": points(2),
        "accuracy": mean_over_languages(lambda r: 100 * r[..., 0], found, unit="%", seed=seed),
    }
    baselines = {
        name: mean_over_languages(lambda r, k=k: 100 * r[..., k], found, unit="%", seed=seed)
        for k, name in ((1, "subject masked"), (2, "random twin"))
    }
    return Finding(
        values, baselines, rows, f"Languages: {', '.join(tallies)}; the share is of these. {' '.join(notes)}"
    )


def _control(pairs: Corpus) -> str:
    """What the control masks: the subject where enough pairs know it."""
    known = sum(isinstance(s.labels.get("subject"), int) for s in pairs.sentences[0::2])
    return "subject" if known >= FEWEST_PAIRS else REST
