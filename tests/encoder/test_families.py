"""Every row of the family table, by behaviour, on tiny random encoders."""

import pytest
import torch

from bertology.encoder.check import check
from bertology.encoder.families import FAMILIES
from tests.encoder.tiny import tiny

KNOWN = {  # what a family cannot do, and says so in its caveat
    "convbert": {"identity": "fails"},
    "nystromformer": {"identity": "fails"},
    "mobilebert": {"deafness": "fails"},
    "longformer": {"identity": "not applicable"},
    "fnet": {"identity": "not applicable", "deafness": "not applicable"},
}


@pytest.mark.parametrize("model_type", FAMILIES)
def test_a_family_behaves_as_its_row_says(model_type: str) -> None:
    encoder = tiny(model_type)
    found = {c.name: c.verdict for c in check(encoder)}
    expected = dict.fromkeys(("calls", "deafness", "identity", "resume", "mlm", "alignment"), "holds")
    assert found == expected | KNOWN.get(model_type, {})
    assert model_type not in KNOWN or encoder.family.caveat


@pytest.mark.parametrize("model_type", ["bert", "albert", "modernbert", "deberta-v2", "distilbert", "mpnet"])
def test_bfloat16_shows_the_same_within_its_tolerance(model_type: str) -> None:
    from bertology.encoder.check import _batch

    encoder = tiny(model_type, scale=2.0)
    batch = _batch(encoder)
    exact = encoder.observe(batch).hidden(encoder.n_layers)
    encoder.model.to(torch.bfloat16)
    rounded = encoder.observe(batch).hidden(encoder.n_layers).float()
    assert {c.name: c.verdict for c in check(encoder)}["identity"] == "holds"
    assert ((exact - rounded).abs()[batch.mask].mean() / exact.abs().mean()) < 0.05


def test_albert_is_counted_by_calls_not_by_modules() -> None:
    encoder = tiny("albert", num_hidden_layers=5)
    assert encoder.n_layers == 5
    assert len({id(m) for m in encoder._layer_order}) == 1


def test_a_wrong_row_is_found_by_behaviour() -> None:
    encoder = tiny("bert")
    encoder.family = encoder.family._replace(value="attention.self.key")
    assert {c.name: c.verdict for c in check(encoder)}["identity"] == "fails"
