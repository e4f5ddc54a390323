"""Good, random and bad subnetworks of equal size, tuned from the pre-trained weights that are left (Prasanna et al. 2020)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.claims.size.tuned_heads import importance, models, scores
from bertology.claims.training import fine_tuned
from bertology.compress.artefacts import subnetwork
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.encoder.cut import cut
from bertology.observe import Asking, make
from bertology.record.errors import NotApplicable
from bertology.record.result import Row
from bertology.train.artefacts import Scoring

STAYS = 0.5
ARMS = ("good", "random", "bad", "bad, random weights")


class Subnetworks(NamedTuple):
    """Test scores (seed,) of the whole and of each arm, the majority class's, and what it was measured at."""

    whole: NDArray[np.float64]
    arms: dict[str, NDArray[np.float64]]
    majority: float
    note: str

    def rows(self) -> list[Row]:
        return fine_tuned.rows("score", {"whole": self.whole, **self.arms})


def subnetworks(encoder: Encoder, corpora: Corpora, seed: int) -> Asking[Subnetworks]:
    """STAYS of all heads and of all feed-forward neurons stay: the most important for each tuned model, as many at random, and the least.

    Importance is that of Importance (training examples). "bad, random weights" has the shape of "bad" and the random twin's weights. Raises
    NotApplicable where heads or neurons cannot be taken out.
    """
    if not encoder.family.into_heads or not encoder.family.into_neurons:
        raise NotApplicable(f"heads and neurons cannot be taken out of {encoder.name}")
    found = models(encoder, corpora, seed)
    whole = yield from scores(found.asked)
    ranked = yield from importance(found)
    twin = encoder.randomised(seed)
    table = []
    for asked, (heads, neurons) in zip(found.asked, ranked, strict=True):
        rng = np.random.default_rng([asked.seed, 6])
        bad = subnetwork(encoder, -heads, -neurons, STAYS)
        kept = [
            cut(encoder, *subnetwork(encoder, heads, neurons, STAYS)),
            cut(encoder, *subnetwork(encoder, rng.random(heads.shape), rng.random(neurons.shape), STAYS)),
            cut(encoder, *bad),
            cut(twin, *bad),
        ]
        made = yield from make(*(Scoring(one, found.task, asked.recipe, (asked.seed,)) for one in kept))
        table.append([m.values[0] for m in made])
    arms: dict[str, NDArray[np.float64]] = dict(zip(ARMS, np.array(table).T, strict=True))
    return Subnetworks(whole, arms, found.task.majority, found.note)
