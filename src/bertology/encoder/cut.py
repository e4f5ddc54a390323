"""Parts of an encoder taken out for good: heads, neurons and layers, physically.

What is left computes what the whole one computes with the same parts silenced (intervene/ablate.py). Where transformers' own class has
the shape (fewer layers, fewer neurons in all), the result is of that class. Where it has none (layers with different numbers
of heads or neurons, fewer hidden dimensions, matrices as products: encoder/narrow.py), it is of a class of ours that transformers
loads by its Auto classes after `register`, as `bertology.load` does.
"""

import contextlib
import copy
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

from bertology.encoder.encoder import Encoder
from bertology.encoder.families import CUT, FAMILIES, Family, kind
from bertology.encoder.narrow import Factored, factor, narrow, ranks, widths
from bertology.encoder.sites import Site, hidden
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadRequest, NotApplicable

AUTO = (
    AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoModelForTokenClassification,
    AutoModelForQuestionAnswering,
)  # fmt: skip


class Kept(NamedTuple):
    """What stays of the whole: `layers` (from 1) in order; `heads` and `neurons` (from 0) of each layer that stays."""

    layers: tuple[int, ...]
    heads: tuple[tuple[int, ...], ...]
    neurons: tuple[tuple[int, ...], ...]


def cut(encoder: Encoder, *sites: Site) -> Encoder:
    """A copy of the encoder without the heads, neurons and layers that `sites` name; a layer is named by hidden(layer).

    Numbers are those of the given encoder, cut before or not. Raises NotApplicable for a family whose heads or neurons cannot be
    taken out, BadRequest for sites that are not there, for all layers, and where layers share weights but not their cuts.
    """
    model: Any = copy.deepcopy(encoder.model)
    family, layers = encoder.family, layer_modules(model.base_model, encoder.family)
    shared = len(layers) < encoder.n_layers
    kept = _kept(encoder, sites, sizes(model, family) * (encoder.n_layers if shared else 1))
    if shared and (len(layers) > 1 or len({*kept.heads}) > 1 or len({*kept.neurons}) > 1):
        raise BadRequest(
            f"the layers of {encoder.name} share their weights, the sites differ from layer to layer.",
            "Name the same heads and neurons in every layer, or layers.",
        )
    _take_out(model, family, kept)
    composed = _composed(encoder.config, kept)
    types = [_layer_types(encoder.config, layer) for layer in kept.layers]
    model = recast(model, {**composed, "ranks": ranks(model)} if "ranks" in composed else composed, types)
    plain = _plain(model, family)
    return Encoder((plain or model).eval(), encoder.tokenizer, family, encoder.name, encoder.has_mlm)


def recast(model: Any, record: dict[str, Any], types: Sequence[str | None] | None = None, **sizes: int) -> Any:
    """A model that has been reshaped already, as of our class, whose config says the shape.

    `record` has "kept" (Kept, in the whole's numbers), "types" (of the whole's layers) and, where they differ from the whole's, "width"
    ("of": the whole's sizes by field, "kept": dimensions) and "ranks" (of factored matrices); `sizes` are the config's fields that changed.
    """
    before = model.config
    config = _config_class(kind(before))(**_fields(before))
    config._attn_implementation, config.cut = before._attn_implementation, record
    for name, size in sizes.items():
        setattr(config, name, size)
    if types is not None:
        _set_layers(config, types)
    for module in model.modules():
        if getattr(module, "config", None) is not None:
            module.config = config
    register(kind(config))
    model.__class__ = _model_class(_whole_class(type(model)))
    return model


def shape_of(encoder: Encoder) -> dict[str, Any]:
    """What `recast` needs to know of an encoder as it is: of a whole one, that everything stays."""
    shared = len(layer_modules(encoder.base, encoder.family)) < encoder.n_layers
    counts = sizes(encoder.model, encoder.family) * (encoder.n_layers if shared else 1)
    return _composed(encoder.config, _kept(encoder, (), counts))


