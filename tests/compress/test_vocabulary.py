"""A smaller vocabulary reads the corpus's texts exactly as before."""

from pathlib import Path

import pytest
import torch

from bertology.compress.factors.vocabulary import trimmed
from bertology.encoder import Encoder, load
from bertology.record.errors import BadCorpus
from tests.encoder.tiny import tiny

TEXTS = ["the cats sit on mats", "birds sing"]


def states(encoder: Encoder, text: str) -> torch.Tensor:
    ids = torch.tensor([encoder.tokenizer(text)["input_ids"]])
    with torch.inference_mode():
        return encoder.base(input_ids=ids, attention_mask=torch.ones_like(ids))[0]


@pytest.mark.parametrize("kind", ["wordpiece", "bpe", "bpe-prefix", "unigram"])
@pytest.mark.parametrize("family", ["bert", "roberta", "modernbert", "distilbert"])
def test_texts_of_the_corpus_are_read_as_before(family: str, kind: str, tmp_path: Path) -> None:
    whole = tiny(family, kind=kind)
    less = trimmed(whole, TEXTS)
    assert len(less.tokenizer) < len(whole.tokenizer)
    for text in TEXTS:
        tokens = [e.tokenizer.convert_ids_to_tokens(e.tokenizer(text)["input_ids"]) for e in (whole, less)]
        assert tokens[0] == tokens[1]
        assert torch.equal(states(less, text), states(whole, text))
    less.model.save_pretrained(tmp_path)
    less.tokenizer.save_pretrained(tmp_path)
    again = load(tmp_path)
    assert torch.equal(states(again, TEXTS[0]), states(whole, TEXTS[0]))
    assert again.n_parameters == less.n_parameters < whole.n_parameters


def test_predictions_over_the_kept_subwords_keep_their_logits() -> None:
    whole = tiny("bert")
    less = trimmed(whole, TEXTS)
    text = "the [MASK] sit on mats"
    with torch.inference_mode():
        old, new = whole.mlm_logits(states(whole, text)[0]), less.mlm_logits(states(less, text)[0])
    rows = [whole.tokenizer.get_vocab()[t] for t, _ in sorted(less.tokenizer.get_vocab().items(), key=lambda x: x[1])]
    assert torch.allclose(new, old[:, rows], atol=1e-6)


def test_rare_subwords_go_first_and_the_whole_is_left_alone() -> None:
    whole = tiny("bert")
    before = len(whole.tokenizer), whole.config.vocab_size
    often = trimmed(whole, [*TEXTS, "the cats"], least=2)
    assert len(often.tokenizer) < len(trimmed(whole, TEXTS).tokenizer)
    assert (len(whole.tokenizer), whole.config.vocab_size) == before


def test_texts_without_a_subword_are_refused() -> None:
    with pytest.raises(BadCorpus, match="no subword"):
        trimmed(tiny("bert"), [])
