"""lim-07: codes must separate task from control in more standard deviations than accuracy does."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from bertology.claims.knowledge import lim_07_description_length
from bertology.claims.knowledge.lim_07_description_length import separation
from bertology.claims.registry import experiment, survey
from bertology.corpus.corpora import Corpora
from bertology.probe.codes import Codes, CodesOverSeeds
from bertology.probe.readings import Curve
from bertology.record.result import judge
from bertology.stats.tally import Tally
from tests.planted import random_encoder, result_of

SEEDS = 5


def verdict_of(codes: Codes, corpora: Corpora, saved: float = 0.5) -> str:
    """The verdict on made-up codes; `saved` bits a label over the random twin."""
    asking = experiment("lim-07")(random_encoder(corpora, layers=1, heads=2, width=16), corpora, 0)
    next(asking)
    rng = np.random.default_rng(0)
    curve = Curve(Tally(rng.random((50, 2)), np.ones(50)), Tally(np.full(50, 0.3), np.ones(50)), 13)
    asking.send(((curve,), (curve,)))
    bits = lambda mean: Tally(10 * mean + 0.1 * rng.standard_normal((50, 1)), np.full(50, 10.0))
    try:
        asking.send(((codes, bits(1.0)), (bits(1.0 + saved),)))
    except StopIteration as end:
        return judge(survey()["lim-07"].claim, end.value)[0]
    raise AssertionError("the claim asked for more")


def made_up(accuracy: tuple[float, float], bits: tuple[float, float], spread: Callable[[str], float]) -> Codes:
    rng = np.random.default_rng(3)
    draw = lambda means, name: np.array(means)[:, None] + spread(name) * rng.standard_normal((2, SEEDS))
    return Codes(draw(accuracy, "accuracy"), draw(bits, "online"), draw(bits, "variational"), 3.7, 2500)


def test_codes_that_tell_apart_what_accuracy_does_not_hold(corpora: Corpora) -> None:
    assert verdict_of(made_up((0.97, 0.96), (0.8, 3.0), lambda name: 0.01), corpora) == "holds"


def test_accuracy_that_tells_apart_more_steadily_than_codes_fails(corpora: Corpora) -> None:
    unsteady = lambda name: 0.001 if name == "accuracy" else 0.2
    assert verdict_of(made_up((0.97, 0.7), (0.8, 3.0), unsteady), corpora) == "fails"


def test_codes_that_find_the_control_task_the_cheaper_fail(corpora: Corpora) -> None:
    assert verdict_of(made_up((0.97, 0.96), (3.0, 0.8), lambda name: 0.01), corpora) == "fails"


def test_codes_of_noise_do_not_hold(corpora: Corpora) -> None:
    assert verdict_of(made_up((0.5, 0.5), (3.0, 3.0), lambda name: 0.01), corpora) != "holds"


def test_an_encoder_that_saves_nothing_over_its_random_twin_does_not_hold(corpora: Corpora) -> None:
    assert verdict_of(made_up((0.97, 0.96), (0.8, 3.0), lambda name: 0.01), corpora, saved=0.0) != "holds"


def test_separation_counts_pooled_standard_deviations_and_its_interval_covers_the_truth() -> None:
    value, _ = separation(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), smaller=True)
    assert value == pytest.approx(3.0)
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        _, drawn = separation(rng.standard_normal((2, SEEDS)) + np.array([[5.0], [0.0]]), smaller=False)
        low, high = np.percentile(drawn, [2.5, 97.5])
        covered += low <= 5 <= high
    assert 180 <= covered <= 199


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(lim_07_description_length, "CodesOverSeeds", partial(CodesOverSeeds, seeds=2, most=800))
    assert (
        result_of("lim-07", random_encoder(corpora, layers=1, heads=2, width=24), corpora, tmp_path).verdict != "holds"
    )
