"""Deeper models have more layers that fine-tuning leaves alone."""

from typing import Any

import numpy as np
import pytest

from bertology.claims.training import arch_03_depth as module
from bertology.claims.training.rollback import rolled_back, untouched
from bertology.claims.training.tuned import TUNING, short
from bertology.encoder.watch import layer_modules
from bertology.observe import WordVectors
from bertology.observe.planner import Planner
from bertology.probe.identity import IdentityNeighbours
from bertology.record.errors import NotApplicable
from bertology.record.folder import RunFolder
from bertology.train.finetune import finetune
from bertology.train.tasks import parts_of_speech
from tests.claims.driving import noise
from tests.claims.training.made_up import finding, verdict
from tests.planted import random_encoder


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "identity", lambda encoder, text: np.zeros(3))


def curves(real: Any, twin: Any, score: float = 0.9):
    """A score that stands until the task's layers are reached: `real(depth)` of them, or `twin(depth)`."""

    def answer(run: Any, asked: Any) -> np.ndarray:
        depth = run.recipe.architecture.layers
        zone = (twin if asked.encoder.twin else real)(depth)
        wobble = 0.001 * noise(run.seed, depth)
        return np.array([score + wobble if k <= depth - zone else asked.task.majority for k in range(depth + 1)])

    return answer


@pytest.mark.usefixtures("blind")
class TestVerdict:
    def test_a_constant_few_at_the_top_hold(self, corpora):
        assert verdict("arch-03", lambda run: 3.0, corpora, curves(lambda d: 1, lambda d: d)) == "holds"

    def test_a_constant_share_fails(self, corpora):
        assert verdict("arch-03", lambda run: 3.0, corpora, curves(lambda d: d // 2, lambda d: d)) == "fails"

    def test_twins_with_as_few_do_not_hold(self, corpora):
        assert verdict("arch-03", lambda run: 3.0, corpora, curves(lambda d: 1, lambda d: 1)) != "holds"

    def test_a_task_that_was_not_learnt_does_not_apply(self, corpora):
        with pytest.raises(NotApplicable, match="majority"):
            finding("arch-03", lambda run: 3.0, corpora, curves(lambda d: 1, lambda d: d, score=0.0))


@pytest.fixture(scope="module")
def tuned(corpora):
    encoder = random_encoder(corpora, layers=2, width=32, heads=2)
    task = short(parts_of_speech(corpora.treebank), 0).limited(60)
    return encoder, task, finetune(encoder, task, TUNING).best


def test_layers_return_to_the_encoders_from_the_bottom_and_the_head_stays(tuned, monkeypatch):
    encoder, task, best = tuned
    head = {n: p.clone() for n, p in best.model.named_parameters() if "classifier" in n}
    scores = rolled_back(encoder, task, best.model)
    assert scores[0] == best.score(task)
    assert len(scores) == 3
    assert len(set(scores)) == 3
    for old, new in zip(
        *(layer_modules(b, encoder.family) for b in (encoder.base, best.model.base_model)), strict=True
    ):
        assert all(bool((p == dict(old.named_parameters())[n]).all()) for n, p in new.named_parameters())
    words = [b.get_input_embeddings().weight for b in (encoder.base, best.model.base_model)]
    assert bool((words[0] == words[1]).all())
    assert head
    assert all(bool((p == dict(best.model.named_parameters())[n]).all()) for n, p in head.items())


@pytest.mark.parametrize(
    ("scores", "layers"), [([0.9, 0.9, 0.5], 1), ([0.9, 0.5, 0.9], 0), ([0.9, 0.9, 0.89], 2), ([0.9, 0.86, 0.88], 0)]
)
def test_layers_are_untouched_up_to_the_first_that_costs(scores, layers):
    assert untouched(np.array(scores), 0.2) == layers


def test_identity_is_that_of_the_planner(corpora, tmp_path):
    encoder = random_encoder(corpora, layers=2, width=32, heads=2)

    def asks():
        from bertology.observe import measure

        return (yield from measure(IdentityNeighbours(limit=4000), over=corpora.text))

    found = dict(Planner(encoder, RunFolder.open(tmp_path, {})).outcomes({"x": asks()}))["x"]
    assert module.identity(encoder, corpora.text) == pytest.approx(found.correct.rate())
    assert WordVectors(4000) == WordVectors(IdentityNeighbours(limit=4000).limit)
