"""Which pooling makes the best sentence vector depends on the task, and raw [CLS] is not it (Ma et al. 2019;
Toshniwal et al. 2020)."""

import numpy as np

from bertology.claims.registry import claim
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, measure, together
from bertology.probe.sentence_probes import POOLINGS, PoolingProbes
from bertology.record.claim import Ability, above
from bertology.record.errors import NotApplicable
from bertology.record.result import Finding, Row
from bertology.stats.tally import bootstrap


@claim(
    id="emb-08",
    section="4.1",
    says="No single pooling is best for sentences, and without fine-tuning [CLS] is no better than the mean.",
    cites=("tanaka-2020", "ma-2019", "toshniwal-2020"),
    method="""Linear probes for properties of sentences on [CLS], mean and maximum of the last layer, and the means of
    the last four layers side by side. For each pooling, the task and the rival to which it loses most are chosen on
    dev blocks; on test blocks even the pooling with the smallest such loss must lose, so that none is best
    everywhere. The mean must not lose to [CLS] by more than a point, averaged over tasks. On the
    task where the poolings gain most over the random twin's on dev they must gain on test: only there, since random
    weights already tell the length of a sentence.""",
    expects={
        "smallest of the poolings' largest losses": above(0.0),
        "mean − [CLS]": above(-0.01),
        "gain over the random twin": above(0.0),
    },
    needs=("cls", "treebank"),
    abilities=(Ability("sentence properties", "mean, mean over tasks", chance="most frequent class"),),
)
def poolings_compared(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    real, random = yield from together(
        measure(PoolingProbes(), over=corpora.treebank), measure(PoolingProbes(), over=corpora.treebank, twin=True)
    )
    if len(real.names) < 2:
        raise NotApplicable(f"fewer than two properties of sentences vary enough in {corpora.treebank.name}")
    correct, twin, majority = (tally.on("test") for tally in (real.correct, random.correct, real.majority))
    cls, mean = POOLINGS.index("[CLS]"), POOLINGS.index("mean")
    unit = {"unit": "accuracy", "seed": seed}
    telling = int((real.correct.on("dev").rate() - random.correct.on("dev").rate()).mean(-1).argmax())
    losses = largest_losses(real.correct.on("dev").rate())
    lost = lambda r, k: r[:, losses[k][0], losses[k][1]] - r[:, losses[k][0], k]
    values = {
        "smallest of the poolings' largest losses": bootstrap(
            lambda r: np.min([lost(r, k) for k in range(len(POOLINGS))], axis=0), correct, **unit
        ),
        "mean − [CLS]": bootstrap(lambda r: (r[..., mean] - r[..., cls]).mean(-1), correct, **unit),
        "gain over the random twin": bootstrap(lambda r, t: (r - t)[:, telling].mean(-1), correct, twin, **unit),
    } | {
        f"loss of {pooling} to {POOLINGS[losses[k][1]]} for {real.names[losses[k][0]]}": bootstrap(
            lambda r, k=k: lost(r, k), correct, **unit
        )
        for k, pooling in enumerate(POOLINGS)
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
    note = f"Tasks: {', '.join(real.names)}, where the studies had similarity, inference and spans. The joined vector is wider. Twins are compared on {real.names[telling]}."
    return Finding(values, baselines, rows, note)


def largest_losses(rates: np.ndarray) -> list[tuple[int, int]]:
    """For each pooling, the (task, rival pooling) with the largest loss to it; negative where it wins everywhere.
    `rates` (task, pooling)."""
    tasks, poolings = rates.shape
    rivals = lambda k: [(t, q) for t in range(tasks) for q in range(poolings) if q != k]
    return [max(rivals(k), key=lambda c: rates[c] - rates[c[0], k]) for k in range(poolings)]
