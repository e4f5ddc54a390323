"""Few new parameters in a frozen encoder: adapters, projected attention layers, LoRA."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from bertology.record.errors import BadRequest
from bertology.train.classifier import layer_of
from bertology.train.techniques.freezing import set_trainable
from bertology.train.techniques.technique import Technique, Tuning, layers_of, replace_module


@dataclass(frozen=True)
class Adapters(Technique):
    """A bottleneck x + W_up gelu(W_down x) behind each attention and feed-forward output (Houlsby et al. 2019).

    Adapters, layer norms and the head are trained. They start near the identity. They stay in the model; a checkpoint keeps
    them under the names of the matrices they follow.
    """

    cites: ClassVar = ("houlsby-2019",)
    bottleneck: int = 64

    def prepare(self, tuning: Tuning) -> None:
        family = tuning.encoder.family
        set_trainable(tuning, lambda depth: depth > tuning.encoder.n_layers)
        for layer in layers_of(tuning):
            for path in (family.head, family.neuron):
                if path is None:
                    continue
                dense: Any = layer.get_submodule(path)
                replace_module(layer, path, _Adapted(dense, _Bottleneck(dense.out_features, self.bottleneck)))
            for module in layer.modules():
                if isinstance(module, nn.LayerNorm):
                    module.requires_grad_(True)


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
        self.dense, self.adapter = dense.requires_grad_(False), adapter

    def forward(self, x: Tensor) -> Tensor:
        return self.adapter(self.dense(x))


@dataclass(frozen=True)
class ProjectedAttention(Technique):
    """PALs (Stickland & Murray 2019): beside each layer, V_E · attention(V_D h) of small width, V_D and V_E shared by all layers.

    The encoder is frozen; PALs, layer norms and the head are trained.
    """

    cites: ClassVar = ("stickland-2019",)
    width: int = 64
    heads: int = 4

    def prepare(self, tuning: Tuning) -> None:
        set_trainable(tuning, lambda depth: depth > tuning.encoder.n_layers)
        model: Any = tuning.model
        shared = nn.ModuleDict({
            "down": nn.Linear(tuning.encoder.width, self.width, bias=False), "up": nn.Linear(self.width, tuning.encoder.width, bias=False),
        })  # fmt: skip
        nn.init.normal_(shared["up"].weight, std=1e-3)  # type: ignore[arg-type]
        layers = layers_of(tuning)
        attention = nn.ModuleList(nn.MultiheadAttention(self.width, self.heads, batch_first=True) for _ in layers)
        model.projected_attention = nn.ModuleDict({"shared": shared, "layers": attention}).to(tuning.encoder.device)
        for layer, pal in zip(layers, attention, strict=True):
            layer.register_forward_hook(_beside(shared, pal), with_kwargs=True)
            for module in layer.modules():
                if isinstance(module, nn.LayerNorm):
                    module.requires_grad_(True)
        model.register_forward_pre_hook(_remember_padding(model), with_kwargs=True)


def _remember_padding(model: Any) -> Any:
    def hook(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        mask = kwargs.get("attention_mask")
        for pal in model.projected_attention["layers"]:
            pal.padding = None if mask is None else mask == 0

    return hook


def _beside(shared: nn.ModuleDict, pal: Any) -> Any:
    def hook(module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> Any:
        states = args[0] if args else kwargs["hidden_states"]
        small = shared["down"](states)
        mixed, _ = pal(small, small, small, key_padding_mask=getattr(pal, "padding", None), need_weights=False)
        added = shared["up"](mixed)
        return (output[0] + added, *output[1:]) if isinstance(output, tuple) else output + added

    return hook


@dataclass(frozen=True)
class LoRA(Technique):
    """Low-rank updates of the attention and feed-forward matrices (Hu et al. 2022), by the library `peft`; merged at the end."""

    cites: ClassVar = ("hu-2022",)
    rank: int = 8
    scale: float = 16.0

    def prepare(self, tuning: Tuning) -> None:
        try:
            from peft import LoraConfig, inject_adapter_in_model
        except ImportError:
            raise BadRequest(
                "LoRA needs the library peft.", "Install it with `pip install bertology[train]`."
            ) from None
        named = [
            n
            for n, m in tuning.model.named_modules()
            if isinstance(m, nn.Linear) and 1 <= layer_of(f"{n}.weight", tuning.encoder) <= tuning.encoder.n_layers
        ]
        set_trainable(tuning, lambda depth: depth > tuning.encoder.n_layers)
        inject_adapter_in_model(LoraConfig(r=self.rank, lora_alpha=self.scale, target_modules=named), tuning.model)
        for name, p in tuning.model.named_parameters():
            p.requires_grad_("lora_" in name or layer_of(name, tuning.encoder) > tuning.encoder.n_layers)

    def finish(self, tuning: Tuning) -> None:
        from peft.tuners.lora import LoraLayer

        found = [(n, m) for n, m in tuning.model.named_modules() if isinstance(m, LoraLayer)]
        for name, module in found:
            module.merge()  # type: ignore[operator]
            replace_module(tuning.model, name, module.base_layer)  # type: ignore[arg-type]


__all__ = ["Adapters", "LoRA", "ProjectedAttention"]
