"""Perturbed masking against one forward pass a pair, and its cost against what is run."""

import numpy as np
import pytest
import torch

from bertology.behave.perturbed import Perturbing, perturb, tokens
from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import Encoder
from bertology.record.errors import BadRequest, NotApplicable
from tests.encoder.tiny import tiny

CORPUS = Corpus("three", tuple(
    sentence(text.split(), f"s{k}") for k, text in enumerate(("seton catmat sit", "the dog slept", "birds sing near mats ."))
))  # fmt: skip


def by_hand(encoder: Encoder, index: int, i: int, j: int, layer: int) -> float:
    """The definition: two passes, the second with one more word masked."""
    (line,) = [line for line in encoder.encode(CORPUS).lines if line.index == index]
    seen = []
    for words in ((i,), (i, j)):
        ids = torch.from_numpy(line.ids.copy())[None]
        for word in words:
            ids[0, list(line.pieces[word])] = encoder.tokenizer.mask_token_id
        with torch.inference_mode():
            out = encoder.base(input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True)
        seen.append(out.hidden_states[layer][0, list(line.pieces[i])].mean(0))
    return float((seen[0] - seen[1]).norm())


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
@pytest.mark.parametrize("layer", [-1, 1])
def test_impacts_equal_two_passes_for_each_pair(family: str, layer: int) -> None:
    encoder = tiny(family)
    assert max(len(p) for line in encoder.encode(CORPUS).lines for p in line.pieces) > 1
    found = perturb(encoder, CORPUS, layer=layer, token_budget=60)
    assert found.kept.tolist() == [0, 1, 2]
    for k in range(3):
        impact = found.of(k)
        assert impact.shape == (len(CORPUS[k]),) * 2
        assert (np.diag(impact) == 0).all()
        for i, j in [(i, j) for i in range(len(impact)) for j in range(len(impact)) if i != j]:
            assert impact[i, j] == pytest.approx(by_hand(encoder, k, i, j, layer), rel=1e-3, abs=1e-4)
        assert not np.allclose(impact, impact.T, rtol=1e-2)


@pytest.mark.parametrize("budget", [10, 100, 10_000])
def test_the_tokens_foretold_are_the_tokens_read(budget: int) -> None:
    encoder, read, told = tiny("bert"), [], []
    hook = encoder.base.register_forward_pre_hook(
        lambda module, args, kwargs: read.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    foretold = tokens(encoder, CORPUS)
    assert not read
    perturb(encoder, CORPUS, token_budget=budget, progress=lambda what, done, total: told.append((done, total)))
    hook.remove()
    assert foretold == sum(read)
    assert told[-1] == (foretold, foretold)
    assert all(size <= max(budget, 30) for size in read)


def test_sentences_of_one_length_share_batches() -> None:
    encoder, read = tiny("bert"), []
    twice = Corpus("twice", tuple(sentence(["cats", "sit"], f"{k}") for k in range(6)))
    hook = encoder.base.register_forward_pre_hook(lambda *args: read.append(1), with_kwargs=True)
    perturb(encoder, twice)
    hook.remove()
    assert len(read) == 2


def test_impacts_are_read_back_as_they_were_made(tmp_path) -> None:  # type: ignore[no-untyped-def]
    wish = Perturbing(tiny("bert"), CORPUS)
    wish.build(tmp_path, lambda what, done, total: None)
    kept, made = wish.load(tmp_path), perturb(wish.encoder, CORPUS)
    assert all(np.array_equal(a, b) for a, b in zip(kept, made, strict=True))
    assert wish.key == Perturbing(tiny("bert"), CORPUS).key != Perturbing(tiny("bert"), CORPUS, layer=1).key


def test_a_layer_that_is_not_there_and_a_missing_mask_are_refused(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadRequest, match="no layer 3"):
        perturb(tiny("bert"), CORPUS, layer=3)
    encoder = tiny("bert")
    encoder.__dict__["has"] = frozenset(("hidden",))
    with pytest.raises(NotApplicable, match="mask"):
        perturb(encoder, CORPUS)
