"""Sentence-order prediction teaches more than next-sentence prediction."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bertology.claims.training import pre_06_sentence_order as module
from bertology.claims.training.likelihood import held_out_source
from bertology.claims.training.scale import TINY
from bertology.train.artefacts import Training
from bertology.train.checkpoint import Found
from bertology.train.objectives.sentences import NSP, SOP
from tests.claims.driving import noise
from tests.claims.training.made_up import verdict


def heads(monkeypatch: pytest.MonkeyPatch, table: dict[tuple[str, str], float], spread: float = 0.01) -> None:
    def accuracy(run: Any, own: Any, asked: Any) -> float:
        return table[own.name, asked.name] + spread * noise(run.encoder.training.seed, own.name, asked.name)

    monkeypatch.setattr(module, "head_accuracy", accuracy)


PUBLISHED = {("nsp", "nsp"): 0.9, ("nsp", "sop"): 0.52, ("sop", "sop"): 0.86, ("sop", "nsp"): 0.79}


def test_the_published_table_holds(corpora, monkeypatch):
    heads(monkeypatch, PUBLISHED)
    assert verdict("pre-06", lambda run: 3.0, corpora) == "holds"


def test_the_reverse_fails(corpora, monkeypatch):
    other = {"nsp": "sop", "sop": "nsp"}
    heads(monkeypatch, {key: PUBLISHED[other[key[0]], other[key[1]]] for key in PUBLISHED})
    assert verdict("pre-06", lambda run: 3.0, corpora) == "fails"


def test_coins_leave_it_undecided(corpora, monkeypatch):
    heads(monkeypatch, dict.fromkeys(PUBLISHED, 0.5))
    assert verdict("pre-06", lambda run: 3.0, corpora) == "undecided"


@pytest.fixture(scope="module")
def run(tmp_path_factory, corpora):
    """A training of a few steps with an order head."""
    place = tmp_path_factory.mktemp("training") / "one"
    place.mkdir()
    asked = Training(replace(TINY, layout=module.LAYOUT, objectives=(*TINY.objectives, SOP())), corpora.raw, 3000)
    asked.build(place, lambda what, done, total: None)
    return asked.load(place)


def test_a_head_is_asked_with_the_weights_it_was_trained_to(run, monkeypatch):
    before = module.head_accuracy(run, SOP(), SOP())
    assert before == module.head_accuracy(run, SOP(), SOP())
    source = held_out_source(run)
    pairs = module.LAYOUT.examples(source.stream)[: module.MOST]
    swapped = [SOP().arrange(tuple(p), source, np.random.default_rng([7, k]))[1]["sop"] for k, p in enumerate(pairs)]
    assert 0 < np.mean(swapped) < 1
    for says in (0, 1, 1, 0, 1, 0, 0, 1):  # a head that always says one class is right as often as that is so
        state = {"heads": constant(run, says)}
        monkeypatch.setattr(module.checkpoint, "latest", lambda place, state=state: Found(place, state))
        assert module.head_accuracy(run, SOP(), SOP()) == pytest.approx(np.mean(np.array(swapped) == says))


def test_the_question_asked_is_the_other_one(run, monkeypatch):
    asked = []
    plain = module.draft
    monkeypatch.setattr(module, "draft", lambda objectives, *rest: asked.append(objectives) or plain(objectives, *rest))
    module.head_accuracy(run, SOP(), NSP())
    assert set(asked) == {(NSP(),)}
    assert len(asked) > 100


def constant(run: Any, says: int) -> dict[str, Any]:
    head = SOP().head(run.encoder.model)
    state = {f"1.{name}": 0 * weight for name, weight in head.state_dict().items()}
    state["1.2.bias"][says] = 1.0
    return state
