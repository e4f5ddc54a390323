"""About a third of the weights can be pruned by magnitude before pre-training transfer suffers (Gordon et al. 2020)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from bertology.claims.registry import claim
from bertology.claims.size.tuned_heads import TASK, scores
from bertology.claims.training import fine_tuned
from bertology.compress.pruning.kept_weights import KeptWeights
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking
from bertology.record.claim import Published, above
from bertology.record.result import Finding
from bertology.stats import repeats
from bertology.train.artefacts import TunedModel

SPARSITIES = (0.2, 0.4, 0.6, 0.75, 0.9)
AGAINST = 0.4
"""Where random masks are tuned too."""


@claim(
    id="over-07",
    section="6.1",
    says="About a third of the weights can be pruned by magnitude before pre-training transfer suffers.",
    cites=("gordon-2020",),
    method="""The smallest 20, 40, 60, 75 and 90 % of the weights of the layers' matrices are zero before and during tuning on the tense of
    sentences. The knee is where two straight lines, the first of them level, fit the test scores best, one fit a seed. Holds if it lies above
    30 %, the scores fall from the whole to 90 % (else there is no knee), and at 40 % the largest weights beat as many drawn at random.
    The study prunes while pre-training goes on, which lets other weights take over.""",
    published=(
        Published(30.0, "weights pruned without effect, lower, %", "BERT-base", "GLUE", "gordon-2020 (abstract)", "verified", "knee, % of the weights"),
        Published(40.0, "weights pruned without effect, upper, %", "BERT-base", "GLUE", "gordon-2020 (abstract)", "verified", "knee, % of the weights"),
    ),
    expects={
        "knee, % of the weights": above(30.0),
        "score lost at 90 %": above(0.0),
        "largest − random weights, at 40 %": above(0.0),
    },
    needs=("training", "treebank"),
)  # fmt: skip
def a_third_of_the_weights_can_go(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Finding]:
    task = fine_tuned.small(corpora, TASK)
    numbers = fine_tuned.numbered(seed, fine_tuned.SEEDS)
    whole = yield from scores([TunedModel(encoder, task, fine_tuned.STANDARD, number) for number in numbers])
    techniques = [*(KeptWeights(s) for s in SPARSITIES), KeptWeights(AGAINST, "random")]
    made = yield from fine_tuned.scored([(encoder, task, fine_tuned.using(t)) for t in techniques], seed)
    curve = np.stack([whole, *(m.values for m in made[:-1])])
    random = made[-1].values
    at = 1 + SPARSITIES.index(AGAINST)
    values = {
        "knee, % of the weights": repeats.mean([100 * knee((0.0, *SPARSITIES), one) for one in curve.T], unit="%"),
        "score lost at 90 %": repeats.difference(curve[0], curve[-1], unit="score"),
        "largest − random weights, at 40 %": repeats.difference(curve[at], random, unit="score"),
        **{f"score lost at {s:.0%}": repeats.difference(curve[0], c, unit="score") for s, c in zip(SPARSITIES[:-1], curve[1:], strict=False)},
    }  # fmt: skip
    table = {f"{s:.0%} of the weights gone": c for s, c in zip((0.0, *SPARSITIES), curve, strict=True)}
    rows = fine_tuned.rows("score", {**table, "40% gone at random": random})
    return Finding(values, rows=rows, note=fine_tuned.note(encoder, [task], fine_tuned.STANDARD, numbers))


def knee(x: Sequence[float], y: ArrayLike) -> float:
    """Where a level line turns into a straight one so that both fit best by least squares; the last x where nothing is better than level."""
    at, values = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    best = (float(((values - values.mean()) ** 2).sum()) - 1e-12, float(at[-1]))
    for place in np.linspace(at[0], at[-1], 181)[:-1]:
        bent = np.stack([np.ones_like(at), np.clip(at - place, 0, None)], 1)
        coefficients, *_ = np.linalg.lstsq(bent, values, rcond=None)
        error = float(((values - bent @ coefficients) ** 2).sum())
        if coefficients[1] < 0 and error < best[0]:
            best = error, float(place)
    return best[1]
