"""head-11: heads that track roles and are not needed."""

import torch

from bertology.claims.localization.head_11_roles import PairsSilenced
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import WordVectors, summarise
from tests.planted import Planted, View, random_encoder, result_of

SIZE = {"layers": 2, "heads": 4, "width": 32}


def tracks_roles(view: View) -> None:
    """Two heads attend from predicates to their arguments; word vectors carry the part of speech."""
    for predicate, argument, _ in view.sentence.links.get("role", ()):
        view.point(1, 0, predicate, argument, 0.5)
        view.point(2, 3, argument, predicate, 0.8)
    for word, upos in enumerate(view.sentence.layers["upos"]):
        view.write(2, word, upos)


def with_needed_heads(corpora: Corpora) -> Encoder:
    """A BERT in which layer 2's heads 0 and 1 write far more than any other."""
    encoder = random_encoder(corpora, **SIZE)
    with torch.no_grad():
        for number, layer in enumerate(encoder.base.encoder.layer):
            layer.attention.output.dense.weight[:, : 16 if number else 0] *= 2000
    return encoder


def test_role_heads_without_effect_hold(corpora: Corpora, tmp_path) -> None:
    result = result_of("head-11", Planted(tracks_roles, corpora, **SIZE), corpora, tmp_path)
    assert result.verdict == "holds"
    assert "layer 2 · head 3" in result.note


def test_random_weights_do_not_hold(corpora: Corpora, tmp_path) -> None:
    assert result_of("head-11", random_encoder(corpora, **SIZE), corpora, tmp_path).verdict != "holds"


def test_silencing_heads_that_are_needed_lowers_accuracy(corpora: Corpora) -> None:
    encoder = with_needed_heads(corpora)
    treebank = corpora.treebank.sample(300)
    (words,) = summarise(encoder, treebank, WordVectors())
    effect = PairsSilenced((((2, 0), (2, 1)), ((1, 2), (1, 3))))
    intact, needed, idle = effect.finish(effect.compute(encoder, encoder.encode(treebank), words=words)).accuracy.rate()
    assert needed < intact - 0.05
    assert abs(idle - intact) < 0.02
