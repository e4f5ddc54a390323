"""Description lengths: random labels cost the uniform code, learnable ones cost less, and bits add up."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit, logsumexp

import bertology as bt
from bertology.probe.linear import LinearProbe
from bertology.probe.mdl import SCALES, _divergence, online_code, online_codes, variational_code
from bertology.probe.mlp import MLPProbe
from bertology.probe.scores import Scores
from tests.probe.planted import classes


def test_random_labels_cost_about_the_uniform_code():
    vectors, labels = classes(rows=2000, strengths=(5.0, 5.0))
    code = online_code(vectors, np.random.default_rng(3).permutation(labels))
    assert code.uniform == pytest.approx(2000 * 2)
    assert (code.compression < 1.02).all() and (code.compression > 0.8).all()


def test_the_clearer_the_classes_the_shorter_the_code():
    code = online_code(*classes(rows=2000))
    assert code.total[2] < code.total[1] < code.total[0]
    assert code.compression[2] > 3


def test_the_first_portion_costs_log2_of_the_classes_and_rows_keep_their_places():
    vectors, labels = classes(rows=1000)
    code = online_code(vectors, labels, portions=(0.1, 0.5), seed=4)
    order = np.random.default_rng(4).permutation(1000)
    assert code.ends == (100, 500, 1000)
    np.testing.assert_allclose(code.bits[:, order[:100]], 2.0)
    middle = order[100:500]
    by_hand = LinearProbe(seed=4).fit(vectors, labels, rows=order[:100], classes=np.array(list("abcd")))
    np.testing.assert_allclose(
        code.bits[:, middle], by_hand.evaluate(vectors, labels, rows=middle).loss / np.log(2), rtol=1e-4
    )


def test_classes_that_do_not_occur_make_the_uniform_code_longer():
    vectors, labels = classes(rows=400)
    code = online_code(vectors, labels, classes=np.array(list("abcdefgh")))
    assert code.uniform == pytest.approx(400 * 3) and np.isfinite(code.bits).all()


def test_tiny_data_skips_portions_without_rows():
    code = online_code(*classes(rows=12))
    assert code.ends[0] == 1 and code.ends[-1] == 12 and len(set(code.ends)) == len(code.ends)
    assert np.isfinite(code.total).all()


def test_another_probe_can_be_the_learner():
    code = online_code(*classes(rows=600), probe=MLPProbe(hidden=16), portions=(0.25, 1.0))
    assert code.compression[2] > 1.3 > code.compression[0]


@dataclass
class Counting:
    """Predicts each label by (its count + 1) / (rows + labels), whatever the vectors."""

    seed: int = 0

    def fit(self, vectors: Any, labels: Any, *, rows: Any, classes: Any) -> None:
        self.share = {c: (np.sum(labels[rows] == c) + 1) / (len(rows) + len(classes)) for c in classes}

    def evaluate(self, vectors: Any, labels: Any, *, rows: Any) -> Scores:
        loss = np.array([[-np.log(self.share[c]) for c in labels[rows]]], dtype=np.float32)
        return Scores(np.zeros_like(loss, dtype=bool), loss, labels[rows][None])


def test_the_online_formula_by_hand():
    """Eight labels sent as 2 + 2 + 4: L = 2 log2 2 − log2 p(3rd, 4th | 1st, 2nd) − log2 p(5th to 8th | 1st to 4th)."""
    labels = np.empty(8, dtype="<U1")
    labels[np.random.default_rng(0).permutation(8)] = list("aabaabab")  # in the order in which they are sent
    code = online_code(np.zeros((1, 8, 2)), labels, probe=Counting(), seed=0, portions=(0.25, 0.5, 1.0))
    # after a, a: p(a) = 3/4, p(b) = 1/4; after a, a, b, a: p(a) = 4/6, p(b) = 2/6
    by_hand = 2 * 1 - np.log2([1 / 4, 3 / 4]).sum() - np.log2([4 / 6, 2 / 6, 4 / 6, 2 / 6]).sum()
    assert code.ends == (2, 4, 8)
    assert code.total[0] == pytest.approx(by_hand) and code.uniform == 8
    assert code.compression[0] == pytest.approx(8 / by_hand)


def test_the_variational_code_of_random_labels_is_about_the_uniform_one():
    vectors, labels = classes(rows=2000, strengths=(5.0, 5.0))
    code = variational_code(vectors, np.random.default_rng(3).permutation(labels))
    assert (np.abs(code.compression - 1) < 0.02).all()
    assert (code.model < 60).all()


def test_the_variational_code_is_shorter_the_clearer_the_classes():
    code = variational_code(*classes(rows=2000))
    assert code.total[2] < code.total[1] < code.total[0]
    assert code.compression[2] > 3
    np.testing.assert_allclose(code.total, code.data.sum(1) + code.model)


def test_the_price_of_the_model_is_the_divergence_from_its_prior():
    generator = torch.Generator().manual_seed(0)
    centre, spread = torch.randn(2, 3, 4, generator=generator), 0.3 * torch.randn(2, 3, 4, generator=generator)
    log_scale = torch.tensor([0.5, -1.0])
    normal = torch.distributions.Normal
    prior = normal(torch.zeros(()), log_scale.exp()[:, None, None])
    expected = torch.distributions.kl_divergence(normal(centre, spread.exp()), prior).sum((1, 2))
    torch.testing.assert_close(_divergence(centre, spread, log_scale), expected)


def test_no_variational_code_is_shorter_than_the_evidence_and_this_one_is_close():
    """One feature, two classes: −log2 ∫ p(labels | w) p(w) dw by a grid over the difference of weights and of biases."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(300)
    x = (x - x.mean()) / x.std()
    labels = np.where(rng.random(300) < expit(2 * x), "b", "a")
    code = variational_code(x[None, :, None].astype(np.float32), labels, min_steps=1000, samples=32)
    scale = float(code.scale[0]) * np.sqrt(2)  # of a difference of two weights
    weight, bias = np.linspace(0, 4, 101), np.linspace(-1.5, 1.5, 76)  # beyond, the likelihood has no mass
    logits = weight[:, None, None] * x * (1 + 3e-3) ** -0.5 + bias[None, :, None]
    sign = np.where(labels == "b", 1, -1)
    likelihood = -np.logaddexp(0, -sign * logits).sum(2)
    prior = lambda value: -0.5 * (value / scale) ** 2 - np.log(scale * np.sqrt(2 * np.pi))
    evidence = logsumexp(likelihood + prior(weight)[:, None] + prior(bias)) + 2 * np.log(0.04)
    shortest = -evidence / np.log(2) + np.log2(len(SCALES))
    assert shortest - 1 < code.total[0] < shortest + 12


