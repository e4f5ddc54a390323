"""Shapes beyond parts, for encoder/cut.py: fewer hidden dimensions, and matrices as products of two thin ones.

Which axes of which weights are the hidden dimensions is found by behaviour: the model is built twice without memory, once twice as
wide, and what grows is an axis of the width, unless it lies between the queries, keys and values and the attention's output matrix.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bertology.encoder.families import Family, kind
from bertology.encoder.watch import layer_modules
from bertology.record.errors import NotApplicable

WIDTHS = ("hidden_size", "pooler_hidden_size")
EMBEDDING_WIDTHS = ("embedding_size", "input_embedding_size", "output_embedding_size")
"""Fields of configs that are widths; those of embeddings only where there is no map from them to the hidden dimensions."""

Axes = Mapping[str, tuple[int, ...]]
"""The axes of each parameter that are the hidden dimensions, by name."""


class Factored(nn.Module):
    """A linear map of rank r: x -> up(down(x)). `weight` is the product, (out, in)."""

    def __init__(self, into: int, out: int, rank: int, *, bias: bool) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(into, rank, bias=False), nn.Linear(rank, out, bias=bias)

    @property
    def in_features(self) -> int:
        return self.down.in_features

    @property
    def out_features(self) -> int:
        return self.up.out_features

    @property
    def weight(self) -> Tensor:
        return self.up.weight @ self.down.weight

    @property
    def bias(self) -> Tensor | None:
        return self.up.bias

    def forward(self, states: Tensor) -> Tensor:
        return self.up(self.down(states))


class FactoredEmbedding(nn.Module):
    """An embedding of rank r: a thin table and a map up to the width. `weight` is the product, (subword, width)."""

    def __init__(self, number: int, width: int, rank: int, padding: int | None) -> None:
        super().__init__()
        self.table, self.up = nn.Embedding(number, rank, padding_idx=padding), nn.Linear(rank, width, bias=False)

    @property
    def num_embeddings(self) -> int:
        return self.table.num_embeddings

    @property
    def embedding_dim(self) -> int:
        return self.up.out_features

    @property
    def padding_idx(self) -> int | None:
        return self.table.padding_idx

    @property
    def weight(self) -> Tensor:
        return self.table.weight @ self.up.weight.T

    def forward(self, ids: Tensor) -> Tensor:
        return self.up(self.table(ids))


class TiedDecoder(nn.Module):
    """Logits over the vocabulary by a factored embedding's own weights; it owns the bias only."""

    def __init__(self, embedding: FactoredEmbedding, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.of = [embedding]  # in a list: its weights are not this module's
        self.bias = bias

    @property
    def weight(self) -> Tensor:
        return self.of[0].weight

    def forward(self, states: Tensor) -> Tensor:
        thin = linear(states, self.of[0].up.weight.T)
        return linear(thin, self.of[0].table.weight, self.bias)


def ranks(model: Any) -> dict[str, int]:
    """The rank of each factored matrix of the trunk, by its name in it."""
    found = {}
    for name, module in model.base_model.named_modules():
        if isinstance(module, Factored):
            found[name] = module.down.out_features
        elif isinstance(module, FactoredEmbedding):
            found[name] = module.table.embedding_dim
    return found


def factor(model: Any, wanted: Mapping[str, int]) -> None:
    """Puts factored matrices, with weights yet to be given, in the place of the trunk's matrices of these names."""
    for name, rank in wanted.items():
        module = model.base_model.get_submodule(name)
        if isinstance(module, nn.Embedding):
            given: nn.Module = FactoredEmbedding(
                module.num_embeddings, module.embedding_dim, rank, module.padding_idx
            ).to(module.weight)
            _tie(model, module, given)  # type: ignore[arg-type]
        else:
            given = Factored(module.in_features, module.out_features, rank, bias=module.bias is not None)
            given = given.to(module.weight)
        parent, _, last = name.rpartition(".")
        setattr(model.base_model.get_submodule(parent), last, given)


def _tie(model: Any, embedding: nn.Embedding, given: FactoredEmbedding) -> None:
    """A decoder that shares the embedding's weights shares those of the factored one."""
    head = model.get_output_embeddings()
    if not isinstance(head, nn.Linear) or not getattr(model.config, "tie_word_embeddings", False):
        return
    name = next(path for path, module in model.named_modules() if module is head)
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, TiedDecoder(given, head.bias))
    keys = dict(model._tied_weights_keys or {})
    model._tied_weights_keys = {k: v for k, v in keys.items() if k != f"{name}.weight"}
    model.all_tied_weights_keys = {k: v for k, v in model.all_tied_weights_keys.items() if k != f"{name}.weight"}


