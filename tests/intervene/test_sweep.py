"""The sweep over heads equals one full run per head."""

import numpy as np
import pytest
import torch

from bertology.corpus.sentence import Corpus
from bertology.encoder import head
from bertology.encoder.families import FAMILIES
from bertology.intervene import (
    Ablate,
    EachHeadAblated,
    MaskWords,
    SiteBank,
    SiteMeans,
    ablate_each_head,
    masked_loss,
    sentence_shift,
)
from bertology.intervene.branch import Branching, branching
from bertology.observe import summarise
from bertology.record.errors import BadRequest, NotApplicable
from bertology.stats.tally import bootstrap
from tests.encoder.tiny import tiny
from tests.intervene.texts import CORPUS, many, outputs

WITH_HEADS = [name for name, family in FAMILIES.items() if family.head]
OWN = {"deberta-v2": {"conv_kernel_size": 3, "conv_act": "gelu"}}
PADDING_MATTERS = ("convbert", "nystromformer")
"""Their own intact output depends on padding, so sweep and full runs are compared on the same batches."""


def _mean_vector(batch, output):
    mask = batch.mask[..., None].to(output.dtype)
    return (output * mask).sum(1) / mask.sum(1)


def _one_run_per_head(encoder, make=lambda site: Ablate(site), budget=4096):
    """(layer, head, sentence, width): the mean vectors, from outputs that never saw a stacked batch."""
    return np.array([
        [[o.mean(0) for o in outputs(encoder, make(head(layer, h)), budget=budget)] for h in range(encoder.n_heads)]
        for layer in range(1, encoder.n_layers + 1)
    ])  # fmt: skip


def _by_sentence(swept, corpus=CORPUS):
    """Fewer than 25 sentences are a block each: block numbers back to the order of sentences."""
    return np.moveaxis(swept.heads.total[corpus.blocks], 0, 2), swept.intact.total[corpus.blocks]


@pytest.mark.parametrize("family", WITH_HEADS)
def test_the_sweep_equals_one_full_run_per_head(family):
    encoder = tiny(family, **OWN.get(family, {}))
    swept, intact = _by_sentence(ablate_each_head(encoder, CORPUS, _mean_vector, token_budget=40 * encoder.n_heads))
    budget = 40 if family in PADDING_MATTERS else 4096
    assert np.abs(swept - _one_run_per_head(encoder, budget=budget)).max() < 1e-5
    assert np.abs(intact - np.array([o.mean(0) for o in outputs(encoder, budget=budget)])).max() < 1e-5
    assert np.abs(swept - intact).max((2, 3)).min() > 1e-3


@pytest.mark.parametrize("family", ["bert", "albert", "modernbert", "deberta-v2"])
@pytest.mark.parametrize("statistic", [SiteMeans, SiteBank])
def test_the_sweep_by_mean_and_by_resampling_equals_full_runs(family, statistic):
    encoder = tiny(family)
    (source,) = summarise(encoder, CORPUS, statistic((head(),)))
    by = "mean" if statistic is SiteMeans else "resample"
    swept, _ = _by_sentence(ablate_each_head(encoder, CORPUS, _mean_vector, by=by, source=source))
    expected = _one_run_per_head(encoder, lambda site: Ablate(site).to(source))
    assert np.abs(swept - expected).max() < 1e-5
    assert np.abs(swept - _one_run_per_head(encoder)).max() > 1e-3


@pytest.mark.parametrize("family", WITH_HEADS)
def test_every_family_forks_and_whole_layers_run_again_give_the_same(family):
    encoder = tiny(family, **OWN.get(family, {}))
    batch = next(encoder.batches(CORPUS, attention=False))
    with torch.inference_mode():
        assert branching(encoder, batch, lambda _: None).forks
        forked, whole = (list(Branching(encoder, forks=way).outputs(batch, lambda _: None)[1]) for way in (True, False))
    for a, b in zip(forked, whole, strict=True):
        assert float((a - b)[:, batch.mask].abs().max()) < 1e-5


def test_a_layer_that_cannot_fork_is_found_out_and_run_again_whole():
    encoder = tiny("bert")
    dense = encoder.base.encoder.layer[1].output.dense
    plain = dense.forward
    dense.forward = lambda states: plain(states) if states.ndim == 3 else plain(states).flip(0)
    batch = next(encoder.batches(CORPUS, attention=False))
    with torch.inference_mode():
        assert not branching(encoder, batch, lambda _: None).forks
    swept, _ = _by_sentence(ablate_each_head(encoder, CORPUS, _mean_vector))
    assert np.abs(swept - _one_run_per_head(encoder)).max() < 1e-5
    del dense.forward
    with torch.inference_mode():
        assert branching(encoder, batch, lambda _: None).forks


