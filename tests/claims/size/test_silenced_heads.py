"""over-04, over-05, prune-07, spec-04, prune-03, prune-01: claims on tuned models with heads silenced."""

import numpy as np
import pytest

from bertology.claims.registry import survey
from bertology.claims.size import prune_01_unused_heads, prune_03_survivors, spec_04_important_heads, tuned_heads
from bertology.claims.size.prune_03_survivors import kappa
from bertology.claims.size.spec_04_important_heads import log_odds, phi
from bertology.observe.links import OFFSETS, Pointing
from bertology.record.errors import NotApplicable
from bertology.record.result import judge
from bertology.stats.tally import Tally
from tests.claims.driving import noise
from tests.claims.size.answered import EXAMPLES, HEADS, LAYERS, World, drawn, finding, given, half_used, tiny, verdict

BASE = 0.9


def part_that_helps(on_dev: float, on_test: float):
    """Head 1 of layer 2 changes the score so much; every other part costs a little."""

    def kept(asked, one, part):
        if not one:
            return BASE
        gain = {"chosen": on_dev, "test": on_test}[part] if one == ((2, 1),) else -0.02
        return BASE + gain + 0.002 * noise(asked.asked.seed, one, part)

    return World(half_used(), kept=kept)


@pytest.mark.parametrize(("on_dev", "on_test", "expected"), [(0.03, 0.03, "holds"), (0.03, -0.03, "fails")])
def test_a_part_must_help_on_examples_that_it_was_not_chosen_on(corpora, on_dev, on_test, expected):
    found = finding("over-05", part_that_helps(on_dev, on_test), corpora)
    assert judge(survey()["over-05"].claim, found)[0] == expected
    assert found.values["gain of the same part where it was chosen"].value == pytest.approx(on_dev, abs=0.01)
    assert "head 1 of layer 2" in found.note


def test_chance_alone_is_chosen_and_does_not_last(corpora):
    chance = World(half_used(), kept=lambda asked, one, part: BASE + 0.02 * noise(asked.asked.seed, asked.by, one, part) * bool(one))  # fmt: skip
    found = finding("over-05", chance, corpora)
    assert judge(survey()["over-05"].claim, found)[0] != "holds"
    assert found.values["gain of the same part where it was chosen"].low > 0.02


@pytest.mark.parametrize("claim", ["over-05", "over-04", "prune-07"])
def test_no_claim_holds_where_the_random_twin_tunes_as_well(corpora, claim):
    world = part_that_helps(0.03, 0.03) if claim == "over-05" else World(half_used(0.03 if claim == "prune-07" else 0))
    assert verdict(claim, world, corpora) == "holds"
    world.twin = world.score
    assert verdict(claim, world, corpora) != "holds"


@pytest.mark.parametrize(("cost", "expected"), [(0.001, "holds"), (0.05, "fails")])
def test_one_head_must_do_what_its_layer_did(corpora, cost, expected):
    def kept(asked, one, part):
        """Head 3 is the one that is needed; without it the score falls far."""
        return BASE - (0.3 if any(h == 3 for _, h in one) else cost * bool(one))

    assert verdict("over-04", World(half_used(), kept=kept), corpora) == expected


def test_the_head_that_stays_is_chosen_on_dev_and_judged_on_test(corpora):
    """Head 3 is best on dev, head 0 on test: the layer loses."""
    needed = {"chosen": 3, "test": 0}
    kept = lambda asked, one, part: BASE - 0.2 * any(h == needed[part] for _, h in one)
    assert verdict("over-04", World(half_used(), kept=kept), corpora) == "fails"


def test_three_quarters_of_the_layers_decide(corpora):
    """With six layers the fifth in order of loss decides: one may lose, two may not."""
    bad = lambda layers: lambda asked, one, part: BASE - 0.2 * bool(one and one[0][0] in layers)
    assert verdict("over-04", World(half_used(), kept=bad({1})), corpora) == "holds"
    assert verdict("over-04", World(half_used(), kept=bad({1, 2})), corpora) == "fails"


@pytest.mark.parametrize(
    ("importance", "expected"),
    [
        (None, "holds"),
        (lambda seed: -half_used() + 1e-4 * drawn(seed), "fails"),
        (lambda seed: drawn(seed), "not holds"),
    ],
    ids=["the order is right", "reversed", "random"],
)
def test_importance_must_beat_random_orders(corpora, importance, expected):
    found = verdict("prune-07", World(half_used(), importance=importance), corpora)
    assert found == expected if expected != "not holds" else found != "holds"


def test_pruning_must_be_nearly_free_at_three_tenths(corpora):
    assert verdict("prune-07", World(half_used() + 0.01), corpora) == "fails"


def marks(kind: str):
    """Which heads are heterogeneous: in layers, so that those in use are among them by half, all, or none."""
    table = np.zeros((LAYERS, HEADS), dtype=bool)
    if kind == "evenly":
        table[::2] = True
    else:
        table[:, (0 if kind == "the used ones" else 1) :: 2] = True
    return table


