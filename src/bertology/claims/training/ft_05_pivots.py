"""Masking domain pivots adapts an encoder better than random masks (PERL, Ben-David et al. 2020)."""

from collections import Counter
from dataclasses import replace

import numpy as np

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.artefacts import Adapting, Scoring
from bertology.train.task import Example
from bertology.train.tasks import property_of
from bertology.train.techniques.pivots import PivotMLM, pivots

PIVOTS = PivotMLM(pivots=30, least=5, epochs=2, batch=16, learning_rate=2e-4)
TEXTS = 300


@claim(
    id="ft-05",
    section="5.4",
    says="Masking domain pivots adapts an encoder better than random masks.",
    cites=("ben-david-2020",),
    method="""Two domains: the topics of the treebank, every second one. Before fine-tuning on the tense of source sentences, masked language modelling on
    unlabelled sentences of both, masking thirty pivots (words of both domains that tell the label in the source), as many other words of both drawn
    at random (a new draw each seed), or not done. Scores on the target domain. Holds if pivots beat random words and no modelling.""",
    expects={
        "gain of pivots over random words": above(0.0),
        "gain of pivots over no adaptation": above(0.0),
    },
    needs=("training", "mlm", "mask", "treebank"),
)
def pivots_adapt(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    topics = sorted({str(s.labels["topic"]) for s in corpora.treebank if s.labels.get("topic")})
    if len(topics) < 2:
        raise NotApplicable(f"{corpora.treebank.name} names no topics, so that there are no domains")
    home, away = (
        property_of(
            corpora.treebank.where(lambda s, part=part: str(s.labels.get("topic", "")) in part, why="of another topic"),
            "tense",
        )
        for part in (set(topics[::2]), set(topics[1::2]))
    )
    rest = fine_tuned.cut(home)
    task = replace(rest, name="tense across topics", test=fine_tuned.cut(away).test)
    source, target = (tuple(e.texts[0] for e in t.train[:TEXTS]) for t in (home, away))
    found = pivots(source, target, task.train, n=PIVOTS.pivots, least=PIVOTS.least)
    numbers = fine_tuned.numbered(seed, fine_tuned.SEEDS)
    others = [w for w in shared_words(home.train[:TEXTS], away.train[:TEXTS], PIVOTS.least) if w not in found]
    if not others:
        raise NotApplicable("all words that both domains share are pivots, so that there are none to draw at random")
    arm = (encoder, task, source, target, PIVOTS, fine_tuned.STANDARD)
    drawn = [np.random.default_rng([n, 31]).permutation(others)[: len(found)] for n in numbers]
    none, chosen, *random = yield from make(
        Scoring(encoder, task, fine_tuned.STANDARD, numbers), Adapting(*arm, numbers, found),
        *(Adapting(*arm, (n,), tuple(map(str, words))) for n, words in zip(numbers, drawn, strict=True)),
    )  # fmt: skip
    chance = np.array([r.values[0] for r in random])
    values = {
        "gain of pivots over random words": repeats.difference(chosen.values, chance, unit="score"),
        "gain of pivots over no adaptation": repeats.difference(chosen.values, none.values, unit="score"),
    }
    rows = fine_tuned.rows("score on the target domain", {"none": none.values, "random words": chance, "pivots": chosen.values})  # fmt: skip
    note = fine_tuned.note(encoder, [task], fine_tuned.STANDARD, numbers)
    return Finding(values, rows=rows, note=f"{len(found)} pivots, first {', '.join(found[:8])}. {note}")


def shared_words(source: tuple[Example, ...], target: tuple[Example, ...], least: int) -> list[str]:
    """Lower-cased words in at least `least` texts of both."""
    counts = [Counter(w for e in part for w in set(words_of(e.texts[0]))) for part in (source, target)]
    return sorted(w for w, n in counts[0].items() if min(n, counts[1][w]) >= least)


def words_of(text: str) -> list[str]:
    return [w for w in "".join(c if c.isalnum() else " " for c in text.lower()).split() if w]