def test_the_sweep_leaves_the_encoder_as_it_was():
    encoder = tiny("bert")
    before = outputs(encoder)
    with pytest.raises(ZeroDivisionError):
        ablate_each_head(encoder, CORPUS, lambda batch, output: 1 / 0)
    ablate_each_head(encoder, CORPUS, _mean_vector)
    assert all(np.array_equal(a, b) for a, b in zip(before, outputs(encoder), strict=True))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in encoder.model.modules())
    assert not any("forward" in module.__dict__ for module in encoder.base.encoder.layer)


def test_token_budget_and_the_order_of_sentences_change_nothing():
    encoder = tiny("bert")
    one, other = (ablate_each_head(encoder, CORPUS, _mean_vector, token_budget=budget) for budget in (1, 9999))
    assert np.abs(one.heads.total - other.heads.total).max() < 1e-5
    backwards = Corpus("texts", CORPUS.sentences[::-1])
    turned = ablate_each_head(encoder, backwards, _mean_vector).heads.rate()
    assert np.abs(turned - one.heads.rate()).max() < 1e-5


def test_a_head_that_is_read_by_nothing_has_no_effect_and_others_have():
    encoder = tiny("bert")
    with torch.no_grad():
        encoder.base.encoder.layer[1].attention.output.dense.weight[:, 8:16] = 0
    effect = ablate_each_head(encoder, CORPUS, sentence_shift, paired=True).effect.rate()[..., 0]
    assert abs(effect[1, 1]) < 1e-6
    assert np.sort(effect.ravel())[1] > 1e-4


def test_the_effect_has_intervals_paired_by_sentence():
    encoder = tiny("bert")
    swept = ablate_each_head(encoder, many(30), sentence_shift, paired=True)
    estimate = swept.effect[0, 1, 0].estimate()
    assert estimate.n == 30
    assert estimate.low < estimate.value < estimate.high
    two = ablate_each_head(
        encoder,
        many(30),
        lambda batch, output, intact: torch.stack([sentence_shift(batch, output, intact)] * 2, 1),
        paired=True,
    )
    assert bootstrap(lambda rate: rate[:, 0, 1, 0] - rate[:, 0, 1, 1], two.effect).value == 0


def test_masked_loss_rises_or_falls_as_in_full_runs():
    encoder = tiny("bert")
    masking = MaskWords(0.3, seed=4)
    swept = ablate_each_head(encoder, CORPUS, masked_loss(encoder), under=masking)
    batch = masking.change(next(encoder.batches(CORPUS)), encoder)
    targets = batch.ids != torch.stack(
        [torch.nn.functional.pad(torch.from_numpy(li.ids), (0, batch.ids.shape[1] - len(li.ids))) for li in batch.lines]
    )
    seen = encoder.observe(batch, edits=Ablate(head(1, 3)).edits(encoder, batch)).hidden(2)
    losses = []
    assert bool(targets.any(1).all())
    for row, line in enumerate(batch.lines):
        at = torch.nonzero(targets[row])[:, 0]
        log = encoder.mlm_logits(seen[row][at]).log_softmax(-1)
        losses.append(-log[range(len(at)), line.ids[at.numpy()]].mean().item())
    assert len(losses) == 6 and abs(swept.heads.rate()[0, 3, 0] - np.mean(losses)) < 1e-4
    assert abs(swept.intact.rate()[0] - np.mean(losses)) > 1e-4


def test_what_cannot_be_swept_is_refused():
    encoder = tiny("bert")
    with pytest.raises(NotApplicable):
        ablate_each_head(tiny("fnet"), CORPUS, _mean_vector)
    with pytest.raises(NotApplicable):
        masked_loss(tiny("bert", mlm=False))
    with pytest.raises(BadRequest, match="uniform"):
        ablate_each_head(encoder, CORPUS, _mean_vector, by="uniform")
    with pytest.raises(BadRequest, match="inputs only"):
        ablate_each_head(encoder, CORPUS, _mean_vector, under=Ablate(head(1, 0)))
    with pytest.raises(BadRequest, match="shape"):
        ablate_each_head(encoder, CORPUS, lambda batch, output: output)
    with pytest.raises(BadRequest, match="no sentence"):
        ablate_each_head(encoder, Corpus("empty", ()), _mean_vector)
    with pytest.raises(BadRequest, match="not known"):
        EachHeadAblated("loudness")


@pytest.mark.parametrize("effect", ["shift", "masked loss"])
def test_a_claim_can_measure_the_sweep(effect):
    encoder = tiny("bert")
    derived = EachHeadAblated(effect)
    swept = derived.finish(derived.compute(encoder, encoder.encode(CORPUS)))
    assert swept.effect.rate().shape == (2, 4, 1)
    assert np.abs(swept.effect.rate()).min() > 1e-6
