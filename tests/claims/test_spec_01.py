"""spec-01: special tokens by depth."""

import numpy as np

from bertology.corpus.corpora import Corpora
from tests.planted import Planted, View, random_encoder, result_of


def cls_then_sep_then_punctuation(view: View) -> None:
    """Layer 1 attends to [CLS], layers 2 and 3 to [SEP], layer 4 to full stops and commas."""
    stops = [view.token(i) for i, word in enumerate(view.sentence.words) if word in ".,"]
    if not stops:
        return
    last = len(view.line.ids) - 1
    for query in range(len(view.line.ids)):
        for layer, key in ((1, 0), (2, last), (3, last), (4, stops[query % len(stops)])):
            for head in range(view.attention.shape[1]):
                view.attend(layer, head, query, key, 0.7)
    assert np.allclose(view.attention.sum(-1), 1, atol=1e-4)


def test_attention_planted_in_that_order_holds(corpora: Corpora, tmp_path) -> None:
    assert result_of("spec-01", Planted(cls_then_sep_then_punctuation, corpora), corpora, tmp_path).verdict == "holds"


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("spec-01", random_encoder(corpora), corpora, tmp_path).verdict != "holds"
