"""over-01, over-08, over-09: encoders of several sizes, and with dropout on attention."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bertology.behave.asks import Scoring as Likelihoods
from bertology.behave.pll import Scores
from bertology.claims.registry import experiment, survey
from bertology.claims.size import over_01_returns, over_08_larger, over_09_attention_dropout
from bertology.claims.size.over_08_larger import correct
from bertology.claims.size.over_09_attention_dropout import with_dropout
from bertology.compress.artefacts import Reading
from bertology.observe.divergence import Divergences, HeadDivergence
from bertology.record.result import judge
from bertology.stats.tally import Tally
from bertology.train.artefacts import Scored, Trained, Training
from tests.claims.driving import noise
from tests.planted import tokenizer_for

WIDTHS = (32, 64, 128)


def driven(claim_id, corpora, loss, others=lambda asked: None):
    """The verdict with made-up losses and answers; trained encoders know only their training and their size."""
    asking = experiment(claim_id)(None, corpora, 0)
    wish = next(asking)

    def answer(asked):
        if isinstance(asked, Training):
            width = asked.recipe.architecture.width
            encoder = SimpleNamespace(training=asked, n_parameters=1000 * (width // 32) ** 2, width=width)
            return Trained(encoder, [{"valid mlm": loss(asked) + 0.003 * noise(asked.key)}], Path("nowhere"))
        return others(asked)

    while True:
        try:
            wish = asking.send(tuple(answer(a) for a in wish.artefacts))
        except StopIteration as end:
            return judge(survey()[claim_id].claim, end.value)[0]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [((4.0, 3.4, 3.2), "holds"), ((4.0, 3.8, 3.2), "fails"), ((4.0, 4.0, 4.0), "not holds"), ((4.0, 3.6, 3.2), "not holds"), ((3.2, 3.4, 4.0), "fails")],
    ids=["falling gains", "rising gains", "no gains", "equal gains", "the larger the worse"],
)  # fmt: skip
def test_gains_for_each_doubling_must_fall(corpora, monkeypatch, losses, expected):
    monkeypatch.setattr(over_01_returns, "latency", lambda e, **_: 0.1)
    monkeypatch.setattr(over_01_returns, "products", lambda e: e.width)
    scored = lambda asked: Scored(np.array([0.5]), np.ones((1, 1)), [[0.0]], 0, 0.0, 0.5)
    loss = lambda t: losses[WIDTHS.index(t.recipe.architecture.width)]
    found = driven("over-01", corpora, loss, scored)
    assert found == expected if expected != "not holds" else found != "holds"


@pytest.mark.parametrize(
    ("reversed_", "usual", "expected"), [(-0.4, 0.2, "holds"), (0.35, 0.35, "fails"), (-0.4, -0.1, "fails"), (0.0, 0.0, "not holds")],
    ids=["one is lost", "none is lost", "most are lost", "no difference"],
)  # fmt: skip
def test_one_phenomenon_must_be_lost_and_the_mean_gained(corpora, monkeypatch, reversed_, usual, expected):
    """`agreement_simple` differs by `reversed_`, all others by `usual`."""
    monkeypatch.setattr(over_08_larger, "FEWEST", 5)
    pairs = corpora.pairs
    names = [str(pairs[2 * i].labels["phenomenon"]) for i in range(len(pairs) // 2)]

    def likelihoods(asked):
        assert isinstance(asked, Likelihoods)
        large = asked.encoder.width == 128
        change = np.array([reversed_ if n == "agreement_simple" else usual for n in names]) * large
        right = np.arange(len(names)) * 0.618 % 1 < 0.6 + change
        values = np.stack([np.where(right, 1.0, 0.0), np.full(len(names), 0.5)], 1).ravel()
        n = len(pairs)
        return Scores(values, np.zeros(n, dtype=np.int64), np.arange(n + 1), np.arange(n))

    found = driven("over-08", corpora, lambda t: 3.0, likelihoods)
    assert found == expected if expected != "not holds" else found != "holds"


def test_a_tie_and_a_sentence_that_cannot_be_read_are_mistakes(corpora):
    pairs = corpora.pairs
    scores = Scores(np.array([1.0, 0.0, 1.0, 1.0, 2.0]), np.zeros(5, dtype=np.int64), np.arange(6), np.array([0, 1, 2, 3, 4]))  # fmt: skip
    assert correct(pairs, scores)[:4].tolist() == [1, 0, 0, 0]


def readings(divergence, rise):
    """Divergences and rises of the loss by the rate of dropout."""

    def answer(asked):
        assert isinstance(asked, Reading)
        rate = getattr(asked.encoder.training.recipe.architecture, "attention", 0.0)
        k, jitter = (0.0, 0.1, 0.3).index(rate), 0.003 * noise(asked.encoder.training.key)
        if isinstance(asked.statistic, HeadDivergence):
            return Divergences(np.zeros((16, 16)), Tally(np.full((10, 2, 2), divergence[k] + jitter), np.ones(10)))
        n = len(asked.statistic.sets)
        return Tally(np.array([[3.0, *[3.0 + rise[k] + jitter] * n]] * 10), np.ones(10))

    return answer


@pytest.mark.parametrize(
    ("divergence", "rise", "expected"),
    [((0.3, 0.25, 0.2), (0.5, 0.4, 0.3), "holds"), ((0.2, 0.25, 0.3), (0.5, 0.4, 0.3), "fails"), ((0.3, 0.25, 0.2), (0.3, 0.4, 0.5), "fails"),
     ((0.3, 0.3, 0.3), (0.5, 0.5, 0.5), "not holds"), ((0.3, 0.25, 0.2), (0.0, 0.0, 0.0), "not holds")],
    ids=["both fall", "heads grow apart", "heads cost more", "no change", "heads are not used"],
)  # fmt: skip
def test_dropout_must_make_heads_alike_and_cheap(corpora, divergence, rise, expected):
    found = driven("over-09", corpora, lambda t: 3.0, readings(divergence, rise))
    assert found == expected if expected != "not holds" else found != "holds"


def test_only_the_attention_is_dropped(corpora):
    tokenizer = tokenizer_for([corpora.treebank])
    for rate in over_09_attention_dropout.RATES:
        recipe = with_dropout(rate)
        model = recipe.architecture.build(tokenizer, 0)
        assert model.config.attention_dropout == rate and model.config.mlp_dropout == model.config.embedding_dropout == 0  # fmt: skip
        assert model.config.num_attention_heads == over_09_attention_dropout.HEADS
        assert {m.attention_dropout for m in model.modules() if hasattr(m, "attention_dropout")} <= {rate}
    assert len({Training(with_dropout(r), corpora.raw, 1000).key for r in over_09_attention_dropout.RATES}) == 3
