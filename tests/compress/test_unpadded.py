"""Sub-batches by length: exact, in order, the cheapest there are, and never dearer than one batch."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from bertology.compress.inference import unpadded
from bertology.compress.inference.unpadded import Cost, embed, lines, logits, pooled, split, token_logits, trunk
from bertology.encoder import Encoder, wrap
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import classifier
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

COST = Cost(1e-3, 1e-5, 1e-7)
FREE = Cost(0.0, 1e-5, 0.0)
"""A call costs nothing: every length gets its batch."""
MIXED = Cost(2e-4, 1e-5, 0.0)
"""Sub-batches of texts of several lengths, not in the given order."""
TEXTS = tuple(" ".join("abcdefghij"[(i * k) % 10] for i in range(k)) for k in (3, 17, 1, 8, 30, 2, 17, 5, 12, 1))


def padded(encoder: Encoder, texts: Any = TEXTS) -> tuple[np.ndarray, np.ndarray]:
    given = lines(encoder, texts).batch(range(len(texts)))
    return trunk(encoder)(given), given["attention_mask"]


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "albert", "modernbert", "electra", "deberta-v2"])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_vectors_are_those_of_one_padded_batch_in_the_given_order(family: str, pooling: Any) -> None:
    encoder, cost = tiny(family, mlm=False), FREE if pooling == "mean" else MIXED
    made = embed(encoder, TEXTS, pooling=pooling, cost=cost)
    assert made.shape == (len(TEXTS), 32) and made.dtype == np.float32
    assert np.abs(made - pooled(*padded(encoder), pooling)).max() < 1e-5
    assert np.allclose(np.linalg.norm(embed(encoder, TEXTS, normalise=True, cost=FREE), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("family", ["fnet", "convbert"])
def test_a_family_that_reads_padding_gets_what_each_text_gives_alone(family: str) -> None:
    encoder = tiny(family, mlm=False)
    assert unpadded.reads_padding(encoder) and not unpadded.reads_padding(tiny("bert", mlm=False))
    alone = np.concatenate([pooled(*padded(encoder, [t])) for t in TEXTS])
    assert np.abs(embed(encoder, TEXTS, cost=Cost(1.0, 0.0, 0.0)) - alone).max() < 1e-5
    assert np.abs(pooled(*padded(encoder)) - alone).max() > 1e-3


def test_the_split_is_the_cheapest_of_all_partitions() -> None:
    rng = np.random.default_rng(0)
    for cost in (COST, FREE, Cost(2e-4, 1e-5, 1e-6), Cost(1e-2, 1e-5, 0.0)):
        sizes = rng.integers(2, 90, 9)
        inorder = np.sort(sizes)
        every = []
        for cuts in itertools.product((0, 1), repeat=8):
            edges = [0, *(k + 1 for k, c in enumerate(cuts) if c), 9]
            every.append(sum(float(cost.of(b - a, inorder[b - 1])) for a, b in itertools.pairwise(edges)))
        found = split(sizes, cost)
        assert found.seconds == pytest.approx(min(every), rel=0.031)
        taken = sum(float(cost.of(len(part), sizes[part].max())) for part in found.batches)
        assert taken == pytest.approx(found.seconds)
        assert sorted(np.concatenate(found.batches).tolist()) == list(range(9))


def test_sub_batches_mix_lengths_out_of_order() -> None:
    sizes = lines(tiny("bert", mlm=False), TEXTS).lengths
    parts = split(sizes, MIXED).batches
    assert len(parts) > 1 and any((np.diff(part) < 0).any() for part in parts)


def test_equal_lengths_stay_one_batch_and_no_split_is_dearer_than_one() -> None:
    for cost in (COST, FREE, Cost(1e-3, 1e-5, 1e-7, 1e-6, 256)):
        one = split([20] * 50, cost)
        assert len(one.batches) == 1 and one.padding == 1
    for seed in range(20):
        sizes = np.random.default_rng(seed).integers(2, 200, 40)
        found = split(sizes, COST)
        assert found.seconds <= found.together
        assert found.padding <= sizes.max() * len(sizes) / sizes.sum()
    assert len(split(sizes, COST).batches) < len(split(sizes, FREE).batches)
    assert split([], COST).batches == []


def test_no_batch_is_larger_than_memory_allows_or_than_the_caches_like() -> None:
    found = split([100] * 400, COST, tokens=1000)
    assert {len(part) for part in found.batches} == {10}
    spilling = split([100] * 100, Cost(1e-3, 1e-5, 0.0, 1e-5, 1000))
    assert len(spilling.batches) > 3
    assert max(len(part) for part in spilling.batches) * 100 < 4000


def test_a_cost_is_found_again_from_the_seconds_it_makes() -> None:
    shapes = [(n, width) for width in (8, 32, 128) for n in (1, 4, 32)]
    true = Cost(2e-3, 3e-6, 4e-8, 2e-6, 256)
    rows, lengths = zip(*shapes, strict=True)
    found = Cost.fitted(rows, lengths, [true.of(*shape) for shape in shapes])
    assert all(found.of(*shape) == pytest.approx(true.of(*shape), rel=1e-3) for shape in shapes)


def test_a_cost_is_measured_once_for_a_model_and_a_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, calls = tiny("bert", mlm=False), []
    monkeypatch.setattr(Cost, "measure", lambda run, most, names: calls.append(most) or COST)
    for _ in range(3):
        embed(encoder, TEXTS)
    assert calls == [64]
    embed(encoder, TEXTS, run=lambda given: np.zeros((*given["input_ids"].shape, 3), np.float32))
    assert len(calls) == 2


def test_a_measured_cost_grows_with_rows_and_length() -> None:
    encoder = tiny("bert", mlm=False)
    found = Cost.measure(trunk(encoder), encoder.max_length, names=unpadded.NAMES, repeats=1)
    assert 0 < found.of(1, 8) < found.of(64, 64)


def test_logits_of_a_classifier_and_of_every_subword() -> None:
    encoder = tiny("bert")
    tuned = wrap(classifier(encoder, some(), 0), encoder.tokenizer, has_mlm=False)
    made = logits(tuned, TEXTS, cost=FREE)
    given = {k: torch.from_numpy(v) for k, v in lines(tuned, TEXTS).batch(range(len(TEXTS))).items()}
    with torch.inference_mode():
        assert np.abs(made - tuned.model(**given).logits.numpy()).max() < 1e-5
        every = encoder.model(**given).logits.numpy()
    for text, own, row in zip(lines(encoder, TEXTS).ids, token_logits(encoder, TEXTS, cost=FREE), every, strict=True):
        assert own.shape == (len(text), every.shape[2])
        assert np.abs(own - row[: len(text)]).max() < 1e-4
    with pytest.raises(NotApplicable, match="whole text"):
        logits(encoder, TEXTS)
    with pytest.raises(NotApplicable, match="every subword"):
        token_logits(tuned, TEXTS)
    with pytest.raises(NotApplicable, match="every subword"):
        token_logits(tiny("bert", mlm=False), TEXTS)


def test_pairs_carry_segments_and_bad_requests_say_so() -> None:
    encoder = tiny("bert", mlm=False)
    made = lines(encoder, [("a b", "c"), ("a", "b c d")])
    assert max(made.types[0]) == 1 and encoder.max_length >= made.lengths.max()
    assert len(lines(encoder, ["a b c d e f"], most=4).ids[0]) == 4
    for texts, message in (([], "no text"), (["a", ("a", "b")], "mixed")):
        with pytest.raises(BadRequest, match=message):
            embed(encoder, texts)  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="pooling 'max'"):
        embed(encoder, ["a"], pooling="max")  # type: ignore[arg-type]
