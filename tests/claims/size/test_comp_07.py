"""comp-07: a large encoder compressed heavily against a small one compressed lightly."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from bertology.claims.size import comp_07_large_then_compressed as module
from bertology.train.artefacts import Trained
from tests.claims.size.compressed import finding, jitter, verdict
from tests.encoder.tiny import tiny


class Fake(SimpleNamespace):
    def randomised(self, seed: int) -> "Fake":
        return Fake(layers=self.layers, fingerprint="twin", twin_seed=seed)


def trained(asked):
    layers = asked.recipe.architecture.layers
    return Trained(Fake(layers=layers, fingerprint=f"{layers}", twin_seed=None), [], Path())  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _sizes(monkeypatch):
    monkeypatch.setattr(module, "sizes", lambda encoder: {2: (160, 82), 6: (320, 246)}[encoder.layers])


def score(gain: float, *, twin: float = 0.5, size: float = 0.003):
    def of(asked, seed):
        base = twin if asked.encoder.twin_seed is not None else 0.7 + gain * (asked.encoder.layers == 6)
        return base + jitter(asked, seed + 10 * asked.encoder.layers, size)

    return of


@pytest.mark.parametrize(("gain", "expected"), [(0.1, "holds"), (-0.1, "fails")])
def test_the_large_one_must_win(corpora, gain, expected):
    assert verdict("comp-07", score(gain), corpora, trained=trained) == expected


def test_noise_and_random_weights_do_not_hold(corpora):
    assert verdict("comp-07", score(0.0, size=0.03), corpora, trained=trained) != "holds"
    assert verdict("comp-07", score(0.1, twin=0.8), corpora, trained=trained) != "holds"


def test_both_ends_have_one_size_and_each_seed_of_pre_training_one_of_tuning(corpora):
    seen = []
    finding("comp-07", lambda asked, seed: seen.append(asked) or 0.7, corpora, trained=trained)
    bits = {(a.encoder.layers, a.method.bits) for a in seen if hasattr(a.method, "bits")}
    assert bits == {(2, 8), (6, 4)}
    zeros = {(a.encoder.layers, round(a.method.technique.sparsity, 6)) for a in seen if hasattr(a.method, "technique")}
    assert zeros == {(2, 0.0), (6, round(160 / 246, 6))}
    assert {a.seeds for a in seen} == {(0,), (1,), (2,)}


def test_sizes_are_counted(monkeypatch):
    monkeypatch.undo()
    two, four = (module.sizes(tiny("bert", num_hidden_layers=n)) for n in (2, 4))
    one = (four[0] - two[0]) / 2
    assert two[1] < one * 2 and four[1] == 2 * two[1]
    bits, zeros = module.equal_size(two, four)
    assert bits * four[0] <= 8 * two[0] < (bits + 1) * four[0]
    assert four[0] - zeros * four[1] == pytest.approx(two[0])
