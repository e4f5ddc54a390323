"""Gaps with a masked subject: as one forward pass each, and deaf to who the subject is."""

import numpy as np
import pytest
import torch

from bertology.behave.gaps import Gap, fill
from bertology.behave.masked_subject import FillingHidden, Hidden, fill_hidden
from tests.encoder.tiny import tiny


def hidden(context: str, subject: str, *words: str) -> Hidden:
    at = context.index(subject)
    return Hidden(Gap(context, words), at, at + len(subject))


@pytest.fixture(scope="module")
def encoder():  # type: ignore[no-untyped-def]
    return tiny("bert")


def test_values_are_those_of_a_pass_with_the_subject_and_the_gap_masked(encoder):
    tokens = encoder.tokenizer
    pieces = lambda word: tokens(f" {word}", add_special_tokens=False)["input_ids"]
    for context in ("The cat there the [MASK].", "The [MASK] there the cat."):
        found = fill_hidden(encoder, [hidden(context, "cat", "dog")])
        ids = tokens(context.replace("[MASK]", "dog"), return_tensors="pt")["input_ids"]
        (target,) = pieces("dog")
        covered = torch.isin(ids, torch.tensor([*pieces("cat"), target]))
        assert covered.sum() == 1 + len(pieces("cat")) and tokens.unk_token_id not in ids
        with torch.no_grad():
            logs = encoder.model(input_ids=ids.masked_fill(covered, tokens.mask_token_id)).logits.log_softmax(-1)[0]
        at = int((ids[0] == target).nonzero()[0])
        assert found.first[0] == pytest.approx(float(logs[at, target]), abs=1e-4)
        assert found.first_rank[0] == 1 + int((logs[at] > logs[at, target]).sum())


def test_the_subject_is_not_seen_but_for_its_length(encoder):
    same = [hidden(f"The {who} saw the [MASK] there.", who, "cat", "house") for who in ("dog", "boy")]
    found = fill_hidden(encoder, same)
    seen = fill(encoder, [one.gap for one in same])
    assert np.ptp(found.values.reshape(2, 2), axis=0).max() == 0
    assert np.ptp(seen.values.reshape(2, 2), axis=0).max() > 0
    assert found.pieces.tolist() == seen.pieces.tolist()


def test_it_is_kept_and_read_again(encoder, tmp_path):
    wish = FillingHidden(encoder, (hidden("The dog saw the [MASK].", "dog", "cat"),))
    wish.build(tmp_path, lambda what, done, total: None)
    assert wish.load(tmp_path).first[0] == fill_hidden(encoder, wish.hidden).first[0]
    other = FillingHidden(encoder, (Hidden(wish.gaps[0], 0, 3),))
    assert wish.key != other.key
