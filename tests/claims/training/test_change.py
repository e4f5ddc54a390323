"""What fine-tuning changes: the measurement, and ft-01, lay-06 and spec-05 on made-up changes."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from bertology.claims.training import change as module
from bertology.claims.training.change import Change, change, cka, lead_of_last, share_of_last
from bertology.encoder import Encoder
from tests.claims.driving import noise
from tests.claims.training.answered import random_weights, tiny, verdict

LAYERS = 6


@pytest.fixture
def made(monkeypatch):
    """Gives `change` a made-up answer: curves of the encoder and of its twin."""

    def give(real, twin, sep, sep_twin, size: float = 0.02) -> None:
        def answer(before, asked, over):
            of = twin if random_weights(asked) else real
            up = sep_twin if random_weights(asked) else sep
            wobble = lambda name: size * np.array([noise(asked.key, name, k) for k in range(LAYERS)])
            curve = np.asarray(of, dtype=float)
            return Change(curve + wobble("h"), curve + wobble("a"), curve, wobble("c") / 10, np.r_[np.zeros(4), up, up] + wobble("s") / 10)  # fmt: skip

        monkeypatch.setattr(module, "change", answer)

    return give


RISING, LEVEL, FALLING = [0.1, 0.2, 0.3, 0.4, 0.9, 1.0], [0.5] * 6, [1.0, 0.9, 0.4, 0.3, 0.2, 0.1]
nothing = lambda asked, seed, order: 0.9


@pytest.mark.parametrize("claim", ["lay-06", "ft-01"])
@pytest.mark.parametrize(
    ("real", "twin", "expected"),
    [(RISING, LEVEL, "holds"), (FALLING, LEVEL, "fails"), (RISING, RISING, "not"), (LEVEL, LEVEL, "not")],
)
def test_the_last_layers_must_change_most_and_more_than_in_the_twin(corpora, made, claim, real, twin, expected):
    made(real, twin, 0.1, 0.0)
    found = verdict(claim, nothing, corpora)
    assert found == expected if expected != "not" else found != "holds"


@pytest.mark.parametrize("claim", ["spec-05", "ft-01"])
@pytest.mark.parametrize(
    ("sep", "twin", "expected"), [(0.1, 0.0, "holds"), (-0.1, 0.0, "fails"), (0.1, 0.1, "not"), (0.0, 0.0, "not")]
)
def test_attention_on_special_tokens_must_rise_and_more_than_in_the_twin(corpora, made, claim, sep, twin, expected):
    made(RISING, LEVEL, sep, twin)
    found = verdict(claim, nothing, corpora)
    assert found == expected if expected != "not" else found != "holds"


def test_two_layers_cannot_be_told_from_others_in_an_encoder_of_three(corpora):
    from bertology.record.errors import NotApplicable

    with pytest.raises(NotApplicable):
        verdict("lay-06", nothing, corpora, tiny(corpora, layers=3))


def altered(encoder: Encoder, layer: int, strength: float = 1.0) -> Encoder:
    """The encoder with noise added to the weights of one layer (from 1)."""
    made = Encoder(deepcopy(encoder.model), encoder.tokenizer, encoder.family, "altered", encoder.has_mlm)
    torch.manual_seed(0)
    for p in made.base.encoder.layer[layer - 1].parameters():  # type: ignore[union-attr]
        p.data += strength * torch.randn_like(p)
    return made


def test_nothing_changes_where_nothing_was_changed(corpora):
    encoder = tiny(corpora, layers=4, width=32)
    found = change(encoder, altered(encoder, 3, 0.0), corpora.treebank.sample(40))
    for table in found:
        assert np.allclose(table, 0, atol=1e-6)


def test_a_layer_that_was_altered_changes_and_those_below_do_not(corpora):
    encoder = tiny(corpora, layers=4, width=32)
    found = change(encoder, altered(encoder, 3), corpora.treebank.sample(40))
    assert np.allclose(found.hidden[:2], 0, atol=1e-6) and np.allclose(found.attention[:2], 0, atol=1e-6)
    assert found.hidden[2] > 0.05 and found.attention[2] > 0.01 and found.weights[2] > 0.5
    assert found.weights[[0, 1, 3]].max() == 0


def test_attention_that_is_drawn_to_sep_is_seen_there(corpora):
    encoder = tiny(corpora, layers=4, width=32)
    moved = Encoder(deepcopy(encoder.model), encoder.tokenizer, encoder.family, "drawn", False)
    base, sep = moved.base, encoder.tokenizer.sep_token_id
    attention = base.encoder.layer[0].attention.self  # type: ignore[union-attr]
    with torch.no_grad():
        words = base.embeddings.word_embeddings.weight  # type: ignore[union-attr]
        probe = torch.nn.functional.normalize(words[sep] - words[encoder.tokenizer.cls_token_id], dim=0)
        attention.key.weight.copy_(torch.outer(torch.ones(32), probe))
        attention.query.weight.zero_(), attention.query.bias.fill_(1.0)
    found = change(encoder, moved, corpora.treebank.sample(40))
    assert found.sep[0] > 0.1 and found.cls[0] < 0.0


def test_cka_by_hand() -> None:
    a = torch.randn(50, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    turned, _ = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
    assert cka(a, 3 * a @ turned + 5) == pytest.approx(1.0)
    assert cka(a[:, :4], torch.cat([a[:, :4], a[:, 4:]], 1)) < 0.99


def test_shares_and_leads_by_hand() -> None:
    table = np.array([1.0, 1.0, 2.0, 4.0])
    assert share_of_last(table) == pytest.approx(0.75) and lead_of_last(table) == pytest.approx(0.5)
    assert lead_of_last(table[::-1]) < 0
