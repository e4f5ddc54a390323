"""Students for a teacher: fresh ones of any smaller shape, its own layers, and the largest shape within a budget.

A fresh student has the teacher's family, tokenizer, special ids and random weights (Turc et al. 2019 show that it should be pre-trained before it
is distilled). A short one has some of the teacher's layers, whole (DistilBERT: Sanh et al. 2019; PKD: Sun et al. 2019; Theseus: Xu et al. 2020).
"""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any, Literal, NamedTuple

import torch
from transformers import CONFIG_MAPPING, AutoModel, AutoModelForMaskedLM

from bertology.compress.inference.latency import latency
from bertology.compress.teaching.layer_maps import layer_map
from bertology.encoder.cut import only
from bertology.encoder.encoder import Encoder
from bertology.encoder.families import kind
from bertology.encoder.load import wrap
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.architecture import n_parameters

Progress = Callable[[str, int, int], None]

OTHERWISE = {
    "mobilebert": "its width is that of its bottlenecks",
    "convbert": "its heads are fewer than its config says, and part of each layer is a convolution",
    "luke": "it has embeddings of entities besides",
}
"""Families whose shape is more than layers, width, heads and neurons."""


class Shape(NamedTuple):
    """Sizes of an encoder: layers, hidden dimensions, heads and neurons a layer."""

    layers: int
    width: int
    heads: int
    neurons: int


def shape(encoder: Encoder) -> Shape:
    """What the encoder's config says; of one with parts taken out, the sizes of the whole where layers differ."""
    config = encoder.config
    return Shape(encoder.n_layers, encoder.width, int(config.num_attention_heads), int(config.intermediate_size))


def student(
    teacher: Encoder,
    *,
    layers: int | None = None,
    width: int | None = None,
    heads: int | None = None,
    neurons: int | None = None,
    seed: int = 0,
) -> Encoder:
    """A fresh encoder of the teacher's family with random weights, and a language-model head if the teacher has one.

    What is not given is the teacher's, but heads follow a new width at the teacher's head width where that divides it, and neurons in proportion. Raises BadRequest for sizes
    that do not go together, or a student with more parameters than its teacher; NotApplicable for families of another kind of shape.
    """
    given = Shape(*(_filled(teacher, layers, width, heads, neurons)))
    config = _config(teacher, given)
    auto = AutoModelForMaskedLM if teacher.has_mlm else AutoModel
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _attempt(lambda: auto.from_config(config), teacher, given)
    if n_parameters(model) > _own_parameters(teacher):
        raise BadRequest(
            f"a student of {n_parameters(model):,} parameters for a teacher of {_own_parameters(teacher):,}.",
            "Give smaller sizes.",
        )
    name = f"{given.layers} x {given.width} student of {teacher.name}"
    model = model.to(device=teacher.device, dtype=teacher.dtype)
    return wrap(model, deepcopy(teacher.tokenizer), name=name, has_mlm=teacher.has_mlm)


def shortened(teacher: Encoder, layers: int, map: Literal["uniform", "first", "last"] = "uniform") -> Encoder:
    """The teacher's embeddings, head, and those of its layers that a layer map (compress/teaching/layer_maps.py) gives a student of `layers`."""
    if map not in ("uniform", "first", "last"):
        raise BadRequest(f"layers cannot be chosen by {map!r}.", "Choose uniform, first or last.")
    kept = {t for _, t in layer_map(map, layers, teacher.n_layers)}
    if len(kept) == teacher.n_layers:
        return wrap(deepcopy(teacher.model), teacher.tokenizer, name=teacher.name, has_mlm=teacher.has_mlm)
    return only(teacher, kept)


