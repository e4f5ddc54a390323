"""Held-out likelihood counts what it says."""

import numpy as np
import pytest
import torch

from bertology.claims.training import likelihood
from bertology.claims.training.scale import TINY
from bertology.train.artefacts import Training
from bertology.train.draft import Source, Symbols
from bertology.train.stream import open_stream


@pytest.fixture(scope="module")
def run(tmp_path_factory, corpora):
    place = tmp_path_factory.mktemp("training") / "one"
    place.mkdir()
    asked = Training(TINY, corpora.raw, 3000)
    asked.build(place, lambda what, done, total: None)
    made = asked.load(place)
    with torch.no_grad():  # so that neighbours matter, as they do after a real training
        for name, parameter in made.encoder.model.named_parameters():
            if parameter.ndim == 2 and "embed" not in name:
                parameter.mul_(8)
    return made


@pytest.fixture(autouse=True)
def _two_blocks(monkeypatch):
    monkeypatch.setattr(likelihood.drafts, "__kwdefaults__", {"most": 2})


def blocks(run):
    return list(likelihood.drafts(likelihood.held_out_source(run)))


@pytest.mark.parametrize("symbol", ["mask", "unknown"])
def test_each_subword_is_hidden_alone(run, symbol):
    tokenizer, logs = run.encoder.tokenizer, []
    hidden_by = tokenizer.mask_token_id if symbol == "mask" else tokenizer.unk_token_id
    for block in blocks(run):
        for place in range(1, len(block) - 1):
            ids = torch.tensor(block.clean)[None].clone()
            ids[0, place] = hidden_by
            with torch.no_grad():
                logits = run.encoder.model(input_ids=ids).logits[0, place]
            logs.append(float(logits.log_softmax(-1)[block.clean[place]]))
    assert likelihood.log_likelihood(run, words=False, symbol=symbol) == pytest.approx(np.mean(logs), abs=1e-4)


def test_words_are_hidden_from_the_subword_to_their_end_and_counted_once(run):
    total, n = 0.0, 0
    for block in blocks(run):
        for word in np.unique(block.words[block.words >= 0]):
            places = np.flatnonzero(block.words == word)
            n += 1
            for k, place in enumerate(places):
                ids = torch.tensor(block.clean)[None].clone()
                ids[0, places[k:]] = run.encoder.tokenizer.mask_token_id
                with torch.no_grad():
                    total += float(
                        run.encoder.model(input_ids=ids).logits[0, place].log_softmax(-1)[block.clean[place]]
                    )
    assert any(len(b.maskable) > len(np.unique(b.words[b.maskable])) for b in blocks(run))
    assert likelihood.log_likelihood(run) == pytest.approx(total / n, abs=1e-4)


def test_frequencies_are_those_of_the_training_text(run, tmp_path):
    tokenizer = run.encoder.tokenizer
    train = open_stream([run.place.parent / "train.txt"], tokenizer, tmp_path / "stream")
    counts = np.ones(len(tokenizer))
    for i in train.ids.tolist():
        counts[i] += 1
    logs = [np.log(counts[i] / counts.sum()) for b in blocks(run) for i in b.clean[1:-1]]
    assert likelihood.frequency_likelihood(run, words=False) == pytest.approx(np.mean(logs))


def test_another_text_is_scored_where_it_is_given(run, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("\n".join(["The dog sees the dog near the dog."] * 30))
    source = Source(open_stream([other], run.encoder.tokenizer, tmp_path / "s"), Symbols.of(run.encoder.tokenizer))
    assert len(source.stream) > 2 * TINY.layout.length
    assert likelihood.log_likelihood(run, text=other) != pytest.approx(likelihood.log_likelihood(run))
