"""Muted attention, patched activations, masked words, shuffled words, and the chance behind them."""

import numpy as np
import pytest
import torch

from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import attention, head, hidden, neuron
from bertology.intervene import MaskWords, MuteAttention, Patch, Shuffle, activations, given_activations, masked
from bertology.observe.seeded import draws
from bertology.observe.words import token_classes
from bertology.record.errors import BadRequest, NotApplicable
from tests.encoder.tiny import tiny
from tests.intervene.texts import CORPUS, gap, outputs


def _attention(encoder, step):
    batch = next(encoder.batches(CORPUS))
    seen = encoder.observe(batch, frozenset((attention(1),)), edits=step.edits(encoder, batch)).attention(1)
    classes = torch.from_numpy(token_classes(batch, encoder.tokenizer.cls_token_id, encoder.tokenizer.sep_token_id))
    return seen, classes[:, None, None], batch


@pytest.mark.parametrize("to", ["cls", "sep", "punctuation", "word"])
def test_nothing_attends_to_a_muted_class_and_rows_still_sum_to_one(to):
    encoder = tiny("bert")
    before, classes, batch = _attention(encoder, MuteAttention("sep", layer=2))
    after, _, _ = _attention(encoder, MuteAttention(to, layer=1))
    number = ("cls", "sep", "punctuation", "word").index(to)
    assert float((after * (classes == number)).sum()) == 0
    assert torch.allclose(after.sum(-1), torch.ones_like(after.sum(-1)), atol=1e-5)
    kept = (classes != number) & batch.mask[:, None, None]
    share = before * kept / (before * kept).sum(-1, keepdim=True)
    assert torch.allclose(after, share, atol=1e-5)
    assert float((before * (classes == number)).sum()) > 1


def test_muted_mass_can_be_sent_to_a_class_or_dropped():
    encoder = tiny("bert")
    before, classes, _ = _attention(encoder, MuteAttention("sep", layer=2))
    sent, _, _ = _attention(encoder, MuteAttention("sep", layer=1, send_to="cls"))
    dropped, _, _ = _attention(encoder, MuteAttention("sep", layer=1, renormalise=False))
    mass = lambda weights, k: (weights * (classes == k)).sum(-1)
    assert torch.allclose(mass(sent, 0), mass(before, 0) + mass(before, 1), atol=1e-5)
    assert torch.allclose(mass(sent, 3), mass(before, 3), atol=1e-6)
    assert torch.allclose(dropped.sum(-1), 1 - mass(before, 1), atol=1e-5)


def test_one_head_can_be_muted_alone():
    encoder = tiny("bert")
    before, _, _ = _attention(encoder, MuteAttention("sep", layer=2))
    after, _, _ = _attention(encoder, MuteAttention("sep", layer=1, head=2))
    moved = (before - after).abs().amax((0, 2, 3))
    assert moved[2] > 1e-3 and float(moved[[0, 1, 3]].max()) == 0


def test_muting_what_does_not_exist_is_refused():
    with pytest.raises(BadRequest, match="not known"):
        MuteAttention("nouns")
    with pytest.raises(BadRequest, match="two classes"):
        MuteAttention("sep", send_to="sep")
    with pytest.raises(BadRequest, match="Heads are 0 to 3"):
        outputs(tiny("bert"), MuteAttention("sep", head=4))
    with pytest.raises(NotApplicable):
        outputs(tiny("fnet"), MuteAttention("sep"))


@pytest.mark.parametrize("site", [hidden(0), hidden(1), head(1), head(1, 2), neuron(1)])
def test_patching_an_encoder_with_its_own_activations_changes_nothing(site):
    encoder = tiny("bert")
    assert gap(outputs(encoder, Patch(site, activations(encoder, CORPUS, site))), outputs(encoder)) < 1e-6


def test_patching_the_last_hidden_state_below_the_top_carries_the_donor_over():
    encoder = tiny("bert")
    one = Corpus("one", (sentence(["the", "old", "dog", "sat", "."], "a"), sentence(["Birds", "sing", "."], "b")))
    two = Corpus("two", (sentence(["the", "old", "cats", "sat", "."], "a"), sentence(["Birds", "sleep", "."], "b")))
    assert [len(x.ids) for x in encoder.encode(one).lines] == [len(x.ids) for x in encoder.encode(two).lines]
    donor = activations(encoder, two, hidden(1))
    patched = outputs(encoder, Patch(hidden(1), donor), corpus=one)
    assert gap(patched, outputs(encoder, corpus=two)) < 1e-5
    assert gap(patched, outputs(encoder, corpus=one)) > 1e-2
    assert gap(patched, outputs(encoder, Patch(hidden(1), donor), corpus=one, budget=1)) < 1e-5


def test_a_patched_word_moves_only_its_own_subwords_at_the_site():
    encoder = tiny("bert")
    zeros = {
        line.index: np.zeros((len(line.ids), encoder.width), np.float32) for line in encoder.encode(CORPUS).lines[:2]
    }
    batch = next(encoder.batches(CORPUS))
    edits = Patch(hidden(1), given_activations(hidden(1), zeros), word=1).edits(encoder, batch)
    seen = encoder.observe(batch, frozenset((hidden(1),)), edits=edits).hidden(1)
    for row, line in enumerate(batch.lines):
        silent = torch.nonzero(seen[row, : len(line.ids)].abs().sum(-1) == 0)[:, 0].tolist()
        assert silent == (list(line.pieces[1]) if line.index in zeros else [])


