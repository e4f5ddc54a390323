"""Static embeddings: one vector a subword by the encoder's own output, means of texts, a linear head, the layout of model2vec."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from bertology.compress.teaching.static import Static, StaticClassifier, StaticEmbeddings, linear_head, principal, zipf
from bertology.record.errors import BadWeights, NotAModel
from bertology.train.task import Example, task
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some


@pytest.mark.parametrize(
    "family", ["bert", "distilbert", "albert", "modernbert", "deberta-v2", "electra", "roberta", "fnet"]
)
def test_a_row_is_the_mean_of_what_the_encoder_makes_of_the_subword_alone(family: str) -> None:
    encoder = tiny(family)
    table = Static(width=None, weighting=None, batch=7)(encoder).embeddings
    assert table.shape == (len(encoder.tokenizer), 32)
    for word in ("cats", "dog"):
        ids = encoder.tokenizer(word)["input_ids"]
        assert len(ids) == 3
        with torch.inference_mode():
            states = encoder.base(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, 3, dtype=torch.long))[0]
        assert np.allclose(table[ids[1]], states[0].mean(0).numpy(), atol=1e-5)


def test_a_text_is_the_mean_of_its_subwords_without_unknown_ones() -> None:
    encoder = tiny()
    static = Static(width=8)(encoder)
    ids = encoder.tokenizer("the cats sleep", add_special_tokens=False)["input_ids"]
    mean = static.embeddings[ids].mean(0)
    found = static.encode(["the cats sleep", "the ☃ cats sleep", "", "sleep the cats"])
    assert np.allclose(found[0], mean / np.linalg.norm(mean), atol=1e-6)
    assert np.allclose(found[1], found[0]) and np.allclose(found[3], found[0], atol=1e-6)
    assert (found[2] == 0).all() and found.shape == (4, 8)


def test_components_keep_distances_and_rare_subwords_weigh_more() -> None:
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(50, 2)) @ rng.normal(size=(2, 6)) + 3
    less = principal(flat, 2)
    apart = lambda x: np.linalg.norm(x[:, None] - x[None], axis=-1)
    assert np.allclose(apart(less), apart(flat))
    assert np.allclose(less.mean(0), 0) and less.std(0)[0] > less.std(0)[1]
    weights = zipf(1000, 1e-4)
    assert (np.diff(weights) > 0).all() and 0 < weights[0] < weights[-1] < 1
    share = (1 / 2) / (1 / np.arange(2, 1002)).sum()
    assert weights[0] == pytest.approx(1e-4 / (1e-4 + share))
    plain, weighted = (Static(width=None, weighting=a)(tiny()).embeddings for a in (None, 1e-4))
    assert np.allclose(weighted, plain * zipf(len(plain), 1e-4)[:, None], atol=1e-6)


@pytest.mark.parametrize("kind", ["wordpiece", "bpe", "unigram"])
def test_the_folder_is_read_again_and_has_the_layout_of_model2vec(kind: str, tmp_path: Path) -> None:
    static = Static(width=16)(tiny(kind=kind))
    static.save(tmp_path)
    texts = ["The cats sleep .", "unbelievable Birds", "x" * 5000]
    assert np.array_equal(StaticEmbeddings.load(tmp_path).encode(texts), static.encode(texts))
    assert set(load_file(tmp_path / "model.safetensors")) == {"embeddings"}
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["model_type"] == "model2vec" and config["normalize"] is True and config["hidden_dim"] == 16


@pytest.mark.parametrize("kind", ["sentence", "token", "regression"])
def test_a_linear_head_solves_what_words_decide(kind: str, tmp_path: Path) -> None:
    of = some(kind, n=80)
    fitted = linear_head(Static(width=24)(tiny(seed=3)), of)
    assert fitted.score(of) > (0.6 if kind == "regression" else 0.95)
    fitted.save(tmp_path)
    again = StaticClassifier.load(tmp_path)
    assert again.score(of) == fitted.score(of)
    assert again.labels == (of.labels or ("score",))


def test_a_pair_is_compared() -> None:
    words = ["cats", "dog", "mats", "birds", "sing", "old", "near"]
    pairs = [(a, b) for a in words for b in words] * 3
    rng = np.random.default_rng(0)
    pairs = [(a, a) if rng.random() < 0.5 else (a, b) for a, b in pairs]
    examples = [
        Example((f"{a} {c}", f"{b} {c}"), "same" if a == b else "other")
        for (a, b), c in zip(pairs, "abcdefghij" * 20, strict=False)
    ]
    of = task("pairs", examples)
    assert linear_head(Static(width=24)(tiny()), of).score(of) > 0.9


def test_what_is_no_static_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match="no static embeddings"):
        StaticEmbeddings.load(tmp_path)
    Static(width=8)(tiny()).save(tmp_path)
    with pytest.raises(NotAModel, match="no linear head"):
        StaticClassifier.load(tmp_path)
    table = load_file(tmp_path / "model.safetensors")["embeddings"]
    save_file({"embeddings": table, "mapping": np.arange(len(table))}, tmp_path / "model.safetensors")
    with pytest.raises(BadWeights, match="not one vector a subword"):
        StaticEmbeddings.load(tmp_path)
