"""Exports compute what the model computes at any batch and length; a worse one is not kept."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bertology.compress.inference import export as room
from bertology.compress.inference.export import export
from bertology.encoder import wrap
from bertology.encoder.cut import cut
from bertology.encoder.sites import head, neuron
from bertology.record.errors import BadRequest, Refused
from bertology.train.classifier import classifier
from tests.encoder.tiny import tiny
from tests.train.test_techniques import some

onnxruntime = pytest.importorskip("onnxruntime")
TEXTS = ("the cats sit on mats", "birds sing")


@pytest.mark.parametrize("family", ["bert", "modernbert"])
def test_an_export_computes_what_the_model_does_at_any_shape(family: str, tmp_path: Path) -> None:
    encoder = cut(tiny(family, mlm=False), head(1, 0), *(neuron(2, i) for i in range(9)))
    made = export(encoder, tmp_path / "out", texts=TEXTS, shapes=((1, 8),), force=True)
    assert made.difference < 1e-5
    assert made.file == tmp_path / "out" / "model.onnx" and made.file.is_file()
    assert (tmp_path / "out" / "tokenizer.json").is_file()
    session = onnxruntime.InferenceSession(str(made.file), providers=["CPUExecutionProvider"])
    for batch, length in ((1, 3), (5, 17)):
        ids = np.random.default_rng(0).integers(5, 90, (batch, length))
        given = {
            i.name: {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}[
                i.name
            ]
            for i in session.get_inputs()
        }
        with torch.inference_mode():
            own = encoder.model(**{k: torch.from_numpy(v) for k, v in given.items()})[0].numpy()
        assert np.abs(session.run(None, given)[0] - own).max() < 1e-5


def test_no_layer_norm_is_fused_with_its_addition(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    made = export(tiny("bert", mlm=False), tmp_path / "out", shapes=((1, 8),), force=True)
    settings = onnxruntime.SessionOptions()
    settings.optimized_model_filepath = str(tmp_path / "as_run.onnx")
    settings.log_severity_level = 3
    onnxruntime.InferenceSession(str(made.file), settings, providers=["CPUExecutionProvider"])
    run = {node.op_type for node in onnx.load(tmp_path / "as_run.onnx").graph.node}
    assert "LayerNormalization" in run and "SkipLayerNormalization" not in run


def test_int8_is_smaller_and_near(tmp_path: Path) -> None:
    encoder = tiny("bert", mlm=False, hidden_size=64, intermediate_size=256)
    whole = export(encoder, tmp_path / "float", shapes=((1, 8),), force=True)
    small = export(encoder, tmp_path / "int8", int8=True, shapes=((1, 8),), force=True)
    assert small.bytes < 0.6 * whole.bytes
    assert small.cosine > 0.9
    assert small.difference > whole.difference


def test_a_classifiers_logits_are_exported(tmp_path: Path) -> None:
    encoder = tiny("bert")
    tuned = wrap(classifier(encoder, some(), 0), encoder.tokenizer, has_mlm=False)
    made = export(tuned, tmp_path / "out", shapes=((1, 8),), force=True)
    assert made.difference < 1e-5 and made.cosine > 0.999


def test_openvino_computes_the_same(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    made = export(tiny("bert", mlm=False), tmp_path / "out", to="openvino", shapes=((1, 8),), force=True)
    assert made.file.suffix == ".xml"
    assert made.difference < 1e-4


def test_what_is_worse_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = tiny("bert", mlm=False)
    with pytest.raises(Refused, match=r"differs by up to"):
        export(encoder, tmp_path / "a", shapes=((1, 8),), most_difference=0.0)
    monkeypatch.setattr(room, "seconds", lambda run: 1.0)
    with pytest.raises(Refused, match=r"slower than torch here: 1\.00x at 1 x 8"):
        export(encoder, tmp_path / "b", shapes=((1, 8),), least_speedup=1.5)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BadRequest, match="tflite"):
        export(encoder, tmp_path / "c", to="tflite")  # type: ignore[arg-type]
