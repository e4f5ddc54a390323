"""Compression steered by abilities: what carries a protected ability stays, what does not may go."""

from collections.abc import Mapping

import pytest
import torch

from bertology.compress.by_ability import ByAbility, Measure, structural_parts
from bertology.compress.pruning.gates import sizes
from bertology.compress.recipe import Goal, Work
from bertology.encoder import Encoder
from bertology.record.errors import BadRequest
from tests.encoder.tiny import tiny


def carried_by(whole: Encoder, layer: int, head: int) -> Measure:
    """An ability that is the head's output matrix: there or not."""
    width = whole.width // whole.n_heads
    carrier = whole.base.encoder.layer[layer - 1].attention.output.dense.weight[:, head * width : (head + 1) * width]  # type: ignore[union-attr,index]

    def measure(encoder: Encoder) -> Mapping[str, float]:
        for module in encoder.base.encoder.layer:  # type: ignore[union-attr]
            weight = getattr(module.attention.output.dense, "weight", torch.zeros(0, 0))
            for h in range(weight.shape[-1] // width):
                if torch.equal(weight[:, h * width : (h + 1) * width], carrier):
                    return {"it": 1.0, "other": 1.0}
        return {"it": 0.3, "other": 1.0}

    return measure


def work(whole: Encoder, measure: object, least: float = 0.9, **goal: float) -> Work:
    return Work(whole, whole, whole, goal=Goal(**goal), measure=measure, least=least)  # type: ignore[arg-type]


def test_only_what_carries_the_ability_stays() -> None:
    whole = tiny("bert")
    done = ByAbility()(work(whole, carried_by(whole, 2, 1)))
    assert sizes(done.small)[-1][0] == 1 and sum(h for h, _ in sizes(done.small)) == 1
    assert sum(n for _, n in sizes(done.small)) == 0
    gone = done.log[-1].partition(": ")[2].partition(". Kept")[0].split("; ")
    assert "head 1 of layer 2" not in gone and "layer 2" not in gone and "layer 1" in gone
    assert "it 100 %" in done.log[-1]


def test_a_wish_stops_before_the_abilities_do() -> None:
    whole = tiny("bert")
    from bertology.compress.inference.latency import layer_parameters

    done = ByAbility()(work(whole, carried_by(whole, 2, 1), keep=0.7))
    left = layer_parameters(done.small) / layer_parameters(whole)
    assert 0.4 < left < 0.75


def test_every_head_neuron_and_layer_is_a_part_once() -> None:
    whole = tiny("bert")
    parts = structural_parts(whole)
    heads = [s for p in parts for s in p.edit if s.kind == "head"]
    neurons = [s for p in parts for s in p.edit if s.kind == "neuron"]
    assert len(set(heads)) == len(heads) == 8 and len(set(neurons)) == len(neurons) == 2 * 48
    assert sum(p.edit[0].kind == "hidden" for p in parts) == 2
    with pytest.raises(BadRequest, match="share their weights"):
        structural_parts(tiny("albert"))


def test_bits_go_where_the_ability_is_not() -> None:
    whole = tiny("bert")
    name = next(n for n, _ in whole.model.named_modules() if n.endswith("layer.1.output.dense"))
    eight = ByAbility("bits")

    def measure(encoder: Encoder) -> Mapping[str, float]:
        values = dict(encoder.model.named_modules())[name].weight[0].unique().numel()  # type: ignore[union-attr,operator]
        return {"fine values": 1.0 if values > 15 else 0.5}

    done = eight(work(whole, measure))
    assert name not in done.log[-1] and done.stored is not None
    fewer = dict(done.small.model.named_modules())
    kept, other = (fewer[n].weight[0].unique().numel() for n in (name, name.replace("layer.1", "layer.0")))  # type: ignore[union-attr,operator]
    assert kept > 15 >= other


def test_what_cannot_be_kept_is_said() -> None:
    whole = tiny("bert")
    with pytest.raises(BadRequest, match="no part of"):
        ByAbility()(work(whole, lambda encoder: {"it": 0.5 if encoder is not whole else 1.0}))
    with pytest.raises(BadRequest, match="no ability was named"):
        ByAbility()(work(whole, None))
    with pytest.raises(BadRequest, match=r"a share of 1\.5"):
        ByAbility()(work(whole, carried_by(whole, 1, 0), least=1.5))
