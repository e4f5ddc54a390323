"""over-06 and prune-06: layers that lower a probe's score, and heads silenced together."""

import numpy as np
import pytest
import torch

from bertology.claims.registry import experiment, survey
from bertology.claims.size import over_06_harmful_layers, prune_06_joint
from bertology.claims.size.over_06_harmful_layers import chosen
from bertology.claims.size.prune_06_joint import HALVES, HeadsSilenced
from bertology.intervene.sweep import EachHeadAblated
from bertology.observe.wishes import Many
from bertology.probe.readings import Cumulation
from bertology.record.errors import NotApplicable
from bertology.record.result import judge
from bertology.stats.tally import Tally
from tests.claims.size.answered import HEADS, LAYERS, tiny
from tests.planted import random_encoder, result_of

BLOCKS = 100
TASKS = ("part of speech", "relation", "coreference", "role")


def driven(claim_id, answers, corpora):
    """The verdict of a claim whose one wish is answered so."""
    asking = experiment(claim_id)(tiny(corpora), corpora, 0)
    wish = next(asking)
    assert isinstance(wish, Many)
    try:
        asking.send(tuple((a,) for a in answers(wish)))
    except StopIteration as end:
        return judge(survey()[claim_id].claim, end.value)[0]
    raise AssertionError("asks again")


def curve(rates, *, key=0, scatter=0.01) -> Cumulation:
    """Accuracies by layer, by block with a little scatter, 50 words a block."""
    noise = np.random.default_rng([key, 4]).standard_normal((BLOCKS, LAYERS + 1)) * scatter
    weight = np.full((BLOCKS, LAYERS + 1), 50.0)
    return Cumulation(Tally((np.asarray(rates)[None] + noise) * weight, weight), np.ones(LAYERS + 1), Tally(weight[:, 0] / 3, weight[:, 0]))  # fmt: skip


RISING = [0.5, 0.6, 0.7, 0.75, 0.8, 0.82, 0.84]
FALLING = [0.5, 0.6, 0.7, 0.75, 0.8, 0.82, 0.78]
FLAT = [0.6] * 7


@pytest.mark.parametrize(
    ("curves", "twin", "expected"),
    [([FALLING] * 4, FLAT, "holds"), ([FALLING, FALLING, FALLING, RISING], FLAT, "holds"), ([RISING, RISING, RISING, FALLING], FLAT, "fails"),
     ([FALLING] * 4, FALLING, "not holds"), ([FLAT] * 4, FLAT, "not holds")],
    ids=["all lose", "most lose", "most gain", "as the random twin", "chance"],
)  # fmt: skip
def test_the_last_layers_must_lower_the_score_of_most_tasks(corpora, monkeypatch, curves, twin, expected):
    monkeypatch.setattr(over_06_harmful_layers, "pipeline", lambda *_: dict.fromkeys(TASKS, corpora.treebank))
    answers = lambda _: [*(curve(c, key=k) for k, c in enumerate(curves)), *(curve(twin, key=9 + k) for k in range(4))]
    found = driven("over-06", answers, corpora)
    assert found == expected if expected != "not holds" else found != "holds"


def test_the_layer_is_the_worst_of_the_last_third():
    assert chosen(np.array([0.5, 0.1, 0.9, 0.8, 0.85, 0.8, 0.84]), 2) == 5
    assert chosen(np.array([0.5, 0.1, 0.9, 0.8, 0.85, 0.86, 0.84]), 2) == 6


def losses(wish, single: float, together: float, key: int) -> Tally:
    """Rises of the loss: of each head, and of sets that rise by `together` times the sum of their heads."""
    sets = wish.statistics[0].sets
    rise = np.array([single if len(one) == 1 else together * len(one) * single for one in sets])
    scatter = np.random.default_rng([key, 5]).standard_normal((BLOCKS, 1 + len(sets))) * 0.005
    return Tally(3 + np.concatenate([[0], rise])[None] + scatter, np.ones(BLOCKS))


@pytest.mark.parametrize(
    ("real", "twin", "expected"),
    [((0.05, 4), (0.0, 1), "holds"), ((0.05, 1), (0.0, 1), "fails"), ((0.05, 4), (0.05, 4), "not holds"), ((0.0, 1), (0.0, 1), "not holds"),
     ((0.05, 1.6), (0.0, 1), "fails")],
    ids=["far more", "the sum", "as the random twin", "nothing", "more, not far more"],
)  # fmt: skip
def test_joint_ablation_must_do_far_more_than_the_sum(corpora, real, twin, expected):
    answers = lambda wish: [
        losses(ask, *given, k) for k, (ask, given) in enumerate(zip(wish.asks, (real, twin), strict=True))
    ]
    found = driven("prune-06", answers, corpora)
    assert found == expected if expected != "not holds" else found != "holds"


def test_single_heads_are_silenced_in_one_sweep_as_one_by_one(corpora):
    encoder = tiny(corpora, mlm=True, layers=2)
    with torch.no_grad():
        for p in encoder.model.parameters():
            p.mul_(3)
    text = corpora.text.sample(30)
    sets = tuple(((layer, h),) for layer in (1, 2) for h in range(HEADS))
    statistic = HeadsSilenced((*sets, ((1, 0), (2, 1))), seed=0, sentences=30)
    tally = statistic.finish(statistic.compute(encoder, encoder.encode(text)))
    sweep = EachHeadAblated("masked loss")
    known = sweep.finish(sweep.compute(encoder, encoder.encode(text)))
    rates = tally.rate()
    assert rates[0] == pytest.approx(float(known.intact.rate()[0]), abs=1e-5)
    assert rates[1:-1] == pytest.approx(known.heads.rate()[..., 0].ravel(), abs=1e-5)
    assert np.ptp(rates[:-1]) > 1e-3 and rates[-1] not in rates[:-1]
    one_by_one = HeadsSilenced((*sets[1:], ((1, 0), (2, 1))), seed=0, sentences=30)
    others = one_by_one.finish(one_by_one.compute(encoder, encoder.encode(text))).rate()
    assert np.delete(rates, 1) == pytest.approx(others, abs=1e-5)


def test_random_weights_do_not_hold(corpora, tmp_path, monkeypatch):
    monkeypatch.setattr(prune_06_joint, "SENTENCES", 40)
    encoder = random_encoder(corpora, layers=2, heads=2, width=32, mlm=True)
    assert result_of("prune-06", encoder, corpora, tmp_path).verdict != "holds"
    assert HALVES >= 5


def test_three_layers_are_due(corpora):
    with pytest.raises(NotApplicable, match="thirds"):
        next(experiment("over-06")(tiny(corpora, layers=2), corpora, 0))
