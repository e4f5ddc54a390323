"""Which pooling makes the best sentence vector depends on the task, and raw [CLS] is not it (Ma et al. 2019; Toshniwal et al. 2020)."""

from itertools import permutations

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.sentence_probes import POOLINGS, PoolingProbes
from bertology.record.claim import above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap


@claim(
    id="emb-08",
    section="4.1",
    says="No single pooling is best for sentences, and without fine-tuning [CLS] is no better than the mean.",
    cites=("tanaka-2020", "ma-2019", "toshniwal-2020"),
    method="""Linear probes for properties of sentences on [CLS], mean and maximum of the last layer, and the means of the last four
    layers side by side. Two tasks and two poolings are chosen on dev blocks such that each task prefers another pooling by as much
    as possible; on test blocks the smaller of the two preferences must be positive. The mean must not lose to [CLS] by
    more than a point, averaged over tasks, and the poolings must on average beat those of the random twin.""",
    expects={
        "smaller of two opposite preferences": above(0.0),
        "mean − [CLS]": above(-0.01),
        "gain over the random twin": above(0.0),
    },
    needs=("cls", "treebank"),
)
def poolings_compared(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    real, random = yield from together(
        measure(PoolingProbes(), over=corpora.treebank), measure(PoolingProbes(), over=corpora.treebank, twin=True)
    )
    if len(real.names) < 2:
        raise NotApplicable(f"fewer than two properties of sentences vary enough in {corpora.treebank.name}")
    first, second, a, b = crossing(real.correct.on("dev").rate())
    correct, twin, majority = (tally.on("test") for tally in (real.correct, random.correct, real.majority))
    cls, mean = POOLINGS.index("[CLS]"), POOLINGS.index("mean")
    unit = {"unit": "accuracy", "seed": seed}
    prefers = lambda r: np.minimum(r[:, first, a] - r[:, first, b], r[:, second, b] - r[:, second, a])  # noqa: E731
    values = {
        "smaller of two opposite preferences": bootstrap(prefers, correct, **unit),
        "mean − [CLS]": bootstrap(lambda r: (r[..., mean] - r[..., cls]).mean(-1), correct, **unit),
        "gain over the random twin": bootstrap(lambda r, t: (r - t).mean((-2, -1)), correct, twin, **unit),
        f"{POOLINGS[a]} − {POOLINGS[b]} for {real.names[first]}": bootstrap(
            lambda r: r[:, first, a] - r[:, first, b], correct, **unit
        ),
        f"{POOLINGS[b]} − {POOLINGS[a]} for {real.names[second]}": bootstrap(
            lambda r: r[:, second, b] - r[:, second, a], correct, **unit
        ),
    }
    baselines = {
        f"{pooling}, mean over tasks": bootstrap(lambda r, k=k: r[..., k].mean(-1), correct, **unit)
        for k, pooling in enumerate(POOLINGS)
    } | {
        "random twin, mean over tasks and poolings": bootstrap(lambda r: r.mean((-2, -1)), twin, **unit),
        "most frequent class": bootstrap(lambda r: r.mean(-1), majority, **unit),
    }  # fmt: skip
    rows = []
    for who, tally in (("", correct), ("random twin: ", twin)):
        low, high = tally.intervals(seed=seed)
        rows += [
            Row(f"{who}accuracy from {POOLINGS[k]}", rate, low[task, k], high[task, k], tally.n, label=real.names[task])
            for (task, k), rate in np.ndenumerate(tally.rate())
        ]
    note = f"Tasks: {', '.join(real.names)}, where the studies had similarity, inference and spans. The joined vector is wider."
    return Finding(values, baselines, rows, note)


def crossing(rates: np.ndarray) -> tuple[int, int, int, int]:
    """(task, other task, pooling, other pooling): the first task prefers the first pooling, the other the other, and the
    smaller preference is the largest there is. `rates` (task, pooling); the preference may be negative."""
    tasks, poolings = rates.shape
    choices = [(t, u, p, q) for t, u in permutations(range(tasks), 2) for p, q in permutations(range(poolings), 2)]
    return max(choices, key=lambda c: min(rates[c[0], c[2]] - rates[c[0], c[3]], rates[c[1], c[3]] - rates[c[1], c[2]]))
