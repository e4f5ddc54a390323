"""Equal mass withheld, and slopes of attention."""

import torch

from bertology.encoder.sites import attention
from bertology.intervene.no_op import AttentionSlopes, WithholdEqually, WordDirections
from bertology.observe import summarise
from bertology.observe.attention import CLASSES
from tests.planted import random_encoder, small


def test_the_same_mass_is_lost_whichever_class_it_is_taken_from() -> None:
    corpora = small(scale=0.01)
    encoder = random_encoder(corpora, layers=2, heads=2, width=16)
    batch = next(encoder.batches(corpora.treebank))
    intact = encoder.observe(batch, frozenset((attention(),))).attention(1)
    left = [
        WithholdEqually(*names).edits(encoder, batch)["attention", 1](intact, None)
        for names in (("sep", "word"), ("word", "sep"))
    ]
    lost = [(intact - one).sum(-1) for one in left]
    torch.testing.assert_close(lost[0], lost[1])
    real = batch.mask[:, None].expand_as(lost[0])
    assert float(lost[0][real].min()) > 0
    of_sep = (batch.ids == encoder.tokenizer.sep_token_id)[:, None, None].expand_as(intact)
    torch.testing.assert_close(left[1][of_sep], intact[of_sep])
    assert float(left[0][of_sep].sum()) < 0.5 * float(intact[of_sep].sum())


def test_mass_spread_over_a_class_is_equal_too() -> None:
    corpora = small(scale=0.01)
    encoder = random_encoder(corpora, layers=1, heads=2, width=16)
    batch = next(encoder.batches(corpora.treebank))
    intact = encoder.observe(batch, frozenset((attention(),))).attention(1)
    lost = [
        (intact - WithholdEqually(*names, spread=True).edits(encoder, batch)["attention", 1](intact, None)).sum(-1)
        for names in (("sep", "word"), ("word", "sep"))
    ]
    torch.testing.assert_close(lost[0], lost[1])
    assert float(lost[0].sum()) > 0


def test_slopes_of_attention_equal_finite_differences_of_the_loss() -> None:
    corpora = small(scale=0.01)
    encoder = random_encoder(corpora, layers=1, heads=1, width=16)
    one = corpora.treebank.sample(1)
    (slopes,) = summarise(encoder, one, AttentionSlopes(WordDirections()))
    batch = next(encoder.batches(one))
    sep = int((batch.ids[0] == encoder.tokenizer.sep_token_id).nonzero()[0])
    found = []
    for query in range(batch.ids.shape[1]):
        losses = []
        for step in (-0.05, 0.05):

            def nudged(weights, _, query=query, step=step):
                changed = weights.clone()
                changed[0, 0, query, sep] += step
                return changed

            seen = encoder.observe(batch, edits={("attention", 1): nudged})
            losses.append(float(WordDirections()(batch, seen, encoder)))
        found.append(abs(losses[1] - losses[0]) / 0.1)
    measured = float(slopes.slope.rate()[0, 0, CLASSES.index("sep")])
    assert abs(measured - sum(found) / len(found)) < 0.05 * measured