@pytest.mark.parametrize(
    ("claim", "kind", "expected"),
    [("spec-04", "evenly", "holds"), ("spec-04", "the used ones", "fails"), ("spec-04", "the others", "fails"),
     ("prune-03", "evenly", "holds"), ("prune-03", "the used ones", "fails"), ("prune-03", "the others", "holds")],
)  # fmt: skip
def test_survivors_must_not_be_the_heterogeneous_heads(corpora, monkeypatch, claim, kind, expected):
    module = spec_04_important_heads if claim == "spec-04" else prune_03_survivors
    monkeypatch.setattr(module, "heterogeneous", given(marks(kind)))
    assert verdict(claim, World(half_used(0.06)), corpora) == expected


@pytest.mark.parametrize("claim", ["spec-04", "prune-03"])
def test_survivors_of_no_importance_tell_nothing(corpora, monkeypatch, claim):
    module = spec_04_important_heads if claim == "spec-04" else prune_03_survivors
    monkeypatch.setattr(module, "heterogeneous", given(marks("evenly")))
    random = World(half_used(0.06), importance=lambda seed: drawn(seed))
    assert verdict(claim, random, corpora) != "holds"
    equal = World(half_used(0.06), twin=0.9)
    assert verdict(claim, equal, corpora) != "holds"


def test_where_every_head_survives_there_is_nothing_to_compare(corpora, monkeypatch):
    monkeypatch.setattr(spec_04_important_heads, "heterogeneous", given(marks("evenly")))
    with pytest.raises(NotApplicable, match="every head survives"):
        finding("spec-04", World(np.full((LAYERS, HEADS), 0.2), score=0.9, kept=lambda a, one, p: 0.9 - 0.3 * bool(one)), corpora)  # fmt: skip


def test_two_by_two_tables_by_hand():
    one = np.array([True, True, False, False])
    assert log_odds(one, one) == pytest.approx(np.log(25))
    assert log_odds(one, np.array([True, False, True, False])) == 0 and phi(one, one) == 1 and phi(~one, one) == -1
    assert kappa(one, one) == 1 and kappa(one, np.array([True, False, True, False])) == 0
    assert tuned_heads.auc(np.array([3.0, 2.0, 1.0, 0.0]), one) == 1
    assert tuned_heads.auc(np.array([1.0, 1.0, 1.0, 1.0]), one) == 0.5
    assert tuned_heads.auc(np.array([1.0, 0.0, 2.0, 3.0]), one) == 0


def test_the_interval_has_seeds_and_examples_in_it():
    rng = np.random.default_rng(0)
    alike = np.tile(rng.random((1, 2, 400)) < 0.7, (5, 1, 1)).astype(float)
    gap = lambda r: r[..., 1] - r[..., 0]
    same = tuned_heads.over_seeds_and_examples(gap, list(alike))
    assert same.value == pytest.approx(float(np.diff(alike[0].mean(1))[0]))
    expected = 1.96 * (alike[0, 1] - alike[0, 0]).std() / 20
    assert (same.high - same.low) / 2 == pytest.approx(expected, rel=0.1)
    shifted = alike.copy()
    shifted[0, 1] = 1
    assert tuned_heads.over_seeds_and_examples(gap, list(shifted)).high - same.low > same.high - same.low
    assert not tuned_heads.over_seeds_and_examples(gap, list(alike[:1])).known


def pointing(hit: float) -> Pointing:
    """Head 2 of layer 3 finds so many subjects, the others a tenth, the best offset a fifth; 100 blocks of 40 links."""
    rate = np.full((2, LAYERS, HEADS, 2), 0.1)
    rate[1, 2, 2, 0] = hit
    weight = np.full((100, 2, LAYERS, HEADS, 2), 40.0)
    offsets = np.full((100, 2, 2, 2 * OFFSETS + 1), 8.0)
    hits = Tally(rate[None] * weight, weight)
    return Pointing(("obj", "nsubj"), hits, hits, hits, Tally(offsets, np.full(offsets.shape, 40.0)))


@pytest.mark.parametrize(
    ("hit", "cost", "twin", "expected"),
    [(0.8, 0.0, 0.6, "holds"), (0.8, 0.1, 0.6, "fails"), (0.1, 0.0, 0.6, "not holds"), (0.8, 0.0, 0.9, "not holds")],
)
def test_a_head_must_find_subjects_and_cost_nothing(corpora, monkeypatch, hit, cost, twin, expected):
    monkeypatch.setattr(prune_01_unused_heads, "together", given((pointing(hit), pointing(0.1))))
    monkeypatch.setattr(prune_01_unused_heads, "FEWEST", 1)
    use = np.full((LAYERS, HEADS), 0.02)
    use[2, 2] = cost
    found = finding("prune-01", World(use, twin=twin), corpora)
    said = judge(survey()["prune-01"].claim, found)[0]
    assert said == expected if expected != "not holds" else said != "holds"
    if hit > 0.1:
        assert "head 2 of layer 3, 0.600 better there" in found.note
        assert found.values["score lost without the head"].value == pytest.approx(cost, abs=1 / EXAMPLES)


def test_an_encoder_with_one_head_a_layer_has_none_to_compare(corpora):
    with pytest.raises(NotApplicable, match="one head"):
        finding("over-04", World(half_used()), corpora, tiny(corpora, heads=1))
