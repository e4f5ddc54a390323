"""Loading: nothing newly initialised, nothing pickled, nothing cut, one clear error for each bad folder."""

import json
from importlib import import_module
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    BertModel,
    ElectraConfig,
    ElectraForPreTraining,
    XLNetConfig,
    XLNetModel,
)

from bertology.encoder import load, wrap
from bertology.encoder.check import check
from bertology.record.errors import BadRequest, BadWeights, NotAModel, UnknownFamily
from tests.encoder.tiny import tiny, tokenizer

CONFIG = dict(
    vocab_size=120,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=48,
    max_position_embeddings=64,
)


def saved(model: torch.nn.Module, path: Path) -> Path:
    model.save_pretrained(path)  # type: ignore[operator]
    tokenizer().save_pretrained(path)
    return path


@pytest.fixture
def mlm(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return saved(BertForMaskedLM(BertConfig(**CONFIG)), tmp_path / "mlm")


def change_weights(path: Path, change) -> None:
    weights = load_file(path / "model.safetensors")
    save_file(
        {k: v.contiguous() for k, v in change(weights).items()}, path / "model.safetensors", metadata={"format": "pt"}
    )


def test_a_saved_masked_language_model_loads_with_its_head(mlm: Path) -> None:
    encoder = load(mlm)
    assert encoder.has_mlm and "mlm" in encoder.has
    assert {c.verdict for c in check(encoder)} == {"holds"}


def test_the_same_weights_have_the_same_fingerprint_and_others_another(mlm: Path, tmp_path: Path) -> None:
    assert load(mlm).fingerprint == load(mlm).fingerprint
    change_weights(
        mlm, lambda w: w | {"bert.encoder.layer.1.output.dense.bias": w["bert.encoder.layer.1.output.dense.bias"] + 1}
    )
    assert load(mlm).fingerprint != load(saved(BertForMaskedLM(BertConfig(**CONFIG)), tmp_path / "other")).fingerprint


@pytest.mark.parametrize("make", [BertModel, BertForPreTraining])
def test_a_missing_head_is_lacking_never_random(make, tmp_path: Path) -> None:
    encoder = load(saved(make(BertConfig(**CONFIG)), tmp_path / "m"))
    assert encoder.has_mlm == (make is BertForPreTraining)


def test_a_discriminator_has_no_language_model_head(tmp_path: Path) -> None:
    config = ElectraConfig(**CONFIG, embedding_size=16)
    assert not load(saved(ElectraForPreTraining(config), tmp_path / "m")).has_mlm


def test_old_gamma_and_beta_names_load(mlm: Path) -> None:
    before = load(mlm).fingerprint
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}

    def rename(weights):
        return {next((k.replace(n, o) for n, o in old.items() if k.endswith(n)), k): v for k, v in weights.items()}

    change_weights(mlm, rename)
    assert any("gamma" in key for key in load_file(mlm / "model.safetensors"))
    assert load(mlm).fingerprint == before


def test_missing_trunk_weights_are_refused(mlm: Path) -> None:
    change_weights(mlm, lambda w: {k: v for k, v in w.items() if "layer.1.attention.self.query.weight" not in k})
    with pytest.raises(BadWeights, match="1 weights of the trunk are missing"):
        load(mlm)


def test_nan_weights_are_refused(mlm: Path) -> None:
    change_weights(mlm, lambda w: w | {"bert.encoder.layer.0.output.dense.bias": torch.full((32,), float("nan"))})
    with pytest.raises(BadWeights, match="NaN"):
        load(mlm)


def test_a_truncated_file_is_refused(mlm: Path) -> None:
    file = mlm / "model.safetensors"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(BadWeights, match="broken"):
        load(mlm)


def test_pickles_need_the_explicit_flag(mlm: Path) -> None:
    torch.save(load_file(mlm / "model.safetensors"), mlm / "pytorch_model.bin")
    (mlm / "model.safetensors").unlink()
    with pytest.raises(NotAModel, match="--allow-pickle"):
        load(mlm)
    assert load(mlm, allow_pickle=True).has_mlm


def test_an_unknown_family_names_the_closest_row(tmp_path: Path) -> None:
    path = saved(XLNetModel(XLNetConfig(vocab_size=120, d_model=32, n_layer=1, n_head=4, d_inner=32)), tmp_path / "x")
    with pytest.raises(UnknownFamily, match="xlnet"):
        load(path)


@pytest.mark.parametrize(
    ("content", "error"),
    [(None, NotAModel), ("{}", UnknownFamily), ("{", NotAModel), ('{"model_type": "nope"}', UnknownFamily)],
)
def test_a_folder_that_is_no_model_is_refused(content: str | None, error: type[Exception], tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(error):
        load(tmp_path)


def test_a_file_a_wrong_path_and_wrong_options_are_refused(mlm: Path) -> None:
    with pytest.raises(NotAModel, match="is a file"):
        load(mlm / "config.json")
    with pytest.raises(NotAModel, match="neither a folder nor a hub id"):
        load("./no/such/folder")
    with pytest.raises(BadRequest, match="float32, bfloat16"):
        load(mlm, dtype="int3")
    with pytest.raises(BadRequest, match="not available"):
        load(mlm, device="cuda:99")


def test_code_that_comes_with_a_model_is_not_run(mlm: Path) -> None:
    config = json.loads((mlm / "config.json").read_text()) | {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.Config"},
    }
    (mlm / "config.json").write_text(json.dumps(config))
    (mlm / "own.py").write_text("raise SystemExit('remote code ran')")
    with pytest.raises((NotAModel, UnknownFamily)):
        load(mlm)


def test_baked_in_truncation_and_padding_are_switched_off() -> None:
    encoder = tiny("bert")
    tok = tokenizer().__copy__() if hasattr(tokenizer(), "__copy__") else tokenizer()
    tok.backend_tokenizer.enable_truncation(5)
    tok.backend_tokenizer.enable_padding(length=5)
    wrapped = wrap(encoder.model, tok)
    assert len(wrapped.tokenizer("the old cats sleep near the old dog")["input_ids"]) > 5
    assert len(wrapped.tokenizer("a")["input_ids"]) < 5


def test_the_random_twin_is_another_network_of_the_same_shape() -> None:
    encoder = tiny("bert")
    twin, again, other = encoder.randomised(1), encoder.randomised(1), encoder.randomised(2)
    assert twin.fingerprint == again.fingerprint != other.fingerprint
    assert encoder.fingerprint not in (twin.fingerprint, other.fingerprint)
    assert twin.n_parameters == encoder.n_parameters


def test_a_hub_that_does_not_answer_is_asked_once_and_not_at_all_for_what_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room, asked = import_module("bertology.encoder.load"), []

    def silent(url: str) -> None:
        asked.append(url)
        raise ConnectionError("no name service")

    monkeypatch.setattr(room, "get_hf_file_metadata", silent)
    with pytest.raises(NotAModel, match="neither a folder nor a hub id that can be reached: no name service"):
        load("someone/something")
    assert len(asked) == 1 and asked[0].endswith("/someone/something/resolve/main/config.json")
    monkeypatch.setattr(room, "try_to_load_from_cache", lambda *_: "kept/config.json")
    monkeypatch.setattr(
        room.AutoConfig, "from_pretrained", lambda *_, **__: (_ for _ in ()).throw(OSError("kept, but broken"))
    )
    with pytest.raises(NotAModel, match="no usable model on the hub: kept, but broken"):
        load("someone/something")
    assert len(asked) == 1
