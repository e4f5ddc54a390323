"""To ONNX and OpenVINO, with a report: is the exported model the same, and is it faster here? What is not is refused.

transformers' models go through torch's own exporter; optimum is not needed. int8 in ONNX is dynamic (weights by channel, activations as
they come) or static (activations by what texts showed); OpenVINO's is static, by nncf. Whether it is faster depends on the processor (VNNI,
AMX or not) and the shapes, so it is measured, never assumed. Exports take any batch and length: `embed(..., run=exported(folder))`.
"""

import contextlib
import io
import logging
import shutil
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bertology.compress.inference.latency import seconds
from bertology.compress.inference.unpadded import NAMES, Inputs, Runner, lines
from bertology.encoder.backend import set_attention
from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest, Refused

Target = Literal["onnx", "openvino"]


class Exported(NamedTuple):
    """The file and what it measured against the model in torch, float32, with its default attention.

    `difference` is the largest of the output at real tokens, `cosine` the lowest between their vectors; `speedup` by (batch, length).
    """

    file: Path
    bytes: int
    difference: float
    cosine: float
    speedup: dict[tuple[int, int], float]


def export(
    encoder: Encoder,
    out: str | Path,
    *,
    to: Target = "onnx",
    int8: bool = False,
    texts: Sequence[str] = (),
    shapes: Sequence[tuple[int, int]] = ((1, 32), (32, 32)),
    most_difference: float = 1e-3,
    least_cosine: float = 0.99,
    least_speedup: float = 1.0,
    force: bool = False,
) -> Exported:
    """Writes `model.onnx` (or `model.xml`, OpenVINO) with the tokenizer beside it, of any batch and length.

    The output is what the model's class returns first: logits with a head, hidden states without. Parity is measured on `texts`, or
    on drawn subwords; speed at `shapes`, threads as torch has them. Raises Refused (nothing is written) when the output
    drifts beyond `most_difference` (float) or below `least_cosine` (int8), or when it is slower than `least_speedup` at every shape, unless `force`.
    """
    if to not in ("onnx", "openvino"):
        raise BadRequest(f"there is no export to {to!r}.", "Choose onnx or openvino.")
    place = Path(out)
    part = place.with_name(f"{place.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        file = to_onnx(encoder, part / "model.onnx")
        if to == "openvino":
            file = to_openvino(file)
            file = int8_openvino(file, list(_inputs(encoder, texts))) if int8 else file
        elif int8:
            file = int8_dynamic(file)
        run = runner(file)
        report = _measured(encoder, run, file, texts, shapes)
        _refuse_bad(report, int8, most_difference, least_cosine, least_speedup, force)
        encoder.tokenizer.save_pretrained(part)
        shutil.rmtree(place, ignore_errors=True)
        part.rename(place)
        return report._replace(file=place / file.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


class _Positional(nn.Module):
    """The model with its inputs in order and its first output alone."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        given = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            given["token_type_ids"] = token_type_ids
        return self.model(**given)[0]


def _names(encoder: Encoder) -> tuple[str, ...]:
    return NAMES if "segments" in encoder.has else NAMES[:2]


def to_onnx(encoder: Encoder, file: Path) -> Path:
    """Writes the model's first output as a function of its ids, with dynamic batch and length. Raises BadRequest without onnx."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise BadRequest(f"exporting needs {error.name}.", 'Install it: pip install "bertology[onnx]"') from error
    ids = torch.full((2, 9), 7)
    given = (ids, torch.ones_like(ids), torch.zeros_like(ids))[: len(_names(encoder))]
    before = encoder.config._attn_implementation
    set_attention(encoder.model, "eager")  # "sdpa" would look for NaN in every map: 1.2 times the time at 32 x 128
    shape = {name: {0: "batch", 1: "sequence"} for name in _names(encoder)}
    try:
        with _silent():
            made: Any = torch.onnx.export(
                _Positional(encoder.model).eval(), given, input_names=list(_names(encoder)), output_names=["output"],
                dynamic_shapes=shape, dynamo=True, verbose=False,
            )  # fmt: skip
    finally:
        set_attention(encoder.model, before)
    _sums_before_norms(made.model)
    made.save(str(file), external_data=False)
    return file


def _sums_before_norms(model: Any) -> None:
    """Residual additions as `Sum`, which is the same: ONNX Runtime fuses `Add` with a layer norm into a kernel that takes 5 times as long on CPUs."""
    for node in model.graph:
        before = node.inputs[0].producer() if node.op_type == "LayerNormalization" else None
        if before is not None and before.op_type == "Add":
            before.op_type = "Sum"


def int8_dynamic(file: Path) -> Path:
    """The ONNX file with weights in int8 by channel, activations rounded as they come."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _silent():
        small = file.with_name("int8.onnx")
        quantize_dynamic(str(_prepared(file)), str(small), weight_type=QuantType.QInt8, per_channel=True)
    return _instead(small, file)


def int8_static(file: Path, shown: Sequence[Inputs]) -> Path:
    """The ONNX file with matrix products in int8, activations scaled by the largest that `shown` inputs make."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Shown(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(shown)

        def get_next(self) -> Any:
            return next(self.left, None)

    with _silent():
        small = file.with_name("int8.onnx")
        quantize_static(
            str(_prepared(file)), str(small), Shown(), quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gemm"], extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip
    return _instead(small, file)


def _prepared(file: Path) -> Path:
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = file.with_name("prepared.onnx")
    quant_pre_process(str(file), str(prepared), skip_symbolic_shape=True)
    return prepared


def _instead(small: Path, file: Path) -> Path:
    file.with_name("prepared.onnx").unlink()
    small.replace(file)
    return file


def to_openvino(file: Path) -> Path:
    """An ONNX file as OpenVINO's, weights in float32; the ONNX file goes. Raises BadRequest without openvino."""
    openvino = _openvino()
    target = file.with_suffix(".xml")
    openvino.save_model(openvino.convert_model(str(file)), str(target), compress_to_fp16=False)
    file.unlink()
    return target


def int8_openvino(file: Path, shown: Sequence[Inputs]) -> Path:
    """An OpenVINO file with weights and activations in int8, scaled on `shown` inputs. Raises BadRequest without nncf."""
    openvino = _openvino()
    try:
        import nncf  # type: ignore[import-not-found]
    except ImportError as error:
        raise BadRequest(
            f"int8 in OpenVINO needs nncf: {error}.", "Install it: pip install nncf, or export to ONNX."
        ) from error
    with _silent(), contextlib.redirect_stdout(io.StringIO()):  # nncf draws progress bars
        logging.getLogger("nncf").setLevel(logging.ERROR)
        made = nncf.quantize(
            openvino.Core().read_model(str(file)), nncf.Dataset(list(shown)), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(shown),
        )  # fmt: skip
    small = file.with_name("int8.xml")
    openvino.save_model(made, str(small), compress_to_fp16=False)
    small.replace(file)
    small.with_suffix(".bin").replace(file.with_suffix(".bin"))
    return file


def _openvino() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise BadRequest("OpenVINO is not installed.", 'Install it: pip install "bertology[openvino]"') from error
    return openvino


def exported(folder: str | Path) -> Runner:
    """The model in an exported folder as a function of a padded batch, with the threads that torch has. Raises BadRequest."""
    found = [f for name in ("model.onnx", "model.xml") if (f := Path(folder) / name).is_file()]
    if not found:
        raise BadRequest(f"{folder} holds neither model.onnx nor model.xml.", "Give the folder that `export` wrote.")
    return runner(found[0])


def runner(file: Path, *, precision: Literal["f32", "bf16"] = "f32") -> Runner:
    """An ONNX or OpenVINO file as a function; `precision` is OpenVINO's number format of what is not int8."""
    threads = torch.get_num_threads()
    if file.suffix == ".xml":
        options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision}
        compiled = _openvino().Core().compile_model(str(file), "CPU", options)
        return lambda given: np.array(next(iter(compiled(given).values())), dtype=np.float32)
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.log_severity_level = 3
    session: Any = onnxruntime.InferenceSession(str(file), settings, providers=["CPUExecutionProvider"])
    return lambda given: session.run(None, given)[0]


def _measured(
    encoder: Encoder, run: Runner, file: Path, texts: Sequence[str], shapes: Sequence[tuple[int, int]]
) -> Exported:
    differences, cosines = [], []
    for given in _inputs(encoder, texts):
        with torch.inference_mode():
            own = encoder.model(**{k: torch.from_numpy(v) for k, v in given.items()})[0].float().numpy()
        theirs = run(given)
        if own.ndim == 3:
            real = given["attention_mask"].astype(bool)
            own, theirs = own[real], theirs[real]
        differences.append(float(np.abs(own - theirs).max()))
        norms = np.linalg.norm(own, axis=-1) * np.linalg.norm(theirs, axis=-1)
        cosines.append(float(((own * theirs).sum(-1) / np.maximum(norms, 1e-12)).min()))
    speed = {}
    for batch, length in shapes:
        (given,) = _drawn(encoder, [(batch, min(length, encoder.max_length))])
        tensors = {k: torch.from_numpy(v) for k, v in given.items()}

        def torch_run(tensors: dict[str, Tensor] = tensors) -> Any:
            with torch.inference_mode():
                return encoder.model(**tensors)[0]

        speed[batch, length] = seconds(torch_run) / seconds(lambda given=given: run(given))
    size = sum(f.stat().st_size for f in file.parent.glob(f"{file.stem}.*"))
    return Exported(file, size, max(differences), min(cosines), speed)


def _inputs(encoder: Encoder, texts: Sequence[str]) -> Iterator[dict[str, NDArray[np.int64]]]:
    if not texts:
        yield from _drawn(encoder, [(3, 11), (1, 5), (7, 24)])
        return
    made = lines(encoder, texts, most=256)
    for first in range(0, len(texts), 32):
        yield made.batch(range(first, min(first + 32, len(texts))))


def _drawn(encoder: Encoder, shapes: Sequence[tuple[int, int]]) -> Iterator[dict[str, NDArray[np.int64]]]:
    rng = np.random.default_rng(0)
    ordinary = [i for i in encoder.tokenizer.get_vocab().values() if i not in set(encoder.tokenizer.all_special_ids)]
    for batch, length in shapes:
        ids = rng.choice(ordinary, (batch, length)).astype(np.int64)
        mask = np.ones_like(ids)
        if batch > 1 and length < 32:
            mask[1, length // 2 :] = 0
        made = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        yield {name: made[name] for name in _names(encoder)}


def _refuse_bad(
    report: Exported, int8: bool, most_difference: float, least_cosine: float, least_speedup: float, force: bool
) -> None:
    if force:
        return
    if not int8 and report.difference > most_difference:
        raise Refused(f"the export differs by up to {report.difference:.2g}.", "Report it, or export with --force.")
    if int8 and report.cosine < least_cosine:
        raise Refused(
            f"in int8 the lowest cosine between outputs is {report.cosine:.3f}, {least_cosine:g} is due.",
            "Keep the float model, or export with --force.",
        )
    best = max(report.speedup.values())
    if best < least_speedup:
        shown = ", ".join(f"{s:.2f}x at {b} x {n}" for (b, n), s in report.speedup.items())
        raise Refused(
            f"the export is slower than torch here: {shown}.",
            "Keep the model as it is (int8 needs VNNI or AMX to be fast), or export with --force.",
        )


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in ("torch.onnx", "onnxscript", "root")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


__all__ = [
    "Exported",
    "export",
    "exported",
    "int8_dynamic",
    "int8_openvino",
    "int8_static",
    "runner",
    "to_onnx",
    "to_openvino",
]