def fitting(
    teacher: Encoder,
    *,
    parameters: int | None = None,
    bytes: int | None = None,
    speedup: float | None = None,
    batch: int = 1,
    length: int = 64,
    timed: Callable[[Encoder], float] | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Shape:
    """The largest shape of the teacher's own proportions within a budget, for `student(teacher, **shape._asdict())`.

    Heads keep their width; layers, and neurons a dimension, keep their ratio to heads as nearly as whole numbers can; where the next width is too much, layers
    are added up to those of that width. Give one of: `parameters`; `bytes` of the weights in the teacher's number format; `speedup`, how many times as fast as the teacher at
    `batch` x `length` subwords, by `timed` (seconds of an encoder; measured here, so that this one can differ from run to run near a border). Raises BadRequest with the
    smallest that can be reached.
    """
    wish = {"parameters": parameters, "bytes": bytes, "speedup": speedup}
    given = {k: v for k, v in wish.items() if v is not None}
    if len(given) != 1:
        raise BadRequest(f"{' and '.join(given) or 'no budget'} was given.", "Give one of parameters, bytes, speedup.")
    ((name, budget),) = given.items()
    if budget <= (1 if name == "speedup" else 0):
        raise BadRequest(f"a {name} of {budget:g}.", "Give more than 1." if name == "speedup" else "Give more than 0.")
    ladder = _ladder(teacher)
    if name == "speedup":
        clock = timed or (lambda one: latency(one, batch=batch, length=length))
        whole = clock(teacher)
        price = lambda s: clock(student(teacher, **s._asdict())) * budget / whole  # at most 1 fits
        most, said = 1.0, lambda p: f"{budget / p:.1f} times as fast"
    else:
        each: Any = teacher.model.dtype.itemsize if name == "bytes" else 1  # type: ignore[union-attr,operator]
        price = lambda s: float(_counted(teacher, s) * each)
        most, said = float(budget), lambda p: f"{p:,.0f} {name}"
    price = cache(price)
    if price(ladder[0]) > most:
        asked = f"{budget:g} times as fast" if name == "speedup" else f"{budget:,.0f} {name}"
        raise BadRequest(
            f"the smallest student of the proportions of {teacher.name} is {said(price(ladder[0]))}, {asked} was asked.",
            "Ask for less, or also cut the vocabulary (compress/factors/vocabulary.py), factor matrices or store fewer bits.",
        )
    low, high = 0, len(ladder) - 1  # the largest that fits: prices rise along the ladder
    while low < high:
        middle = (low + high + 1) // 2
        progress(f"a shape within {name} {budget:g}", len(ladder) - (high - low), len(ladder))
        low, high = (middle, high) if price(ladder[middle]) <= most else (low, middle - 1)
    return ladder[low]


def _ladder(teacher: Encoder) -> list[Shape]:
    """Shapes from one head and the fewest layers up to the teacher's, each at least as large as the one before."""
    whole = shape(teacher)
    step = int(getattr(teacher.config, "inner_group_num", 1))
    head, ratio = whole.width / whole.heads, whole.neurons / whole.width
    depth = lambda h: max(step, round(whole.layers * h / whole.heads / step) * step)
    found = []
    for h in range(1, whole.heads + 1):
        width = round(head * h)
        most = depth(min(h + 1, whole.heads))
        for layers in range(depth(h), max(most, depth(h)) + 1, step):
            one = Shape(min(layers, whole.layers), width, h, max(1, round(ratio * width)))
            if one != whole and one not in found and _possible(teacher, one):
                found.append(one)
    found.sort(key=lambda s: (s.width, s.layers))
    return found or [whole]


def _possible(teacher: Encoder, given: Shape) -> bool:
    try:
        _counted(teacher, given)
    except BadRequest:
        return False
    return True


def _counted(teacher: Encoder, given: Shape) -> int:
    """Parameters of a student of a shape; nothing is drawn."""
    auto = AutoModelForMaskedLM if teacher.has_mlm else AutoModel
    config = _config(teacher, given)
    with torch.device("meta"):
        return n_parameters(_attempt(lambda: auto.from_config(config), teacher, given))


def _own_parameters(teacher: Encoder) -> int:
    """The teacher's without a task head, which a student has not yet."""
    trunk: Any = teacher.model if teacher.has_mlm else teacher.base
    return n_parameters(trunk)


def _filled(
    teacher: Encoder, layers: int | None, width: int | None, heads: int | None, neurons: int | None
) -> tuple[int, int, int, int]:
    """The sizes that were not given. Raises BadRequest for sizes below 1, and heads that do not divide the width."""
    whole = shape(teacher)
    wide = whole.width if width is None else width
    each = whole.width // whole.heads
    if heads is None:
        heads = whole.heads if width is None or wide % each else wide // each
    few = max(1, round(whole.neurons * wide / whole.width)) if neurons is None else neurons
    sizes = {"layers": whole.layers if layers is None else layers, "width": wide, "heads": heads, "neurons": few}
    if bad := {k: v for k, v in sizes.items() if v < 1}:
        raise BadRequest(f"a student of {', '.join(f'{v} {k}' for k, v in bad.items())}.", "Give at least 1 of each.")
    if wide % heads:
        raise BadRequest(
            f"a width of {wide} is no multiple of {heads} heads.",
            f"Give {heads * max(1, round(wide / heads))} dimensions, or heads that divide {wide}.",
        )
    step = int(getattr(teacher.config, "inner_group_num", 1))
    if sizes["layers"] % step:
        raise BadRequest(f"{sizes['layers']} layers in groups of {step}.", f"Give a multiple of {step}.")
    return sizes["layers"], wide, heads, few


def _config(teacher: Encoder, given: Shape) -> Any:
    """The family's own config of a shape; everything else is the teacher's."""
    family, before = kind(teacher.config), teacher.config
    if family in OTHERWISE:
        raise NotApplicable(f"{family} has no students of a free shape: {OTHERWISE[family]}")
    left = {k: v for k, v in before.to_dict().items() if k not in ("cut", "model_type", "architectures")}
    types = left.get("layer_types")
    if types is not None:
        left["layer_types"] = [types[k % len(types)] for k in range(given.layers // _repeats(before))]
    if isinstance(window := left.get("attention_window"), list):
        left["attention_window"] = [window[k % len(window)] for k in range(given.layers)]
    if left.get("num_key_value_heads"):
        grouped = int(before.num_attention_heads) // int(left["num_key_value_heads"])
        left["num_key_value_heads"] = max(1, given.heads // grouped)
    if left.get("head_dim"):
        left["head_dim"] = given.width // given.heads
    if left.get("pooler_hidden_size"):
        left["pooler_hidden_size"] = given.width
    for name in ("embedding_size", "input_embedding_size"):
        if left.get(name) is not None:
            left[name] = given.width if left[name] == before.hidden_size else min(int(left[name]), given.width)
    alias = getattr(CONFIG_MAPPING[family], "attribute_map", {})
    named = {
        "num_hidden_layers": given.layers // _repeats(before), "hidden_size": given.width,
        "num_attention_heads": given.heads, "intermediate_size": given.neurons,
    }  # fmt: skip
    for name, value in named.items():
        left[alias.get(name, name)] = value
    config = _attempt(lambda: CONFIG_MAPPING[family](**left), teacher, given)
    config._attn_implementation = before._attn_implementation
    return config


def _repeats(config: Any) -> int:
    return int(getattr(config, "inner_group_num", 1))


def _attempt(build: Callable[[], Any], teacher: Encoder, given: Shape) -> Any:
    """What the family's classes refuse becomes one clear error."""
    try:
        return build()
    except (ValueError, AssertionError, RuntimeError, ZeroDivisionError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
        sizes = ", ".join(f"{v} {k}" for k, v in given._asdict().items())
        raise BadRequest(f"{kind(teacher.config)} has no shape of {sizes}: {reason}", "Give other sizes.") from error
