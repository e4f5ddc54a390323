"""Few new parameters in a frozen encoder: adapters, projected attention layers, LoRA."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from bertology.record.errors import BadRequest
from bertology.train.techniques.technique import (
    Technique,
    Tuning,
    freeze,
    layers_of,
    merge,
    replace_module,
    train_norms,
    trunk_linears,
)


@dataclass(frozen=True)
class Adapters(Technique):
    """A bottleneck x + W_up gelu(W_down x) behind each attention and feed-forward output (Houlsby et al. 2019).

    Adapters, layer norms and the head are trained. They start near the identity, and they stay in the model.
    """

    cites: ClassVar = ("houlsby-2019",)
    plain: ClassVar = False
    bottleneck: int = 64

    def prepare(self, tuning: Tuning) -> None:
        freeze(tuning, lambda depth: depth <= tuning.encoder.n_layers)
        train_norms(tuning)
        family = tuning.encoder.family
        for layer in layers_of(tuning):
            for path in filter(None, (family.head, family.neuron)):
                dense: Any = layer.get_submodule(path)
                adapter = _Bottleneck(dense.out_features, self.bottleneck).to(tuning.encoder.device)
                replace_module(layer, path, _Adapted(dense, adapter))


class _Bottleneck(nn.Module):
    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, size), nn.Linear(size, width)
        nn.init.normal_(self.down.weight, std=1e-2)
        nn.init.normal_(self.up.weight, std=1e-3)
        nn.init.zeros_(self.down.bias)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.up(nn.functional.gelu(self.down(x)))


class _Adapted(nn.Module):
    def __init__(self, dense: nn.Module, adapter: nn.Module) -> None:
        super().__init__()
        self.dense_before, self.adapter = dense, adapter

    def forward(self, x: Tensor) -> Tensor:
        return self.adapter(self.dense_before(x))


@dataclass(frozen=True)
class ProjectedAttention(Technique):
    """PALs (Stickland & Murray 2019): V_E · attention(V_D h) of small width beside each layer, h being the layer's input; it is added to
    the feed-forward output before the residual sum. V_D and V_E are shared by all layers.

    The encoder is frozen; PALs, layer norms and the head are trained. (The paper trains the encoder too, on several
    tasks at once with annealed sampling; one task is tuned here.) PALs stay in the model.
    """

    cites: ClassVar = ("stickland-2019",)
    plain: ClassVar = False
    width: int = 204
    heads: int = 12

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise BadRequest(f"{self.heads} heads do not divide a width of {self.width}.", "Give a multiple.")

    def prepare(self, tuning: Tuning) -> None:
        freeze(tuning, lambda depth: depth <= tuning.encoder.n_layers)
        train_norms(tuning)
        model: Any = tuning.model
        layers = layers_of(tuning)
        model.projected_attention = _Beside(tuning.encoder.width, self.width, self.heads, len(layers))
        model.projected_attention.to(tuning.encoder.device)
        model.register_forward_pre_hook(model.projected_attention.remember_padding, with_kwargs=True)
        pals: Any = model.projected_attention.layers
        for layer, pal in zip(layers, pals, strict=True):
            layer.register_forward_pre_hook(pal.remember_input, with_kwargs=True)
            layer.get_submodule(tuning.encoder.family.neuron).register_forward_hook(pal.add)


class _Beside(nn.Module):
    """The two shared matrices and one attention a layer; hooks are its methods, so that copies of a model stay apart."""

    def __init__(self, width: int, small: int, heads: int, layers: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, small, bias=False), nn.Linear(small, width, bias=False)
        nn.init.normal_(self.up.weight, std=1e-3)
        self.layers = nn.ModuleList(_Pal(small, heads, [self]) for _ in range(layers))
        self.padding: Tensor | None = None

    def remember_padding(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        mask = kwargs.get("attention_mask")
        self.padding = None if mask is None else mask == 0


class _Pal(nn.Module):
    def __init__(self, small: int, heads: int, shared: list[_Beside]) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(small, heads, batch_first=True)
        self.shared = shared  # in a list: no submodule
        self.states: Tensor | None = None

    def remember_input(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        self.states = args[0] if args else kwargs["hidden_states"]

    def add(self, module: nn.Module, args: Any, output: Tensor) -> Tensor:
        (shared,) = self.shared
        small = shared.down(self.states)
        mixed, _ = self.attention(small, small, small, key_padding_mask=shared.padding, need_weights=False)
        self.states = None
        return output + shared.up(mixed).reshape(output.shape)


@dataclass(frozen=True)
class LoRA(Technique):
    """Low-rank updates W + scale / rank · B A of the layers' matrices, B starting at zero (Hu et al. 2022); merged at the end."""

    cites: ClassVar = ("hu-2022",)
    rank: int = 8
    scale: float = 16.0

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise BadRequest(f"LoRA of rank {self.rank}.", "Give a rank of at least 1.")

    def prepare(self, tuning: Tuning) -> None:
        freeze(tuning, lambda depth: depth <= tuning.encoder.n_layers)
        for module in list(trunk_linears(tuning)):
            update = _LowRank(module.out_features, module.in_features, self.rank, self.scale).to(module.weight.device)
            parametrize.register_parametrization(module, "weight", update)

    def finish(self, tuning: Tuning) -> None:
        merge(tuning.model)


class _LowRank(nn.Module):
    def __init__(self, out: int, into: int, rank: int, scale: float) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.empty(rank, into))
        self.up = nn.Parameter(torch.zeros(out, rank))
        nn.init.kaiming_uniform_(self.down, a=5**0.5)
        self.scale = scale / rank

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.scale * self.up @ self.down


__all__ = ["Adapters", "LoRA", "ProjectedAttention"]
