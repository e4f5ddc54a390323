"""dir-05: three ways of asking which heads are used, and the erasure of a label from a head."""

import numpy as np
import pytest

from bertology.claims.directions.erased_heads import Erased, HeadErasure
from bertology.claims.registry import experiment, survey
from bertology.claims.training import fine_tuned
from bertology.compress.artefacts import Importance, Silencing
from bertology.record.result import judge
from bertology.train.artefacts import TunedModel
from tests.claims.driving import driven
from tests.claims.size.answered import HEADS, LAYERS, World, drawn, half_used, of_twin, tiny

USE = half_used(0.02) + 0.01 * drawn(5)
"""How much each head is used."""


def finding(corpora, world: World, erased=lambda asked: USE, random=None):
    def answer(asked):
        if isinstance(asked, HeadErasure):
            seed = asked.asked.seed
            random_ = drawn(seed, 8) if random is None else random
            return Erased(
                (drawn(seed, 9) if of_twin(asked.asked.encoder) else erased(asked)) + 1e-4 * drawn(seed, 7), random_
            )
        return world.answer(asked)

    return driven(experiment("dir-05")(tiny(corpora), corpora, 0), answer)


def verdict(*given, **named):
    return judge(survey()["dir-05"].claim, finding(*given, **named))[0]


def test_three_ways_that_agree_hold(corpora):
    found = finding(corpora, World(USE, score=0.95))
    assert judge(survey()["dir-05"].claim, found)[0] == "holds"
    assert found.values["mean ρ"].value > 0.8 and abs(found.baselines["mean ρ, random twin"].value) < 0.8
    assert found.values["mean ρ, layers' means taken out"].value > 0.7
    assert found.values["ρ of erasing tense with the others − of erasing random directions"].low > 0.5
    assert len(found.rows) == 3 * USE.size


@pytest.mark.parametrize(
    "changed",
    [
        {"erased": lambda asked: -USE},
        {"world": World(USE, score=0.95, importance=lambda seed: -USE)},
    ],
    ids=["erasure reversed", "importance reversed"],
)
def test_one_way_that_disagrees_fails(corpora, changed):
    assert verdict(corpora, **({"world": World(USE, score=0.95)} | changed)) == "fails"


def test_numbers_of_chance_do_not_hold(corpora):
    chance = World(USE, score=0.95, importance=lambda seed: drawn(seed, 3))
    assert verdict(corpora, chance, erased=lambda asked: drawn(asked.asked.seed, 4)) != "holds"


def test_a_twin_that_scores_as_well_breaks_it(corpora):
    assert verdict(corpora, World(USE, score=0.95, twin=0.95)) != "holds"


def test_a_depth_that_all_ways_share_is_taken_out(corpora):
    depth = np.arange(LAYERS)[:, None] * 0.01 * np.ones_like(USE)
    world = World(depth + 0.006 * drawn(6), score=0.95, importance=lambda seed: depth + 1e-3 * drawn(seed, 1))
    found = finding(corpora, world, erased=lambda asked: depth + 1e-3 * drawn(asked.asked.seed, 2))
    assert found.values["mean ρ"].value > 0.8 and found.values["mean ρ, layers' means taken out"].value < 0.5


def test_silencing_and_importance_are_those_of_other_claims(corpora):
    keys = {"dir-05": set(), "over-05": set(), "prune-07": set()}
    encoder = tiny(corpora)
    for name, asked in keys.items():
        world = World(USE, score=0.95)

        def answer(one, asked=asked, world=world):
            if isinstance(one, Silencing | Importance):
                asked.add(one.key)
            return Erased(USE, USE) if isinstance(one, HeadErasure) else world.answer(one)

        driven(experiment(name)(encoder, corpora, 0), answer)
    seeds = len(fine_tuned.SEEDS)
    assert len(keys["dir-05"] & keys["over-05"]) == len(keys["dir-05"] & keys["prune-07"]) == seeds


@pytest.fixture(scope="module")
def erased(tmp_path_factory):
    from tests.planted import small

    corpora = small()
    encoder = tiny(corpora, layers=2)
    task = fine_tuned.cut(fine_tuned.TASKS["tense"](corpora), 60)
    model = TunedModel(encoder, task, fine_tuned.using(epochs=4, rate=3e-3), 1)
    place = tmp_path_factory.mktemp("made") / "erasure"
    place.mkdir()
    asked = HeadErasure(model, task.train)
    asked.build(place, lambda what, done, total: None)
    return asked, asked.load(place), place


def test_every_head_has_a_number_and_it_is_no_constant(erased):
    _, found, _ = erased
    assert found.label.shape == found.random.shape == (2, HEADS)
    assert np.isfinite(found.label).all() and len(np.unique(found.label)) == found.label.size


def test_a_head_that_the_output_ignores_costs_nothing(erased, tmp_path_factory):
    """With its output matrix zero, nothing that a layer's heads say is used."""
    from safetensors.torch import load_file, save_file

    asked, _, place = erased
    file = place.parent / asked.asked.key / "state.safetensors"
    state = load_file(file)
    before = dict(state)
    for name in state:
        if "layer.1.attention.output.dense" in name:
            state[name] = state[name] * 0
    save_file(state, file)
    again = tmp_path_factory.mktemp("again")
    try:
        (place.parent / "again").mkdir()
        asked.build(place.parent / "again", lambda what, done, total: None)
        found = asked.load(place.parent / "again")
    finally:
        save_file(before, file)
    assert again.exists() and np.abs(found.label[1]).max() < 1e-7 and np.abs(found.label[0]).max() > 1e-6
