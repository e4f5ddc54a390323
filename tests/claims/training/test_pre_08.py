"""More data and longer training help."""

import numpy as np
import pytest

from bertology.claims.training import pre_08_more_data as module
from bertology.stats.tally import in_split
from tests.claims.driving import noise
from tests.claims.training.made_up import verdict


@pytest.fixture(autouse=True)
def _unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "write_text", lambda corpus, split, file: None)
    monkeypatch.setattr(module, "log_likelihood", lambda run, text: -run.encoder.loss)


def answer(longer: float, more: float, spread: float = 0.01):
    return lambda run: (
        4
        - longer * np.log2(run.tokens)
        - more * np.log2(len(run.over))
        + spread * noise(run.seed, run.tokens, len(run.over))
    )


def test_losses_that_fall_with_both_hold(corpora):
    assert verdict("pre-08", answer(0.1, 0.1), corpora) == "holds"


def test_longer_training_that_harms_fails(corpora):
    assert verdict("pre-08", answer(-0.1, 0.1), corpora) == "fails"


def test_more_text_that_harms_fails(corpora):
    assert verdict("pre-08", answer(0.1, -0.1), corpora) == "fails"


def test_noise_does_not_hold(corpora):
    assert verdict("pre-08", answer(0.0, 0.0), corpora) != "holds"


def test_parts_of_the_text_hold_no_held_out_sentence_and_are_nested(corpora):
    held_out = {
        s.id for s, b in zip(corpora.raw, corpora.raw.blocks, strict=True) if not in_split(np.array([b]), "train")[0]
    }
    little, much = (module.part_of(corpora.raw, n) for n in module.PARTS)
    ids = [{s.id for s in part} for part in (little, much)]
    assert not ids[1] & held_out
    assert ids[0] < ids[1]
    assert 4 < len(much) / len(little) < 12
