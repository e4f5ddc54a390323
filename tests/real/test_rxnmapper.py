"""A known answer: the atom-mapping head of the reaction ALBERT stands out in the analysis of heads."""

from pathlib import Path

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
    layer, head, direction = argmax(pointing.hits[0].on("dev").rate())
    found = pointing.hits[(0, layer, head, direction)].on("test").estimate()
    assert (layer + 1, head) == (11, 5)  # the package's config counts layers from 0: 10
    assert found.low > pointing.offsets[0].on("test").rate().max() + 0.3