@pytest.mark.parametrize("probe", [LinearProbe(), MLPProbe(hidden=8, epochs=1, min_steps=5)])
def test_tasks_are_coded_together_as_each_alone(probe: Any):
    vectors, labels = classes(rows=1500)
    coarse = np.where(np.isin(labels, ["a", "b"]), "first", "second")
    rows = np.arange(100, 1500)
    tasks = {"four": labels, "two": coarse, "noise": np.random.default_rng(1).permutation(labels)}
    whole = {"four": np.array(list("abcde")), "two": np.unique(coarse), "noise": np.unique(labels)}
    together = online_codes(vectors, tasks, probe=probe, seed=3, rows=rows, classes=whole)
    assert list(together) == list(tasks)
    for name, code in together.items():
        alone = online_code(vectors, tasks[name], probe=probe, seed=3, rows=rows, classes=whole[name])
        np.testing.assert_allclose(code.total, alone.total, rtol=1e-3)
        np.testing.assert_allclose(code.bits, alone.bits, atol=0.1)  # Adam makes more of what is rounded differently
        assert code.uniform == alone.uniform and code.ends == alone.ends


def test_layers_are_coded_together_as_each_alone():
    vectors, labels = classes(rows=800)
    together = variational_code(vectors, labels).total
    alone = [variational_code(vectors[k : k + 1], labels).total[0] for k in range(3)]
    np.testing.assert_allclose(together, alone, rtol=0.03)


def test_codes_stand_at_the_door_of_the_room():
    assert bt.probe.mdl.variational_code is variational_code and bt.probe.online_code is online_code
