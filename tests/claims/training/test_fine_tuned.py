"""Claims about fine-tuning as they really run, at a minimal scale, and the scale itself."""

import importlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import bertology as bt
from bertology.claims.training import attacks, change, fine_tuned
from bertology.corpus.corpora import Corpora
from bertology.record.errors import BadRequest
from bertology.train.artefacts import Attack, Scoring, Staging, TunedModel
from bertology.train.task import Task
from bertology.train.techniques import Adapters, FreezeBottom
from tests.claims.training.answered import tiny
from tests.planted import small

SEEDED = {
    "attacks": attacks, "ft_04_related_task_first": None, "ft_07_smart": None, "ft_08_mixout": None, "pre_13_marginal_gains": None,
    "reg_03_normalised_cls": None,
}  # fmt: skip
GROUPS = {
    "against frozen features": ["ft-10", "pre-10", "ft-09", "ft-03"],
    "over seeds": ["ft-08", "ft-11", "ft-12", "reg-03", "pre-13"],
    "on changed texts": ["ft-06", "ft-07"],
    "in stages": ["ft-04", "ft-05"],
    "of the model itself": ["ft-01", "lay-06", "lay-07", "spec-05", "pre-11"],
}


@pytest.fixture
def minimal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seeds, one epoch of two steps."""
    room = "bertology.claims.training"
    for name in SEEDED:
        monkeypatch.setattr(importlib.import_module(f"{room}.{name}"), "SEEDS", (0, 1))
    for name, value in (("SEEDS", (0, 1)), ("EXAMPLES", 16), ("HELD_OUT", 30)):
        monkeypatch.setattr(fine_tuned, name, value)
    short = replace(fine_tuned.STANDARD, epochs=1, batch=8, rate=1e-3)
    monkeypatch.setattr(fine_tuned, "STANDARD", short)
    monkeypatch.setattr(fine_tuned, "FROZEN", replace(short, techniques=(FreezeBottom(),)))
    monkeypatch.setattr(change, "SENTENCES", 20)
    for name, key, value in (
        ("ft_11_seeds", "GRID", 4), ("ft_11_seeds", "STARTED", 4), ("ft_12_environment", "ORDERS", (0, 1)), ("pre_11_flatness", "LONGER", 1),
    ):  # fmt: skip
        monkeypatch.setattr(importlib.import_module(f"{room}.{name}"), key, value)
    pivots = importlib.import_module(f"{room}.ft_05_pivots")
    monkeypatch.setattr(pivots, "PIVOTS", replace(pivots.PIVOTS, epochs=0.2, least=2))


@pytest.mark.parametrize("group", GROUPS)
def test_claims_really_train_and_come_to_a_verdict(group, minimal, corpora, tmp_path):
    encoder = tiny(corpora, layers=4, mlm=True)
    with torch.random.fork_rng():
        done = bt.run(encoder, claims=GROUPS[group], scale=0.25, out=tmp_path)
    for result in done.results:
        assert result.verdict in ("holds", "fails", "undecided"), (result.claim, result.reason)
        assert result.verdict != "holds", (result.claim, result.reason)
        assert result.note.split("Scale: ")[1].startswith("random BERT") and done.folder.rows(result.claim)


@pytest.fixture(scope="module")
def task() -> Task:
    return fine_tuned.cut(fine_tuned.TASKS["tense"](small()), 16)


def built(asked, place):
    place.mkdir()
    asked.build(place, lambda what, done, total: None)
    return asked.load(place)


def test_a_tuned_model_comes_back_as_it_was_scored(corpora, task, tmp_path):
    encoder = tiny(corpora, layers=2)
    recipe = replace(fine_tuned.STANDARD, epochs=3)
    made = built(TunedModel(encoder, task, recipe, 3), tmp_path / "model")
    scored = built(Scoring(encoder, task, recipe, (3,)), tmp_path / "scores")
    assert made.score == scored.values[0]
    own = encoder.base.state_dict()
    assert made.encoder.n_layers == 2 and set(made.encoder.base.state_dict()) == set(own)
    weight = "encoder.layer.0.output.dense.weight"
    assert not torch.equal(made.encoder.base.state_dict()[weight], own[weight])
    assert made.encoder.base is made.model.base_model


def test_a_technique_that_stays_has_no_plain_trunk_to_look_at(corpora, task):
    with pytest.raises(BadRequest, match="Adapters"):
        TunedModel(tiny(corpora), task, fine_tuned.using(Adapters(2)), 0)


def test_an_attack_on_unchanged_texts_changes_no_score(corpora, task, tmp_path):
    encoder, recipe = tiny(corpora, layers=2), replace(fine_tuned.STANDARD, epochs=1)
    made = built(Attack(Scoring(encoder, task, recipe, (0, 1)), task.test), tmp_path / "a")
    alone = built(Scoring(encoder, task, recipe, (0, 1)), tmp_path / "b")
    assert made.changed.tolist() == made.clean.values.tolist() == alone.values.tolist()
    wrong = tuple(e._replace(label="past" if e.label != "past" else "present") for e in task.test)
    reversed_ = built(Attack(Scoring(encoder, task, recipe, (0,)), wrong), tmp_path / "c")
    assert reversed_.changed[0] == pytest.approx(1 - made.changed[0])


def test_artefacts_that_differ_in_anything_have_keys_of_their_own(corpora, task):
    encoder, recipe = tiny(corpora), fine_tuned.STANDARD
    few = replace(task, train=task.train[:8])
    scoring = Scoring(encoder, task, recipe, (0,))
    different = [
        scoring, Scoring(encoder, task, recipe, (0,), (1,)), Attack(scoring, task.test), Attack(scoring, task.test[:5]),
        TunedModel(encoder, task, recipe, 0), TunedModel(encoder, task, recipe, 1), TunedModel(encoder.randomised(1), task, recipe, 0),
        Staging(encoder, ((task, recipe), (task, recipe)), (0,)), Staging(encoder, ((few, recipe), (task, recipe)), (0,)),
    ]  # fmt: skip
    assert len({a.key for a in different}) == len(different)
    assert scoring.key == Scoring(encoder, task, recipe, (0,)).key


def test_tasks_are_cut_alike_each_time_and_no_part_is_longer_than_asked(corpora: Corpora):
    one, again = (fine_tuned.small(corpora, "tense", examples=30) for _ in range(2))
    assert (len(one.train), len(one.dev)) == (30, 10) and len(one.test) <= fine_tuned.HELD_OUT
    assert one.train == again.train and one.test == again.test and one.test != one.dev


def test_a_spread_by_hand():
    found = fine_tuned.spread([1.0, 2.0, 3.0])
    assert found.value == 1.0 and found.low == pytest.approx(np.sqrt(2 / 7.3778), rel=1e-4)
    assert found.high == pytest.approx(np.sqrt(2 / 0.050636), rel=1e-3) and not fine_tuned.spread([1.0]).known


def test_recipes_are_written_with_what_their_techniques_hold(corpora):
    from bertology.claims.training.ft_03_several_layers import LastLayerOnly
    from bertology.train.recipe import plain
    from bertology.train.techniques import ComplementaryLayers, ScalarMix

    written = {json.dumps(plain(fine_tuned.using(LastLayerOnly(w)))) for w in (ScalarMix(), ComplementaryLayers())}
    assert len(written) == 2
