"""pre-11: the width of optima."""

import numpy as np
import pytest
import torch

from bertology.claims.training import fine_tuned
from bertology.claims.training import pre_11_flatness as module
from bertology.claims.training.pre_11_flatness import RISE, STEPS, direction, loss_curves, width
from bertology.train.artefacts import Tuned
from bertology.train.classifier import classifier
from bertology.train.tasks import property_of
from tests.claims.driving import noise
from tests.claims.training.answered import tiny, verdict

nothing = lambda asked, seed, order: 0.9


@pytest.mark.parametrize(
    ("curvature", "floor", "expected"),
    [
        ((4.0, 12.0), (0.1, 0.1), "holds"), ((12.0, 4.0), (0.1, 0.1), "fails"), ((8.0, 8.0), (0.1, 0.1), "not"),
        ((4.0, 12.0), (0.1, 0.6), "fails"),
    ],
)  # fmt: skip
def test_the_basin_must_be_wider_at_equal_training_loss(corpora, monkeypatch, curvature, floor, expected):
    def curves(after, encoder, task, seed):
        k = int(encoder.twin_seed is not None)
        bend = curvature[k] * np.exp(0.1 * noise(after.model.key))
        return np.tile(floor[k] + bend * STEPS**2, (2, 1))

    monkeypatch.setattr(module, "loss_curves", curves)
    found = verdict("pre-11", nothing, corpora)
    assert found == expected if expected != "not" else found != "holds"


def test_width_by_hand() -> None:
    assert width(np.abs(STEPS)) == pytest.approx(2 * RISE)
    assert width(1 + 2 * np.abs(STEPS)) == pytest.approx(RISE)
    assert width(np.zeros(len(STEPS))) == pytest.approx(STEPS[-1] - STEPS[0])
    assert width(np.where(STEPS > 0, 10 * STEPS, -STEPS)) == pytest.approx(RISE + RISE / 10)


def test_directions_have_the_size_of_the_weights_row_by_row() -> None:
    weights = {"w": torch.randn(5, 7) * torch.arange(5)[:, None], "b": torch.ones(5)}
    way = direction(weights, 0)
    assert torch.allclose(way["w"].norm(dim=1), weights["w"].norm(dim=1)) and not way["b"].any()
    assert torch.equal(way["w"], direction(weights, 0)["w"]) and not torch.equal(way["w"], direction(weights, 1)["w"])


def test_a_curve_has_the_models_own_loss_in_the_middle_and_leaves_the_model_as_it_was(corpora):
    encoder, task = tiny(corpora, layers=2), fine_tuned.cut(property_of(corpora.treebank, "tense"), 20)
    model = classifier(encoder, task, 0).eval().requires_grad_(False)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    found = loss_curves(Tuned(model, encoder, 0.5), encoder, task, 3)
    assert found.shape == (module.DIRECTIONS, len(STEPS)) and found[0, 6] == found[1, 6] == pytest.approx(
        np.log(2), abs=0.1
    )
    assert np.ptp(found[0]) > 0 and not np.allclose(found[0], found[1])
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
