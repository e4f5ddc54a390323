"""Gaps against plain loops: every candidate with a forward pass of its own."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bertology.behave import Gap, fill
from bertology.behave.asks import Filling
from bertology.encoder import Encoder
from bertology.record.errors import BadCorpus, NotApplicable
from tests.encoder.tiny import tiny

GAPS = (Gap("the [MASK] sit on mats.", ("cats", "birds", "unbelievable")), Gap("a [MASK] did sing", ("dog", "old dog")))


def by_hand(encoder: Encoder, context: str, word: str) -> float:
    """One pass a subword, later subwords of the candidate masked."""
    before = context.index("[MASK]")
    made = encoder.tokenizer(context.replace("[MASK]", word), return_offsets_mapping=True)
    ids = torch.tensor([made["input_ids"]])
    places = [i for i, (a, b) in enumerate(made["offset_mapping"]) if b > a and b > before and a < before + len(word)]
    total = 0.0
    for k, place in enumerate(places):
        masked = ids.clone()
        masked[0, places[k:]] = encoder.tokenizer.mask_token_id
        with torch.inference_mode():
            logits = encoder.model(input_ids=masked, attention_mask=torch.ones_like(ids)).logits
        total += float(torch.log_softmax(logits[0, place].float(), -1)[ids[0, place]])
    return total


@pytest.mark.parametrize("family", ["bert", "albert", "modernbert", "roberta", "distilbert"])
def test_candidates_equal_a_pass_for_each_subword(family: str) -> None:
    encoder = tiny(family)
    found = fill(encoder, GAPS)
    expected = [by_hand(encoder, gap.context, word) for gap in GAPS for word in gap.candidates]
    assert np.allclose(found.values, expected, atol=1e-4)
    assert found.starts.tolist() == [0, 3, 5]
    assert max(found.pieces) > 1
    assert np.isnan(found.ranks[found.pieces > 1]).all()


def test_the_rank_is_the_place_among_the_whole_vocabulary_and_the_first_favourite_has_rank_one() -> None:
    encoder = tiny("bert")
    first = str(fill(encoder, GAPS[:1]).favourites[0, 0])
    known = [w for w in encoder.tokenizer.get_vocab() if w.isalpha()]
    found = fill(encoder, (Gap(GAPS[0].context, tuple(known)),))
    order = np.argsort(-found.values[found.pieces == 1])
    ranks = found.ranks[found.pieces == 1][order]
    assert (np.diff(ranks) > 0).all()
    if first in known:
        assert found.ranks[known.index(first)] == 1


def test_a_gap_too_long_for_the_encoder_is_counted_and_has_no_value() -> None:
    encoder = tiny("bert")
    long = Gap("sit " * (encoder.max_length + 1) + "[MASK]", ("cats",))
    found = fill(encoder, (long, GAPS[0]))
    assert np.isnan(found.first[0])
    assert found.favourites[0, 0] == ""
    assert np.isfinite(found.first[1])
    assert sum(found.dropped.values()) == 2  # the candidate's sentence and the one for the favourites


def test_a_context_without_a_gap_is_refused() -> None:
    with pytest.raises(BadCorpus, match="no gap to fill"):
        fill(tiny("bert"), (Gap("no gap", ("cats",)),))


def test_an_encoder_without_a_head_is_not_applicable() -> None:
    encoder = tiny("bert")
    with pytest.raises(NotApplicable, match="head"):
        fill(replace(encoder, has_mlm=False), GAPS)


def test_filling_is_read_back_as_it_was_made(tmp_path) -> None:  # type: ignore[no-untyped-def]
    wish = Filling(tiny("bert"), GAPS)
    wish.build(tmp_path, lambda what, done, total: None)
    kept, made = wish.load(tmp_path), fill(wish.encoder, GAPS)
    assert np.array_equal(kept.values, made.values)
    assert np.array_equal(kept.ranks, made.ranks, equal_nan=True)
    assert (kept.favourites == made.favourites).all()
