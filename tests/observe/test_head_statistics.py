"""Statistics of heads: sums over batches do not depend on how the corpus is cut, ordered or sharded."""

from collections.abc import Iterable

import numpy as np
import pytest
import torch

from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus, sentence
from bertology.encoder import Encoder
from bertology.encoder.batch import Batch
from bertology.observe.antecedents import AntecedentAttention
from bertology.observe.candidates import Confusion
from bertology.observe.divergence import HeadDivergence
from bertology.observe.patterns import MapPatterns
from bertology.observe.pieces import PieceAttention
from bertology.observe.relatedness import RelatedAttention
from bertology.observe.scopes import CueAttention
from bertology.observe.statistic import Arrays, Statistic
from tests.claims.test_head_10 import PARTS, VOCABULARY
from tests.planted import random_encoder

OVER = (
    (MapPatterns(), "segments"),
    (AntecedentAttention(), "treebank"),
    (Confusion(), "treebank"),
    (CueAttention(), "treebank"),
    (PieceAttention(), "text"),
    (RelatedAttention(), "treebank"),
    (HeadDivergence(limit=40), "treebank"),
)


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    words = [a + b for a in PARTS for b in PARTS]
    compounds = tuple(sentence(words[i : i + 3 + i % 5], f"s{i}") for i in range(90))
    return Corpora.load({"text": Corpus("compounds", compounds)}, scale=0.1)


@pytest.fixture(scope="module")
def encoder(corpora: Corpora) -> Encoder:
    """Its vocabulary has the parts of the compounds only, so that they have two subwords."""
    return random_encoder([corpora.treebank, corpora.segments, VOCABULARY], layers=2, heads=3, width=24)


def state_of(statistic: Statistic, encoder: Encoder, corpus: Corpus, batches: Iterable[Batch]) -> Arrays:
    state = statistic.start(encoder, encoder.encode(corpus), lambda name, shape, dtype: np.zeros(shape, dtype))
    with torch.inference_mode():
        for batch in batches:
            statistic.update(state, batch, encoder.observe(batch, statistic.sites), encoder)
    return state


def same(a: Arrays, b: Arrays) -> None:
    for name in a:
        if a[name].dtype.kind in "fc":
            # counts in threshold bins and types may move by one when rounding moves a weight over an edge
            assert np.abs(a[name] - b[name]).sum() <= 1e-4 * max(np.abs(a[name]).sum(), 1), name
        else:
            assert (a[name] == b[name]).all(), name


@pytest.mark.parametrize(("statistic", "name"), OVER, ids=str)
def test_batches_their_order_and_shards_change_nothing(statistic, name, encoder, corpora) -> None:
    corpus = getattr(corpora, name)
    large = list(encoder.batches(corpus))
    small = list(encoder.batches(corpus, token_budget=400))
    whole = state_of(statistic, encoder, corpus, large)
    assert any(np.abs(array).sum() > 0 for array in whole.values() if array.dtype.kind == "f")
    same(whole, state_of(statistic, encoder, corpus, small[::-1]))
    halves = [state_of(statistic, encoder, corpus, small[k::2]) for k in (0, 1)]
    same(whole, statistic.merge(*halves))
    same(statistic.merge(*halves), statistic.merge(*halves[::-1]))
