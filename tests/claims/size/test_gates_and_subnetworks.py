"""over-02, prune-02, prune-04, prune-05, pre-12, over-07: claims on gates, on subnetworks and on pruned weights."""

import numpy as np
import pytest

from bertology.claims.size import prune_02_role_heads, prune_04_criteria
from bertology.claims.size.over_07_magnitude import knee
from bertology.record.errors import NotApplicable
from tests.claims.size.answered import HEADS, LAYERS, World, finding, given, half_used, of_twin, tiny, verdict

ROLE = half_used(1.0) > 0
"""Every other head has a role."""


def kept_heads(encoder) -> set[tuple[int, int]]:
    return {(layer, h) for layer, heads in enumerate(encoder.config.cut["kept"][1]) for h in heads}


def top(values, share) -> set[tuple[int, int]]:
    order = np.argsort(-values, axis=None, kind="stable")[: round(share * values.size)]
    return {(int(k // HEADS), int(k % HEADS)) for k in order}


@pytest.mark.parametrize(
    ("by_gates", "at_random", "expected"), [(0.91, 0.7, "holds"), (0.91, 0.91, "not holds"), (0.6, 0.8, "fails")]
)
def test_a_quarter_by_gates_must_keep_the_score_and_beat_a_random_quarter(corpora, by_gates, at_random, expected):
    open_ = lambda seed: np.random.default_rng(seed).random((LAYERS, HEADS))

    def scoring(asked, seed):
        kept = kept_heads(asked.encoder)
        assert len(kept) == LAYERS * HEADS // 4
        return by_gates if kept == top(open_(seed), 0.25) else at_random

    found = verdict("over-02", World(half_used(), open=open_, scoring=scoring), corpora)
    assert found == expected if expected != "not holds" else found != "holds"
    if expected == "holds":
        assert verdict("over-02", World(half_used(), open=open_, scoring=scoring, twin=0.9), corpora) != "holds"


@pytest.mark.parametrize(("sign", "expected"), [(1, "holds"), (-1, "fails"), (0, "not holds")])
def test_heads_with_a_role_must_stay_open_longest(corpora, monkeypatch, sign, expected):
    monkeypatch.setattr(prune_02_role_heads, "roles", given(ROLE))
    open_ = lambda seed: sign * ROLE + np.random.default_rng(seed).random((LAYERS, HEADS))
    found = verdict("prune-02", World(half_used(), open=open_), corpora)
    assert found == expected if expected != "not holds" else found != "holds"
    assert verdict("prune-02", World(half_used(), open=open_, twin=0.9), corpora) != "holds"


@pytest.mark.parametrize(
    ("gates", "importance", "expected"), [(1, 0, "holds"), (1, -1, "holds"), (1, 1, "not holds"), (-1, 1, "fails"), (0, 0, "not holds")]
)  # fmt: skip
def test_the_two_criteria_must_disagree(corpora, monkeypatch, gates, importance, expected):
    monkeypatch.setattr(prune_04_criteria, "roles", given(ROLE))
    monkeypatch.setattr(prune_04_criteria, "heterogeneous", given(ROLE))
    noisy = lambda sign, name: lambda seed: 3 * sign * ROLE + np.random.default_rng([seed, len(name)]).random((LAYERS, HEADS))  # fmt: skip
    world = World(half_used(), open=noisy(gates, "gates"), importance=noisy(importance, "importance"))
    found = verdict("prune-04", world, corpora)
    assert found == expected if expected != "not holds" else found != "holds"


def subnetwork_world(good=0.9, random=0.8, bad=0.75, untrained=0.6):
    """Scores by which heads were left; importance is the same for every seed."""
    values = np.random.default_rng(2).random((LAYERS, HEADS))
    best, worst = top(values, 0.5), top(-values, 0.5)

    def scoring(asked, seed):
        kept = kept_heads(asked.encoder)
        assert len(kept) == LAYERS * HEADS // 2
        if of_twin(asked.encoder):
            return untrained
        return good if kept == best else bad if kept == worst else random

    return World(half_used(), importance=lambda seed: values, scoring=scoring)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [({}, "holds"), ({"random": 0.9}, "not holds"), ({"bad": 0.8}, "not holds"), ({"bad": 0.3}, "fails"), ({"good": 0.85}, "fails"),
     ({"good": 0.75, "random": 0.8, "bad": 0.9}, "fails")],
    ids=["in order", "random as good", "bad as random", "bad not trained", "good is not the whole", "reversed"],
)  # fmt: skip
def test_subnetworks_must_come_in_order(corpora, scores, expected):
    found = verdict("prune-05", subnetwork_world(**scores), corpora)
    assert found == expected if expected != "not holds" else found != "holds"


@pytest.mark.parametrize(
    ("scores", "expected"), [({"bad": 0.86}, "holds"), ({"bad": 0.86, "untrained": 0.86}, "not holds"), ({"bad": 0.65}, "fails")]
)  # fmt: skip
def test_bad_subnetworks_must_keep_most_and_owe_it_to_pretraining(corpora, scores, expected):
    found = verdict("pre-12", subnetwork_world(**scores), corpora)
    assert found == expected if expected != "not holds" else found != "holds"


def bend(at, random=0.7, floor=0.5):
    """0.9 up to a share `at` of the weights, then down to the floor at .9."""

    def scoring(asked, seed):
        (technique,) = asked.recipe.techniques
        if technique.by == "random":
            return random
        return 0.9 - (0.9 - floor) * max(0.0, technique.sparsity - at) / (0.9 - at)

    return World(half_used(), scoring=scoring)


@pytest.mark.parametrize(
    ("world", "expected"),
    [(bend(0.5), "holds"), (bend(0.1), "fails"), (bend(0.5, floor=0.9), "not holds"), (bend(0.5, random=0.9), "not holds")],
    ids=["a knee at half", "a knee at a tenth", "nothing is ever lost", "random weights do as well"],
)  # fmt: skip
def test_the_knee_must_lie_beyond_a_third(corpora, world, expected):
    found = verdict("over-07", world, corpora)
    assert found == expected if expected != "not holds" else found != "holds"


def test_a_knee_by_hand():
    x = (0.0, 0.2, 0.4, 0.6, 0.8)
    assert knee(x, [1, 1, 1, 0.5, 0.0]) == pytest.approx(0.4, abs=0.01)
    assert knee(x, [1, 0.8, 0.6, 0.4, 0.2]) == pytest.approx(0.0, abs=0.01)
    assert knee(x, [1, 1, 1, 1, 1]) == 0.8 and knee(x, [0, 0.1, 0.2, 0.3, 0.4]) == 0.8


def test_a_family_whose_heads_cannot_go_is_named(corpora, monkeypatch):
    encoder = tiny(corpora)
    monkeypatch.setattr(encoder, "family", encoder.family._replace(into_heads=()))
    for claim in ("over-02", "prune-05", "pre-12", "prune-02", "prune-04"):
        with pytest.raises(NotApplicable, match="cannot be taken out"):
            finding(claim, World(half_used()), corpora, encoder)
