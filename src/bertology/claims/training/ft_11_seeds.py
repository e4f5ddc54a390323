"""Initial weights and data order both make results vary; bad starts can be stopped early (Dodge et al. 2020)."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bertology.claims.registry import claim
from bertology.claims.training import fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.claim import Published, above
from bertology.record.estimate import Estimate
from bertology.record.result import Finding, Row
from bertology.train.artefacts import Scoring

GRID = 8
STARTED = 10
EXAMPLES = 120


@claim(
    id="ft-11",
    section="5.4",
    says="Both the head's initial weights and the order of data make results vary, and stopping bad starts early is worth it.",
    cites=("dodge-2020",),
    method="""Eight initialisations (with their dropout masks) crossed with eight data orders on half the usual examples of one task. For each factor: the standard deviation
    of its means over what interaction alone would give them, above 1 where the factor acts (F distribution, no
    repeats within cells). Early stopping: ten runs are started, the best on dev after the first pass goes on; against the best on dev of the
    four runs that this budget would train to the end; test scores, runs resampled. Holds if both factors act and the policy is at
    most a point worse.""",
    published=(
        Published(2100.0, "fine-tuning runs", "BERT-large", "MRPC, RTE, CoLA, SST-2", "dodge-2020", "verified"),
    ),
    expects={
        "spread by initial weights over chance": above(1.0),
        "spread by data order over chance": above(1.0),
        "gain of stopping early at equal budget": above(-0.01),
    },
    needs=("training", "treebank"),
)
def seeds_matter(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    task = fine_tuned.small(corpora, "number of the subject", examples=EXAMPLES)
    grid = fine_tuned.numbered(seed, range(GRID))
    rows = yield from make(
        *(Scoring(encoder, task, fine_tuned.STANDARD, (init,) * GRID, tuple(1000 + o for o in grid)) for init in grid)
    )
    scores = np.array([s.values for s in rows])
    dev = np.array([s.dev for s in rows])
    values = {
        "spread by initial weights over chance": component(scores),
        "spread by data order over chance": component(scores.T),
        "gain of stopping early at equal budget": early_stopping(dev.reshape(GRID * GRID, -1), scores.ravel(), seed),
        "spread of all runs": fine_tuned.spread(scores.ravel(), unit="score"),
    }
    drawn = [
        Row("score", float(scores[i, j]), n=1, label=f"weights {i}, order {j}")
        for i in range(GRID)
        for j in range(GRID)
    ]
    return Finding(values, rows=drawn, note=fine_tuned.note(encoder, [task], fine_tuned.STANDARD, scores.ravel()))


def component(table: NDArray[np.float64]) -> Estimate:
    """Square root of MS(rows) / MS(residual) of a crossed table without repeats, with the F distribution's 95 % interval.

    1 says that the means of rows differ as much as the residual alone makes them.
    """
    n, m = table.shape
    row, column, grand = table.mean(1, keepdims=True), table.mean(0, keepdims=True), table.mean()
    between = m * ((row - grand) ** 2).sum() / (n - 1)
    rest = ((table - row - column + grand) ** 2).sum() / ((n - 1) * (m - 1))
    ratio = float(np.sqrt(between / max(rest, 1e-12)))
    free = (n - 1, (n - 1) * (m - 1))
    low, high = (ratio / float(np.sqrt(stats.f.ppf(q, *free))) for q in (0.975, 0.025))
    return Estimate(ratio, low, high, table.size, "ratio", "F distribution, normal scores")


def early_stopping(
    dev: NDArray[np.float64], test: NDArray[np.float64], seed: int, *, draws: int = 200, games: int = 100
) -> Estimate:
    """Test score of the best of STARTED runs after their first epoch, minus that of the best of as many whole runs as cost the same.

    `dev` (run, epoch), `test` (run,). A game draws STARTED runs; the mean over games, with runs resampled for the interval.
    """
    rng = np.random.default_rng([seed, 17])
    epochs = dev.shape[1]
    whole = max(1, int((STARTED + epochs - 1) / epochs))

    def mean(pool: NDArray[np.int64]) -> float:
        drawn = np.array([rng.choice(pool, STARTED, replace=False) for _ in range(games)])
        raced = np.take_along_axis(drawn, dev[drawn, 0].argmax(1)[:, None], 1)[:, 0]
        few = drawn[:, :whole]
        ended = np.take_along_axis(few, dev[few, -1].argmax(1)[:, None], 1)[:, 0]
        return float((test[raced] - test[ended]).mean())

    runs = np.arange(len(test))
    found = [mean(rng.choice(runs, len(runs))) for _ in range(draws)]
    low, high = np.quantile(found, [0.025, 0.975])
    return Estimate(
        float(np.mean([mean(runs) for _ in range(10)])),
        float(low),
        float(high),
        len(test),
        "score",
        "bootstrap of runs",
    )
