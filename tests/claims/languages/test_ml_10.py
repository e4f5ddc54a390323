"""ml-10: transfer loss grows with typological distance."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from bertology.claims.languages import ml_10_typology as module
from bertology.claims.languages.language_pairs import over_languages, partial_spearman
from bertology.claims.registry import experiment
from bertology.judging import results_of
from bertology.record.errors import NotApplicable
from tests.claims.driving import driven
from tests.claims.languages.made_tags import Accuracy, tags
from tests.claims.languages.respelt import treebanks, verdict
from tests.planted import random_encoder

CODES = ("de", "es", "fi", "fr", "it", "ru", "tr")
N = len(CODES) + 1
PLACES = np.random.default_rng(4).random((N, 2))
FAR = np.sqrt(((PLACES[:, None] - PLACES[None]) ** 2).sum(-1))


@pytest.fixture
def found(monkeypatch):
    monkeypatch.setattr(module, "typological_distances", lambda given: FAR)
    corpora = treebanks(CODES, 0.02)
    encoder = random_encoder(corpora.in_languages("treebank").values(), layers=1, heads=2, width=8)

    def made(own: Accuracy, twin: Accuracy = lambda s, t: 0.5):
        def answer(asked):
            seed = asked.readers[0].encoder.twin_seed
            return tags(
                tuple(r.code for r in asked.readers), own if seed is None else twin, 9 if seed is None else seed
            )

        return driven(experiment("ml-10")(encoder, corpora, 0), answer)

    return made


falls = lambda s, t: 0.95 - 0.6 * FAR[s, t]


def test_loss_that_grows_with_distance_holds(found):
    made = found(falls)
    assert verdict("ml-10", made) == "holds"
    assert made.values["correlation of loss and distance"].value > 0.9
    assert made.values["mean transfer loss"].value == pytest.approx(60 * FAR.sum() / (N * (N - 1)), abs=2)


def test_loss_that_shrinks_with_distance_fails(found):
    assert verdict("ml-10", found(lambda s, t: 0.95 if s == t else 0.3 + 0.5 * FAR[s, t])) == "fails"


def test_twins_that_lose_as_much_break_it(found):
    assert verdict("ml-10", found(falls, falls)) != "holds"


def test_loss_without_regard_to_distance_does_not_hold(found):
    assert verdict("ml-10", found(lambda s, t: 0.6)) != "holds"


def test_random_weights_do_not_hold():
    corpora = treebanks(CODES[:5], 0.03)
    encoder = random_encoder(corpora.in_languages("treebank").values(), layers=1, heads=2, width=16, seed=5)
    (result,) = results_of(encoder, ["ml-10"], corpora)
    assert result.verdict in ("fails", "undecided", "not applicable"), result.reason


def test_few_languages_are_not_applicable():
    corpora = treebanks(("de", "fi"), 0.02)
    with pytest.raises(NotApplicable, match="6 are due"):
        driven(
            experiment("ml-10")(random_encoder([corpora.treebank], layers=1, heads=2, width=8), corpora, 0),
            lambda asked: None,
        )


def test_what_is_given_is_taken_out_of_a_correlation():
    rng = np.random.default_rng(0)
    z = rng.random(400)
    x, y = z + 0.1 * rng.random(400), z + 0.1 * rng.random(400)
    assert partial_spearman(x, y) == pytest.approx(spearmanr(x, y).statistic) and partial_spearman(x, y) > 0.9
    assert abs(partial_spearman(x, y, (z,))) < 0.15
    assert np.isnan(partial_spearman(x, np.ones(400)))


def test_languages_and_not_pairs_are_resampled():
    """Losses that belong to the source alone are seen as one draw a language: a bootstrap of pairs would be far narrower."""
    rng = np.random.default_rng(1)
    of_source, far = rng.random(8), rng.random((8, 8))
    made = over_languages(lambda s, t: float(of_source[s].mean()), 8)
    assert made.n == 56 and made.high - made.low > 3 * of_source.std() / np.sqrt(56) and far.size