def narrow(model: Any, axes: Axes, kept: Sequence[int]) -> None:
    """Keeps these hidden dimensions on every axis of the width; tied weights stay tied."""
    done: dict[int, nn.Parameter] = {}
    for name, module in model.named_modules():
        for key, p in list(module._parameters.items()):
            along = axes.get(f"{name}.{key}" if name else key, ())
            if p is None or not along:
                continue
            if id(p) not in done:
                less = p.detach()
                for axis in along:
                    less = less.index_select(axis, torch.tensor(list(kept), device=p.device))
                done[id(p)] = nn.Parameter(less, p.requires_grad)
            module._parameters[key] = done[id(p)]
        _resize(module)


def _resize(module: nn.Module) -> None:
    """What a module says of its sizes, from its weight."""
    for of, names in _SIZES.items():
        if isinstance(module, of):
            for axis, name in enumerate(names):
                setattr(module, name, module.weight.shape[axis])  # type: ignore[union-attr]
    if hasattr(module, "normalized_shape") and getattr(module, "weight", None) is not None:
        module.normalized_shape = tuple(module.weight.shape)  # type: ignore[union-attr]


_SIZES: dict[type[nn.Module], tuple[str, str]] = {
    nn.Linear: ("out_features", "in_features"),
    nn.Embedding: ("num_embeddings", "embedding_dim"),
    nn.Conv1d: ("out_channels", "in_channels"),
}


def widths(build: type, config: Any, family: Family) -> tuple[tuple[str, ...], Axes]:
    """The config's fields that are the width, and the axes that are. Raises NotApplicable where an axis follows it otherwise."""
    size = int(config.hidden_size)
    equal = lambda names: tuple(n for n in names if getattr(config, n, None) == size)
    once = _built(build, config)
    for fields in (equal(WIDTHS), equal((*WIDTHS, *EMBEDDING_WIDTHS))):
        twice = _built(build, doubled(config, fields))
        a, b = (dict(m.named_parameters(remove_duplicate=False)) for m in (once, twice))
        if a.keys() == b.keys():
            break
    else:
        raise NotApplicable(f"{kind(config)} of another width has other weights")
    between = _between(once, family)
    axes = {}
    for name, p in a.items():
        grown = [k for k in range(p.ndim) if p.shape[k] != b[name].shape[k]]
        along = tuple(k for k in grown if not _inside(name, between.get(k, ())))
        if any(p.shape[k] != size for k in along):
            raise NotApplicable(f"{name} of {kind(config)} follows the width in a way of its own")
        axes[name] = along
    return fields, axes


def doubled(config: Any, fields: Sequence[str]) -> Any:
    """The same config twice as wide, all dimensions kept."""
    wide = deepcopy(config)
    for name in fields:
        setattr(wide, name, 2 * int(getattr(config, name)))
    record = deepcopy(getattr(config, "cut", None))
    if record and record.get("width"):
        record["width"]["of"] = {k: 2 * v for k, v in record["width"]["of"].items()}
        record["width"]["kept"] = list(range(2 * len(record["width"]["kept"])))
        wide.cut = record
    return wide


def _built(build: type, config: Any) -> Any:
    with torch.device("meta"):
        return build(deepcopy(config))


def _between(model: Any, family: Family) -> dict[int, tuple[str, ...]]:
    """Names of the maps into heads, whose rows are no hidden dimensions (0), and of those out of heads, whose columns are none (1)."""
    if not family.head:
        return {}
    into, out = [], []
    names = {id(module): name for name, module in model.named_modules()}
    for layer in layer_modules(model.base_model, family):
        head = layer.get_submodule(family.head)
        place = (family.value or family.into_heads[0]).rpartition(".")[0]
        own = layer.get_submodule(place)
        into += [
            f"{names[id(own)]}.{key}" for key, _ in own.named_parameters(recurse=False)
        ]  # biases of queries, values
        for module in own.modules():
            maps = isinstance(module, nn.Linear | Factored) and module is not head
            if maps and not names[id(module)].startswith(f"{names[id(head)]}."):
                into.append(names[id(module)])
        out.append(names[id(head)])
    return {0: tuple(into), 1: tuple(out)}


def _inside(name: str, modules: Sequence[str]) -> bool:
    """Whether a parameter is, or belongs to, one of these."""
    return any(name == m or name.startswith(f"{m}.") for m in modules)
