"""New embeddings under a frozen body."""

import pytest
import torch

import bertology as bt
from bertology.corpus.corpora import Corpora
from bertology.record.errors import NotApplicable
from bertology.train.artefacts import write_text
from bertology.train.relearn import NewEmbeddings, Relearning
from bertology.train.tokenizer import train_tokenizer
from tests.planted import random_encoder

QUIET = lambda what, done, total: None


@pytest.fixture(scope="module")
def corpora() -> Corpora:
    return Corpora.load(scale=0.05)


@pytest.mark.parametrize("own", [True, False], ids=["own tokenizer", "a new tokenizer"])
def test_only_rows_of_ordinary_subwords_and_the_bias_move(corpora, tmp_path, own):
    encoder = random_encoder([corpora.raw], layers=1, heads=2, width=16, mlm=True)
    before = {n: p.clone() for n, p in encoder.model.state_dict().items()}
    asked = Relearning(encoder, corpora.raw, 3000, own=own)
    asked.build(tmp_path, QUIET)
    made = asked.load(tmp_path)
    assert (made.tokenizer.get_vocab() == encoder.tokenizer.get_vocab()) == own
    after = made.model.state_dict()
    changed = {n for n, p in after.items() if p.shape != before[n].shape or not torch.equal(p, before[n])}
    assert changed and all("word_embeddings" in n or "decoder" in n or n.endswith("predictions.bias") for n in changed)
    rows = after["bert.embeddings.word_embeddings.weight"], before["bert.embeddings.word_embeddings.weight"]
    for name in ("cls_token_id", "sep_token_id", "mask_token_id", "unk_token_id"):
        assert torch.equal(rows[0][getattr(made.tokenizer, name)], rows[1][getattr(encoder.tokenizer, name)]), name
    assert all(torch.equal(p, before[n]) for n, p in encoder.model.state_dict().items())


def test_learnt_rows_leave_where_they_were_drawn_and_the_loss_falls(corpora, tmp_path):
    encoder = random_encoder([corpora.raw], layers=1, heads=2, width=16, mlm=True)
    asked = Relearning(encoder, corpora.raw, 20_000, own=True)
    asked.build(tmp_path, QUIET)
    drawn = NewEmbeddings(encoder, encoder.tokenizer, 0).begin(encoder.model)
    made = asked.load(tmp_path)
    moved = (made.model.get_input_embeddings().weight - drawn.get_input_embeddings().weight).abs().sum(1) > 0
    used = {int(i) for line in encoder.encode(corpora.raw).lines for i in line.ids[~line.special]}
    assert moved[sorted(used)].float().mean() > 0.9
    losses = [
        float(line.split('"loss": ')[1].split(",")[0])
        for line in (tmp_path / "run" / "log.jsonl").open()
        if '"loss"' in line
    ]
    assert losses[-1] < losses[0] - 0.2


def test_the_output_layer_stays_tied_to_the_embeddings(tmp_path, corpora):
    encoder = bt.load(None)
    tokenizer = train_tokenizer([_text(corpora, tmp_path)], size=300)
    model = NewEmbeddings(encoder, tokenizer).begin(encoder.model)
    inputs, outputs = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    assert inputs is outputs and len(inputs) == 320
    trained = [p for p in model.parameters() if p.requires_grad]
    assert sum(p.numel() for p in trained) == inputs.numel() + 320
    old = encoder.model.get_input_embeddings().weight
    assert torch.equal(inputs[tokenizer.mask_token_id], old[encoder.tokenizer.mask_token_id])
    assert float(inputs[20:300].detach().std()) == pytest.approx(float(old.detach().std()), rel=0.2)


def test_an_encoder_without_a_language_model_head_is_not_applicable(corpora, tmp_path):
    with pytest.raises(NotApplicable, match="no masked-language-model head to learn embeddings by"):
        Relearning(random_encoder([corpora.raw], layers=1, heads=2, width=8), corpora.raw, 100).build(tmp_path, QUIET)


def _text(corpora, place):
    write_text(corpora.raw, "train", place / "raw.txt")
    return place / "raw.txt"
