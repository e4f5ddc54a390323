"""A known answer: the atom-mapping head of the reaction ALBERT stands out in the analysis of heads."""

from pathlib import Path

import numpy as np
import pytest

from bertology.encoder import load
from bertology.encoder.check import check
from bertology.observe import LinkAttention, summarise
from bertology.record.errors import NotAModel
from bertology.stats.choose import argmax
from tests.real.reactions import prepared, reactions


def test_the_atom_mapping_head_is_found_where_its_authors_found_it(tmp_path: Path) -> None:
    path = prepared(tmp_path / "model")
    with pytest.raises(NotAModel, match="--allow-pickle"):
        load(path)
    encoder = load(path, allow_pickle=True)
    assert {c.verdict for c in check(encoder)} == {"holds"}
    corpus = reactions().sample(300)
    (pointing,) = summarise(encoder, corpus, LinkAttention("mapped"))
    _, head, _ = argmax(pointing.hits[0].on("dev").rate())
    named = pointing.hits[(0, 10, 5, 0)].on("test").estimate()  # their layer 10, head 5, from 0; layers share weights
    others = np.delete(pointing.hits[0].on("test").rate(), 5, axis=1)
    assert head == 5
    assert named.low > 0.85
    assert others.max() < 0.3
    assert pointing.offsets[0].on("test").rate().max() < 0.1
