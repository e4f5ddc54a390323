"""lim-01: probing accuracy and use of properties, related and unrelated by construction."""

import numpy as np
import pytest

from bertology.claims.registry import experiment, survey
from bertology.corpus.corpora import Corpora
from bertology.probe.erasure import Amnesia, conditions, erasable
from bertology.probe.readings import Curve
from bertology.record.errors import NotApplicable
from bertology.record.result import judge
from bertology.stats.tally import Tally
from tests.planted import random_encoder, result_of

BLOCKS, WORDS = 250, 40


def tally(rate: float, rng: np.random.Generator) -> Tally:
    return Tally(rng.binomial(WORDS, rate, size=BLOCKS).astype(float), np.full(BLOCKS, float(WORDS)))


def amnesia(accuracy: float, loss: float, rng: np.random.Generator) -> Amnesia:
    """A property probed with `accuracy`, whose erasure by either method takes `loss` of the words predicted, 0.6 before."""
    names = conditions(False)
    rates = {"intact": 0.6, "INLP": 0.6 - loss, "LEACE": 0.6 - loss}
    correct = [tally(rates.get(name, 0.6), rng) for name in names]
    joined = Tally(np.stack([t.total for t in correct], 1), correct[0].weight)
    probe = Tally(np.stack([tally(r, rng).total for r in (accuracy, 0.3, 0.3)], 1), np.full(BLOCKS, float(WORDS)))
    return Amnesia(names, joined, joined, joined, probe, tally(0.3, rng), np.array([40, 12]), True, 13)


def verdict_of(accuracies: list[float], losses: list[float], corpora: Corpora, twin: float = 0.32) -> str:
    asking = experiment("lim-01")(random_encoder(corpora, layers=1, heads=2, width=16, mlm=True), corpora, 0)
    asked = next(asking).asks
    rng, n = np.random.default_rng(0), len(asked[0].statistics)
    curve = Curve(Tally(tally(0.7, rng).total[:, None], np.full(BLOCKS, float(WORDS))), tally(0.3, rng), 13)
    found = tuple(amnesia(accuracies[k], losses[k], rng) for k in range(n))
    try:
        bits = Tally(np.full((BLOCKS, 1), 20.0), np.full(BLOCKS, 10.0))
        asking.send((found, tuple(tally(twin, rng) for _ in range(n)), (curve,) * (2 * n) + (bits,) * n))
    except StopIteration as end:
        return judge(survey()["lim-01"].claim, end.value)[0]
    raise AssertionError("the claim asked for more")


RISING = [0.35 + 0.06 * k for k in range(9)]


def test_damage_that_has_nothing_to_do_with_accuracy_holds(corpora: Corpora) -> None:
    assert verdict_of(RISING, [0.2, 0.4, 0.05, 0.3, 0.15, 0.35, 0.1, 0.25, 0.45], corpora) == "holds"


def test_damage_that_follows_accuracy_fails(corpora: Corpora) -> None:
    assert verdict_of(RISING, [0.03 + 0.05 * k for k in range(9)], corpora) == "fails"


def test_damage_of_noise_does_not_hold(corpora: Corpora) -> None:
    assert verdict_of(RISING, [0.0] * 9, corpora) != "holds"


def test_probes_no_better_than_the_random_twins_do_not_hold(corpora: Corpora) -> None:
    losses = [0.2, 0.4, 0.05, 0.3, 0.15, 0.35, 0.1, 0.25, 0.45]
    assert verdict_of(RISING, losses, corpora, twin=0.7) != "holds"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    encoder = random_encoder(corpora, layers=1, heads=2, width=24, mlm=True)
    assert result_of("lim-01", encoder, corpora, tmp_path).verdict != "holds"


def test_a_treebank_with_few_properties_does_not_apply(corpora: Corpora) -> None:
    few = corpora.treebank.sample(40)
    assert erasable(few, 0.2) == []
    asking = experiment("lim-01")(
        random_encoder(corpora, layers=1, heads=2, width=16, mlm=True), Corpora.load({"treebank": few}), 0
    )
    with pytest.raises(NotApplicable, match="0 properties"):
        next(asking)
