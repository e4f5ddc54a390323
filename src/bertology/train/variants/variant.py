"""How an attention variant lives in a transformers model: named in the config, built with the model, called as its attention.

transformers lets attention be replaced by name (AttentionInterface), but keeps neither the name nor parameters of it in a
checkpoint. Here the config keeps both: `attention_variant` says what the variant is, and every model that is built from such a
config gets it before its weights are loaded. The backend (eager, sdpa) stays free to be switched.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import Any, ClassVar, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from bertology.encoder.families import FAMILIES
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadRequest

BACKENDS = ("eager", "sdpa")


@dataclass(frozen=True)
class Variant:
    """Another way to compute attention weights in every layer. Subclasses have a `name` and make the `part` of a layer."""

    name: ClassVar[str] = ""

    def part(self, heads: int) -> "Part":
        """What is put into each attention module; its parameters are trained and saved with the model."""
        raise NotImplementedError

    def mark(self, config: Any) -> None:
        """Writes the variant into a config; models built from it have the variant.

        A program that does not know the variant refuses such a config, instead of computing plain attention.
        """
        options = {field.name: getattr(self, field.name) for field in fields(self)}
        config.attention_variant = {"name": self.name} | {
            name: list(value) if isinstance(value, tuple) else value for name, value in options.items()
        }
        config.attn_implementation = self.name

    def apply(self, model: PreTrainedModel) -> PreTrainedModel:
        """The same model with the variant in every layer. Raises BadRequest where the family or its sizes do not allow it."""
        had = getattr(model.config, "attention_variant", None)
        if had is not None:
            raise BadRequest(
                f"the model has the variant {had['name']!r} already.", "Apply one variant to a fresh model."
            )
        _install(model.base_model, self)  # type: ignore[arg-type]
        self.mark(model.config)
        return model


class Part(nn.Module):
    """One layer's variant: `weights` for the eager backend, where they are read and edited at the softmax; `mixed` for sdpa."""

    def weights(
        self,
        scores: Float[Tensor, "batch head query key"],
        mask: Tensor | None,
    ) -> Float[Tensor, "batch head query key"]:
        """Attention weights of scaled scores under a mask. The last thing it calls is a softmax (encoder/watch.py)."""
        raise NotImplementedError

    def mixed(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, dropout: float
    ) -> Float[Tensor, "batch head query size"]:
        """Values mixed by the weights, without showing them."""
        weights = self.weights(query @ key.transpose(2, 3) * scaling, mask)
        return nn.functional.dropout(weights, dropout, training=dropout > 0).to(value.dtype) @ value


def visible(mask: Tensor | None, n_query: int, n_key: int, device: torch.device) -> Bool[Tensor, "row 1 query key"]:
    """Where a mask of either backend lets a query look: sdpa's is boolean, eager's is added to the scores."""
    if mask is None:
        return torch.ones((1, 1, n_query, n_key), dtype=torch.bool, device=device)
    sees = mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 2
    return sees.expand(-1, -1, n_query, n_key)


def hidden_from(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Scores that are too low to matter where the mask hides a key."""
    if mask is None:
        return scores
    if mask.dtype == torch.bool:
        return scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores + mask


V = TypeVar("V", bound=Variant)


def register(kind: type[V]) -> type[V]:
    """Makes a variant known to transformers and to configs, under its name."""
    _KINDS[kind.name] = kind
    ALL_ATTENTION_FUNCTIONS.register(kind.name, _unplaced)
    for backend in BACKENDS:
        ALL_ATTENTION_FUNCTIONS.register(f"{kind.name}|{backend}", _FUNCTIONS[backend])
    return kind


_KINDS: dict[str, type[Variant]] = {}


def _eager(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None,
    scaling: float | None = None, dropout: float = 0.0, **_: Any,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    key, value = _every_head(query, key), _every_head(query, value)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    weights = module.attention_variant.weights(query @ key.transpose(2, 3) * scale, attention_mask).to(value.dtype)
    mixed = nn.functional.dropout(weights, dropout, training=module.training) @ value
    return mixed.transpose(1, 2).contiguous(), weights


def _sdpa(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None,
    scaling: float | None = None, dropout: float = 0.0, **_: Any,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    key, value = _every_head(query, key), _every_head(query, value)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    dropout = dropout if module.training else 0.0
    mixed = module.attention_variant.mixed(query, key, value, attention_mask, scale, dropout)
    return mixed.transpose(1, 2).contiguous(), None


def _unplaced(*_: Any, **__: Any) -> Any:
    raise BadRequest("the model's config names an attention variant that it was built without.",
                     "Build the model anew from its config, or load it again.")  # fmt: skip


_FUNCTIONS: dict[str, Callable[..., Any]] = {"eager": _eager, "sdpa": _sdpa}


def _every_head(query: Tensor, shared: Tensor) -> Tensor:
    """Keys or values once for each head that shares them."""
    times = query.shape[1] // shared.shape[1]
    return shared if times == 1 else shared.repeat_interleave(times, dim=1)


class _Pinned:
    """An attention module's view of the config: all as it is, but attention under any backend is the variant's."""

    def __init__(self, config: Any, variant: str) -> None:
        vars(self).update(_config=config, _variant=variant)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_config" not in vars(self):  # copying asks before there is a config
            raise AttributeError(name)
        return getattr(self._config, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_attn_implementation":
            value = value.removeprefix(f"{self._variant}|")
        setattr(self._config, name, value)

    @property
    def _attn_implementation(self) -> str:
        return f"{self._variant}|{self._config._attn_implementation}"


def _install(base: PreTrainedModel, variant: Variant) -> None:
    """Puts the variant's parts into a base model and lets its attention modules call them."""
    config: Any = base.config
    row = FAMILIES.get(config.model_type)
    if row is None or row.value is None or not base._can_set_attn_implementation():
        raise BadRequest(
            f"the attention of {config.model_type} cannot be replaced: transformers computes it inside the model.",
            "Choose a family with exchangeable attention, such as bert, roberta, albert or modernbert.",
        )
    for layer in layer_modules(base, row):
        attention = layer.get_submodule(row.value.rpartition(".")[0])
        attention.attention_variant = variant.part(int(config.num_attention_heads))
        attention.config = _Pinned(config, variant.name)  # type: ignore[assignment]
    if config._attn_implementation not in BACKENDS:
        config._attn_implementation = base.get_correct_attn_implementation(None)


def _from(saved: dict[str, Any]) -> Variant:
    kind = _KINDS.get(saved["name"])
    if kind is None:
        raise BadRequest(f"there is no attention variant {saved['name']!r}.", f"Choose one of {', '.join(_KINDS)}.")
    options = {name: tuple(v) if isinstance(v, list) else v for name, v in saved.items() if name != "name"}
    return kind(**options)


_plain_post_init = PreTrainedModel.post_init


@wraps(_plain_post_init)
def _post_init(self: PreTrainedModel) -> None:
    """transformers calls this when a model's modules stand and before its weights are drawn or loaded: the only place in
    which a checkpoint's own parameters can join a class that does not know of them."""
    saved = getattr(self.config, "attention_variant", None)
    if saved is not None and self.base_model is self:
        variant = _from(saved)
        _install(self, variant)
        variant.mark(self.config)
    _plain_post_init(self)


PreTrainedModel.post_init = _post_init  # type: ignore[method-assign]
