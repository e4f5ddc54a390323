"""ft-02: a second place of change, in the middle of a multilingual encoder."""

from types import SimpleNamespace

import numpy as np
import pytest

from bertology.claims.registry import experiment, survey
from bertology.claims.training import ft_02_multilingual as module
from bertology.claims.training.change import Change, Changes
from bertology.claims.training.ft_02_multilingual import peak
from bertology.corpus.scripts import scripts
from bertology.record.errors import NotApplicable
from bertology.record.result import judge

MANY = [f"{letter}{k}" for letter in "aбबش" for k in range(60)]
LAYERS = np.arange(8)
RISING = 0.1 + 0.1 * LAYERS


def encoder(words: list[str] = MANY, layers: int = 8) -> SimpleNamespace:
    tokenizer = SimpleNamespace(get_vocab=lambda: dict.fromkeys(words, 0))
    return SimpleNamespace(name="fake", n_layers=layers, width=16, tokenizer=tokenizer)


def verdict(monkeypatch, corpora, real, twin, noise=0.002, who=None):
    rng = np.random.default_rng(0)
    table = lambda middle: middle + noise * rng.standard_normal((2, 5, len(LAYERS)))
    made = Changes(Change(*[table(real)] * 5), Change(*[table(twin)] * 5), [SimpleNamespace(name="a", train=()), SimpleNamespace(name="b", train=())])  # type: ignore[list-item]  # fmt: skip

    def changes(*given):
        return made
        yield

    monkeypatch.setattr(module, "changes", changes)
    asking = experiment("ft-02")(who or encoder(), corpora, 0)
    try:
        next(asking)
    except StopIteration as end:
        return judge(survey()["ft-02"].claim, end.value)[0]


def with_peak(at: int, height: float = 0.3):
    return RISING + height * (at == LAYERS)


@pytest.mark.parametrize(
    ("real", "twin", "expected"),
    [(with_peak(3), RISING, "holds"), (RISING, RISING, "fails"), (with_peak(3), with_peak(3, 0.5), "fails"), (with_peak(0), RISING, "fails")],
)  # fmt: skip
def test_a_middle_layer_must_lead_and_more_than_in_random_weights(monkeypatch, corpora, real, twin, expected):
    assert verdict(monkeypatch, corpora, real, twin) == expected


def test_noise_that_stands_out_on_one_task_does_not_hold(monkeypatch, corpora):
    flat = np.full(len(LAYERS), 0.3)
    assert verdict(monkeypatch, corpora, flat, flat, noise=0.1) != "holds"


def test_the_layer_is_chosen_on_one_task_and_estimated_on_the_other():
    table = np.stack([np.tile(with_peak(3), (2, 1)), np.tile(with_peak(4), (2, 1))])
    layer, lead = peak(table)
    assert layer == 4 and (lead < 0).all()
    same, found = peak(np.stack([np.tile(with_peak(3), (2, 1))] * 2))
    assert same == 4 and found == pytest.approx((with_peak(3)[3] - with_peak(3)[4]) / with_peak(3).mean())


def test_encoders_of_one_language_or_few_layers_are_not_applicable(monkeypatch, corpora):
    with pytest.raises(NotApplicable, match="LATIN"):
        verdict(monkeypatch, corpora, RISING, RISING, who=encoder(["cat"] * 1 + [f"a{k}" for k in range(60)]))
    with pytest.raises(NotApplicable, match="six are due"):
        verdict(monkeypatch, corpora, RISING, RISING, who=encoder(layers=4))
    assert scripts(MANY) == ["ARABIC", "CYRILLIC", "DEVANAGARI", "LATIN"]