def test_patches_that_do_not_fit_are_refused():
    encoder = tiny("bert")
    donor = activations(encoder, Corpus("short", CORPUS.sentences[1:2]), hidden(1))
    with pytest.raises(BadRequest, match="sentence s0 has"):
        outputs(encoder, Patch(hidden(1), donor))
    with pytest.raises(BadRequest, match="same kind"):
        Patch(head(1), donor)
    with pytest.raises(BadRequest, match="output"):
        outputs(encoder, Patch(hidden(2), donor))
    with pytest.raises(BadRequest, match="Name one layer"):
        Patch(hidden(), donor)


def test_equal_activations_are_the_same_patch_and_others_are_not():
    encoder = tiny("bert")
    a, b = (activations(encoder, CORPUS, hidden(1)) for _ in range(2))
    assert Patch(hidden(1), a) == Patch(hidden(1), b) and Patch(hidden(1), a).key == Patch(hidden(1), b).key
    assert Patch(hidden(1), a).key != Patch(hidden(1), activations(tiny("bert", seed=1), CORPUS, hidden(1))).key


def test_whole_words_are_masked_and_the_lines_remember_them():
    encoder = tiny("bert")
    batch = next(encoder.batches(CORPUS))
    given = MaskWords(0.4, seed=1).change(batch, encoder)
    hidden_at, original = masked(given)
    assert bool((given.ids[hidden_at] == encoder.tokenizer.mask_token_id).all())
    assert torch.equal(original[batch.mask], batch.ids[batch.mask])
    for row, line in enumerate(given.lines):
        covered = set(torch.nonzero(hidden_at[row])[:, 0].tolist())
        assert covered and all(set(p) <= covered or not set(p) & covered for p in line.pieces)
        assert not covered & set(np.flatnonzero(line.special))
    assert not torch.equal(MaskWords(0.4, seed=2).change(batch, encoder).ids, given.ids)


def test_about_the_rate_of_words_is_masked():
    encoder = tiny("bert")
    corpus = Corpus("long", tuple(sentence(["the", "cats"] * 15, f"l{i}") for i in range(60)))
    at, words = 0, 0
    for batch in encoder.batches(corpus):
        hidden_at, _ = masked(MaskWords(0.15).change(batch, encoder))
        at += sum(bool(hidden_at[row, line.pieces[w][0]]) for row, line in enumerate(batch.lines) for w in range(30))
        words += 30 * len(batch.lines)
    assert 0.12 < at / words < 0.19


def test_masking_at_an_impossible_rate_is_refused():
    for rate in (0, -1, 1.5):
        with pytest.raises(BadRequest, match="out of range"):
            MaskWords(rate)


@pytest.mark.parametrize("kind", ["wordpiece", "bpe", "unigram"])
def test_shuffling_moves_words_whole_and_says_where_they_went(kind):
    encoder = tiny("bert", kind=kind)
    batch = next(encoder.batches(CORPUS))
    given = Shuffle(1).change(batch, encoder)
    moved = 0
    for row, (before, after) in enumerate(zip(batch.lines, given.lines, strict=True)):
        assert sorted(after.ids) == sorted(before.ids)
        assert np.array_equal(given.ids[row, : len(after.ids)].numpy(), after.ids)
        assert np.array_equal(before.ids[before.special], after.ids[after.special])
        for old, new in zip(before.pieces, after.pieces, strict=True):
            assert [before.ids[t] for t in old] == [after.ids[t] for t in new]
        moved += before.pieces != after.pieces
    assert moved >= 4
    assert torch.equal(batch.mask, given.mask)


def test_shuffling_keeps_words_in_their_segment():
    encoder = tiny("bert")
    words = ["the", "old", "dog", "sat", "near", "cats", "sing", "on", "mats", "."]
    pair = Corpus("pair", (sentence(words, "p", layers={"segment": (0,) * 5 + (1,) * 5}),))
    batch = next(encoder.batches(pair))
    after = Shuffle(1).change(batch, encoder).lines[0]
    types = batch.types[0].numpy()
    assert set(types) == {0, 1}
    for word, pieces in enumerate(after.pieces):
        assert {int(types[t]) for t in pieces} == {int(word >= 5)}
    assert after.pieces != batch.lines[0].pieces


def test_masking_then_shuffling_hides_the_same_words_as_shuffling_then_masking():
    encoder = tiny("bert")
    batch = next(encoder.batches(CORPUS))
    one = (MaskWords(0.4) | Shuffle(1)).change(batch, encoder)
    other = (Shuffle(1) | MaskWords(0.4)).change(batch, encoder)
    assert torch.equal(one.ids, other.ids)
    assert torch.equal(masked(one)[0], masked(other)[0])


def test_draws_are_uniform_and_differ_with_each_argument():
    sentences, places = np.meshgrid(np.arange(200), np.arange(50), indexing="ij")
    a = draws(0, sentences, places)
    assert a.min() >= 0 and a.max() < 1 and len(np.unique(a)) == a.size
    assert abs(a.mean() - 0.5) < 0.01 and abs(a.std() - 12**-0.5) < 0.01
    for b in (
        draws(1, sentences, places),
        draws(0, sentences + 1, places),
        draws(0, sentences, places + 1),
        a.T.reshape(a.shape),
    ):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.04
    assert np.array_equal(draws(0, sentences[3], places[3]), a[3])