def only(encoder: Encoder, layers: Collection[int]) -> Encoder:
    """A copy of the encoder with these layers (from 1) alone. Raises as `cut` does."""
    return cut(encoder, *(hidden(k) for k in range(1, encoder.n_layers + 1) if k not in layers))


def register(family: str) -> None:
    """Makes transformers' Auto classes load cut encoders of a family (its `config.model_type` without "cut-")."""
    config = _config_class(family)
    if config.model_type in CONFIG_MAPPING:
        return
    AutoConfig.register(config.model_type, config)
    for auto in AUTO:
        whole = auto._model_mapping.get(CONFIG_MAPPING[family], None)
        if whole is not None and not isinstance(whole, tuple):
            auto.register(config, _model_class(whole))


@cache
def _config_class(family: str) -> Any:
    base = CONFIG_MAPPING[family]
    given = {"model_type": CUT + family, "cut": None, "__annotations__": {"cut": Any}, "__module__": __name__}
    return type(f"Cut{base.__name__}", (base,), given)


@cache
def _model_class(whole: Any) -> Any:
    """A class of transformers whose parts are taken out right after it is built."""

    def __init__(self: Any, config: Any, *args: Any, **kwargs: Any) -> None:
        layers = [_layer_types(config, layer) for layer in range(1, _n_layers(config) + 1)]
        width, family = config.cut.get("width"), FAMILIES[kind(config)]
        now = {name: getattr(config, name) for name in (width["of"] if width else ())}
        _set_layers(config, config.cut["types"])
        try:
            for name in now:
                setattr(config, name, width["of"][name])
            _, axes = widths(whole, config, family) if width else ((), {})
            whole.__init__(self, config, *args, **kwargs)
        finally:
            _set_layers(config, layers)
            for name, size in now.items():
                setattr(config, name, size)
        if width:
            narrow(self, axes, width["kept"])
        kept = Kept._make(tuple(map(tuple, part)) if k else tuple(part) for k, part in enumerate(config.cut["kept"]))
        _take_out(self, family, kept)
        factor(self, config.cut.get("ranks") or {})

    given = {
        "__init__": __init__,
        "whole": whole,
        "config_class": _config_class(kind(whole.config_class)),
        "__module__": __name__,
    }
    return type(f"Cut{whole.__name__}", (whole,), given)


def _whole_class(model: Any) -> Any:
    return getattr(model, "whole", model)


def _kept(encoder: Encoder, sites: Sequence[Site], counts: Sequence[tuple[int, int]]) -> Kept:
    """The parts that no site names. Raises for sites that cannot be taken out."""
    gone: dict[str, set[tuple[int, int | None]]] = {"hidden": set(), "head": set(), "neuron": set()}
    for site in sites:
        if site.kind not in gone:
            raise BadRequest(f"{site} cannot be taken out.", "Name heads, neurons, or layers by hidden(layer).")
        if {"head": encoder.family.into_heads, "neuron": encoder.family.into_neurons}.get(site.kind, True) == ():
            raise NotApplicable(f"{site.kind}s cannot be taken out of {kind(encoder.config)}")
        for layer in range(1, encoder.n_layers + 1) if site.layer is None else (site.layer,):
            there = 1 <= layer <= encoder.n_layers
            n = 1 if site.kind == "hidden" or not there else counts[layer - 1][site.kind == "neuron"]
            if not there or not 0 <= (site.index or 0) < max(n, 1):
                raise BadRequest(f"{encoder.name} has no {site}.", f"It has {encoder.n_layers} layers.")
            gone[site.kind] |= {(layer, i) for i in (range(n) if site.index is None else (site.index,))}
    layers = tuple(layer for layer in range(1, encoder.n_layers + 1) if (layer, 0) not in gone["hidden"])
    if not layers:
        raise BadRequest("all layers were named.", "Leave at least one.")
    stays = lambda what, k: tuple(
        tuple(i for i in range(counts[layer - 1][k]) if (layer, i) not in gone[what]) for layer in layers
    )
    return Kept(layers, stays("head", 0), stays("neuron", 1))


