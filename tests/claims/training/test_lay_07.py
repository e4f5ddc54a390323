"""lay-07: rolling layers back."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bertology.claims.training import fine_tuned
from bertology.claims.training import lay_07_rollback as module
from bertology.train.artefacts import Tuned
from bertology.train.classifier import classifier
from bertology.train.tasks import property_of
from tests.claims.driving import noise
from tests.claims.training.answered import tiny, verdict


@pytest.mark.parametrize(
    ("lower", "upper", "full", "expected"),
    [
        (1.0, 0.3, 0.95, "holds"), (0.5, 0.3, 0.95, "fails"), (1.0, 1.1, 0.95, "fails"), (1.0, 1.0, 0.95, "undecided"),
        (1.0, 0.3, 0.0, "fails"),
    ],
)  # fmt: skip
def test_the_lower_third_must_matter_little_and_less_than_the_upper(corpora, monkeypatch, lower, upper, full, expected):
    def restored(after, encoder, task, layers):
        kept = lower if 1 in layers else upper if encoder.n_layers in layers else 0.8
        margin = after.score - task.majority
        return task.majority + margin * (kept + 0.01 * noise(after.model.key, sorted(layers)))

    monkeypatch.setattr(module, "restored_score", restored)
    score = lambda asked, s, o: max(full, asked.task.majority + 0.001) + 0.001 * noise(asked.key)
    assert verdict("lay-07", score, corpora) == expected


def test_layers_get_the_weights_of_the_encoder_again_and_no_others(corpora, monkeypatch):
    encoder, task = tiny(corpora, layers=3), fine_tuned.cut(property_of(corpora.treebank, "tense"), 20)
    model = classifier(encoder, task, 0)
    for p in model.parameters():
        p.data += 1.0
    seen = {}
    evaluated = lambda restored, *rest: (np.zeros(1), seen.update(restored.state_dict()) or np.array(["x"]))
    monkeypatch.setattr(module, "evaluate", evaluated)
    monkeypatch.setattr(module, "Scored", lambda *given: SimpleNamespace(score=lambda: 0.25))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    assert module.restored_score(Tuned(model, encoder, 0.9), encoder, task, frozenset({1, 2})) == 0.25
    own = encoder.base.state_dict()
    for name, value in seen.items():
        if "layer.0" in name or "layer.1" in name:
            assert torch.equal(value, own[name.removeprefix("bert.")])
        else:
            assert torch.equal(value, before[name])
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
