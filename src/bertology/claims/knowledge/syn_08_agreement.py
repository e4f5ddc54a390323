"""The masked language model respects subject-verb agreement (Goldberg 2019; van Schijndel et al. 2019)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertology.behave.choice import Choice, Choosing
from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.observe.wishes import make
from bertology.record.claim import Ability, Published, above, below
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import Tally, bootstrap, of_items

GROUPS = ("no attractor", "one attractor", "two or more attractors", "nonce")
FEWEST = 20
"""Pairs that each group must have."""


@claim(
    id="syn-08",
    section="3.1",
    says="The masked language model respects subject-verb agreement, even with distractors and in meaningless sentences.",
    cites=("goldberg-2019", "van-schijndel-2019"),
    method="""Which of two forms of a verb is the likelier at its mask, in pairs of forms that are both one subword. Attractors are
    nouns between subject and verb of the other number; meaningful sentences with a known number of them give the accuracy without
    any and the drop to two or more, at most ten points. The control masks the subject's head as well: the right form must be found
    more often when the subject is seen, over all pairs whose subject is known, and again in nonce sentences alone.""",
    published=(
        Published(0.833, "accuracy on nonsense sentences, 383 items with both forms in the vocabulary", "BERT-base", "Gulordava nonce agreement", "Goldberg 2019 (counted in the result files of the author's repository)", "verified", "nonce accuracy"),
        Published(0.796, "accuracy on nonsense sentences, 383 items with both forms in the vocabulary", "BERT-large", "Gulordava nonce agreement", "Goldberg 2019 (counted in the result files of the author's repository)", "verified", "nonce accuracy"),
    ),
    expects={
        "accuracy without attractors": above(0.9),
        "drop to two or more attractors": below(10.0),
        "gain over the masked subject": above(0.0),
        "nonce, gain over the masked subject": above(0.0),
    },
    needs=("mlm", "mask", "agreement:attractors"),
    abilities=(
        Ability("agreement", "accuracy without attractors", chance=0.5),
        Ability("agreement over attractors", "accuracy with two or more attractors", chance=0.5),
        Ability("agreement in nonsense", "nonce accuracy", chance=0.5),
    ),
)  # fmt: skip
def agreement_is_respected(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    pairs = corpora.agreement
    seen, hidden, random = yield from make(
        Choosing(encoder, pairs), Choosing(encoder, pairs, "subject"), Choosing(encoder.randomised(seed), pairs)
    )
    right = np.where(seen.whole, seen.right, np.nan)
    known = np.isfinite(right) & np.isfinite(hidden.right)
    groups = group_of(pairs)
    nonce = groups == GROUPS.index("nonce")
    counts = {name: int((np.isfinite(right) & (groups == k)).sum()) for k, name in enumerate(GROUPS)}
    counts["pairs whose subject is known"] = int(known.sum())
    if lack := [f"{count} of {name}" for name, count in counts.items() if count < FEWEST]:
        raise NotApplicable(f"{', '.join(lack)} with both forms in the vocabulary; {FEWEST} are due")
    blocks = pairs.blocks[0::2]
    by_group = lambda values: of_items(np.where(groups < 0, np.nan, values), blocks, np.maximum(groups, 0), len(GROUPS))
    own, twin = by_group(right), by_group(np.where(random.whole, random.right, np.nan))
    masked = by_group(np.where(known, hidden.right, np.nan))
    gain = np.where(known, right - hidden.right, np.nan)
    accuracy = lambda tally, k: bootstrap(lambda r: r[..., k], tally, unit="accuracy", seed=seed)
    points = {"unit": "points", "seed": seed}
    values = {
        "accuracy without attractors": accuracy(own, 0),
        "drop to two or more attractors": bootstrap(lambda r: 100 * (r[..., 0] - r[..., 2]), own, **points),
        "gain over the masked subject": bootstrap(lambda g: 100 * g, of_items(gain, blocks), **points),
        "nonce, gain over the masked subject": bootstrap(
            lambda g: 100 * g, of_items(np.where(nonce, gain, np.nan), blocks), **points
        ),
        "accuracy with two or more attractors": accuracy(own, 2),
        "nonce accuracy": accuracy(own, 3),
    }
    baselines = {
        "subject masked, no attractor": accuracy(masked, 0),
        "random twin, no attractor": accuracy(twin, 0),
    }
    rows = [
        row
        for who, tally in (("encoder", own), ("subject masked", masked), ("random twin", twin))
        for row in _rows(f"accuracy, {who}", tally, GROUPS, seed)
    ]
    rows += by_construction(pairs, right, blocks, seed)
    return Finding(values, baselines, rows, left_out(pairs, seen))


def group_of(pairs: Corpus) -> NDArray[np.int64]:
    """Place in GROUPS of each pair, -1 where its attractors are not known."""

    def place(labels: Mapping[str, Any]) -> int:
        if labels.get("nonce"):
            return GROUPS.index("nonce")
        return -1 if labels.get("attractors") is None else min(int(labels["attractors"]), 2)

    return np.array([place(s.labels) for s in pairs.sentences[0::2]], dtype=np.int64)


def by_construction(pairs: Corpus, right: NDArray[np.float64], blocks: NDArray[np.int64], seed: int) -> list[Row]:
    """Accuracy of each construction; `right` (pair,) is nan where it is not counted."""
    names = np.array([str(s.labels.get("construction", "")) for s in pairs.sentences[0::2]])
    labels, place = np.unique(names, return_inverse=True)
    return _rows("accuracy by construction", of_items(right, blocks, place, len(labels)), tuple(labels.tolist()), seed)


def _rows(measure: str, tally: Tally, labels: tuple[str, ...], seed: int) -> list[Row]:
    low, high = tally.intervals(seed=seed)
    return [
        Row(measure, float(rate), float(low[k]), float(high[k]), int(tally.weight[:, k].sum()), label=labels[k])
        for k, rate in enumerate(tally.rate())
        if np.isfinite(rate)
    ]


def left_out(pairs: Corpus, seen: Choice) -> str:
    """Which pairs were not counted, in words."""
    split = int((np.isfinite(seen.margin) & ~seen.whole).sum())
    total = len(seen.margin)
    every = [f"{split} of {total} pairs have a form of several subwords and are left out"]
    every += [f"{count} {why}" for why, count in seen.dropped.items()]
    return f"{pairs.name}: {'; '.join(every)}."