def sizes(model: Any, family: Family) -> list[tuple[int, int]]:
    """(heads, neurons) of each layer module of a model as it stands, cut or whole."""
    found = []
    for layer in layer_modules(model.base_model, family):
        width = layer.get_submodule(family.head).in_features if family.head else 0
        found.append(
            (width // head_width(model.config) if width else 0, layer.get_submodule(family.neuron).in_features)
        )
    return found


def head_width(config: Any) -> int:
    """Dimensions of a head, which stay when the width shrinks."""
    width = (getattr(config, "cut", None) or {}).get("width")
    whole = width["of"]["hidden_size"] if width else config.hidden_size
    return int(getattr(config, "head_dim", None) or whole // config.num_attention_heads)


def _take_out(model: Any, family: Family, kept: Kept) -> None:
    """Edits the modules: layers go, matrices lose rows and columns."""
    base = model.base_model
    modules = layer_modules(base, family)
    if len(modules) > 1 or len(kept.layers) == 1 == len(modules):
        _drop_layers(base, family, kept.layers)
    width = head_width(model.config) if family.head else 0
    for layer, heads, neurons in zip(layer_modules(base, family), kept.heads, kept.neurons, strict=False):
        if family.into_heads and heads != tuple(range(layer.get_submodule(family.head).in_features // width)):
            _keep_heads(layer, family, heads, width)
        if family.into_neurons and neurons != tuple(range(layer.get_submodule(family.neuron).in_features)):
            n = layer.get_submodule(family.neuron).in_features
            for path in family.into_neurons:
                _shrink(layer, path, rows=neurons, of=n)
            _shrink(layer, family.neuron, columns=neurons)


def _keep_heads(layer: Any, family: Family, heads: tuple[int, ...], width: int) -> None:
    assert family.head is not None
    n = layer.get_submodule(family.head).in_features
    columns = tuple(h * width + i for h in heads for i in range(width))
    for path in family.into_heads:
        if heads:
            _shrink(layer, path, rows=columns, of=n)
        else:  # attention needs a head: one that says nothing and has no weights
            parts = layer.get_submodule(path).out_features // n
            _replace(layer, path, _Silence(parts * width))
    if heads:
        _shrink(layer, family.head, columns=columns)
    else:
        _replace(layer, family.head, _BiasOnly(layer.get_submodule(family.head)))
    owner = layer.get_submodule(family.into_heads[0].rpartition(".")[0])
    for name in ("num_attention_heads", "n_heads", "num_heads", "num_key_value_heads"):
        if hasattr(owner, name):
            setattr(owner, name, max(1, len(heads)))
    if hasattr(owner, "all_head_size"):
        owner.all_head_size = max(1, len(heads)) * width  # type: ignore[assignment]


def _shrink(
    layer: nn.Module, path: str, *, rows: Sequence[int] | None = None, columns: Sequence[int] | None = None, of: int = 0
) -> None:
    """A linear map with some of its rows or columns; a fused map of k parts keeps the rows in each part of `of` rows."""
    linear = layer.get_submodule(path)
    if isinstance(linear, Factored):
        if rows is not None:
            _shrink(linear, "up", rows=rows, of=of)
        if columns is not None:
            _shrink(linear, "down", columns=columns)
        return
    assert isinstance(linear, nn.Linear)
    if rows is not None:
        every = [part * of + r for part in range(linear.out_features // of) for r in rows]
        index = torch.tensor(every, dtype=torch.long, device=linear.weight.device)
        linear.weight = nn.Parameter(linear.weight.detach().index_select(0, index), linear.weight.requires_grad)
        if linear.bias is not None:
            linear.bias = nn.Parameter(linear.bias.detach().index_select(0, index), linear.bias.requires_grad)
        linear.out_features = len(every)
    if columns is not None:
        index = torch.tensor(list(columns), dtype=torch.long, device=linear.weight.device)
        linear.weight = nn.Parameter(linear.weight.detach().index_select(1, index), linear.weight.requires_grad)
        linear.in_features = len(columns)


class _Silence(nn.Module):
    """The queries, keys and values of a layer without heads: zeros."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, states: Tensor) -> Tensor:
        return states.new_zeros(*states.shape[:-1], self.width)


class _BiasOnly(nn.Module):
    """The output projection of a layer without heads; its weight, (width, 0), says how wide the layer is."""

    def __init__(self, projection: nn.Module) -> None:
        super().__init__()
        self.weight = nn.Parameter(projection.weight.detach()[:, :0].clone(), requires_grad=False)  # type: ignore[index, union-attr]
        self.bias, self.in_features = projection.bias, 0

    @property
    def out_features(self) -> int:
        return len(self.weight)

    def forward(self, states: Tensor) -> Tensor:
        return nn.functional.linear(states[..., :0], self.weight, self.bias)  # type: ignore[arg-type]


def _replace(layer: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(layer.get_submodule(parent), name, module)


def _drop_layers(base: nn.Module, family: Family, kept: tuple[int, ...]) -> None:
    """Each list of layers without those that go; layers keep what they are, whatever their number was."""
    modules = layer_modules(base, family)
    stay = {id(modules[layer - 1]) for layer in kept}
    for parent in list(base.modules()):
        if isinstance(parent, nn.ModuleList) and any(child is m for child in parent for m in modules):
            left = [child for child in parent if id(child) in stay]
            del parent[:]
            parent.extend(left)


def _plain(model: Any, family: Family) -> Any:
    """The same as transformers' own class, where its config can say the shape and it computes the same; else None."""
    config, shapes = model.config, set(sizes(model, family))
    if config.cut.get("width") or config.cut.get("ranks"):
        return None
    whole = _whole_class(type(model))
    made = CONFIG_MAPPING[kind(config)](**_fields(config))
    made._attn_implementation = config._attn_implementation
    if len(shapes) > 1 or any(len(h) != config.num_attention_heads for h in config.cut["kept"][1]):
        return None
    made.intermediate_size = shapes.pop()[1]  # an alias in families that call it otherwise
    probe = torch.arange(6)[None] % int(config.vocab_size)
    with contextlib.suppress(Exception), torch.no_grad():
        found = whole(made).to(next(model.parameters()).device, next(model.parameters()).dtype)
        found.load_state_dict(model.state_dict(), strict=True)
        found.tie_weights()
        probe = probe.to(found.device)
        a, b = (net.eval().base_model(input_ids=probe)[0] for net in (found, model))
        if torch.equal(a, b):
            return found
    return None


def _composed(config: Any, kept: Kept) -> dict[str, Any]:
    """`kept` in the numbers of the first whole, and the layers that one had."""
    before = getattr(config, "cut", None)
    if before is None:
        types = [_layer_types(config, layer) for layer in range(1, _n_layers(config) + 1)]
        return {"kept": [list(kept.layers), *([list(x) for x in part] for part in kept[1:])], "types": types}
    layers, heads, neurons = before["kept"]
    again = lambda part, now: [[part[layer - 1][i] for i in each] for layer, each in zip(kept.layers, now, strict=True)]
    left = [[layers[layer - 1] for layer in kept.layers], again(heads, kept.heads), again(neurons, kept.neurons)]
    return {**before, "kept": left}


def _fields(config: Any) -> dict[str, Any]:
    """A config's values without what makes it of its class."""
    return {k: v for k, v in config.to_dict().items() if k not in ("cut", "model_type", "architectures")}


def _n_layers(config: Any) -> int:
    return int(config.num_hidden_layers)


def _layer_types(config: Any, layer: int) -> str | None:
    """What kind of attention a layer has, in families where that differs."""
    types: Mapping[int, str] | Sequence[str] | None = getattr(config, "layer_types", None)
    return types[layer - 1] if types is not None else None


def _set_layers(config: Any, types: Sequence[str | None]) -> None:
    """Writes the number of layers, and their kinds of attention, into a config."""
    config.num_hidden_layers = len(types)
    if getattr(config, "layer_types", None) is not None:
        config.layer_types = list(types)
