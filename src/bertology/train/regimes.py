"""Training regimes: what changes about the model or the batches while training goes on (section 5.2 of the survey).

The loop calls `begin` before the first step, `step` before every one and `end` after the last, and asks `tokens` and `layout` what a
step is made of. All are functions of the progress, the spent share of the budget from 0 to 1, so a run that goes on needs no more.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from bertology.encoder.families import AFTER_PADDING, FAMILIES, kind
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadRequest
from bertology.train.layout import Layout


@dataclass(frozen=True)
class Regime:
    """Base: changes nothing. Override what differs."""

    cites: ClassVar[tuple[str, ...]] = ()

    def begin(self, model: PreTrainedModel) -> PreTrainedModel:
        """The model to train first, made from the recipe's, or the same. Raises BadRequest for a model it does not fit."""
        return model

    def step(self, model: PreTrainedModel, progress: float, rng: np.random.Generator) -> PreTrainedModel:
        """The model for the next update; where it is another one, optimizers start anew on its parameters."""
        return model

    def end(self, model: PreTrainedModel) -> PreTrainedModel:
        """The trained model, without what only training needs."""
        return model

    def tokens(self, tokens: int, progress: float) -> int:
        """Tokens of the next update, of the recipe's `tokens_per_step`."""
        return tokens

    def layout(self, layout: Layout, progress: float) -> Layout:
        """The layout of the next update's examples."""
        return layout


@dataclass(frozen=True)
class LayerDrop(Regime):
    """Each layer is skipped with probability `rate`, drawn anew for every update and for all examples alike (Fan et al. 2020).

    Outputs are not rescaled. In evaluation mode all layers run; `every_other` then gives shallower models.
    """

    cites: ClassVar[tuple[str, ...]] = ("fan-2019",)
    rate: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise BadRequest(f"layers cannot be skipped with probability {self.rate}.", "Give one from 0 to 1.")

    def step(self, model: PreTrainedModel, progress: float, rng: np.random.Generator) -> PreTrainedModel:
        skips = getattr(model.base_model, _SKIPS, None) or _Skips.into(model)
        skips.layers = (rng.random(n_calls(model)) < self.rate).tolist()
        return model

    def end(self, model: PreTrainedModel) -> PreTrainedModel:
        skips = getattr(model.base_model, _SKIPS, None)
        if skips is not None:
            skips.out_of(model)
        return model


@dataclass(frozen=True)
class Stacking(Regime):
    """Progressive stacking (Gong et al. 2019): a shallow model is trained, copied on top of itself, and trained on.

    `stages` are numbers of layers, each twice the one before, the last the recipe's own; `at` are the shares of the budget at
    which the model is doubled. The paper trains 3, 6 and 12 layers for 50, 70 and 280 thousand steps.
    """

    cites: ClassVar[tuple[str, ...]] = ("gong-2019",)
    stages: tuple[int, ...] = (3, 6, 12)
    at: tuple[float, ...] = (0.125, 0.3)

    def __post_init__(self) -> None:
        _need_stages(len(self.stages), self.at)
        if any(deep != 2 * shallow for shallow, deep in pairwise(self.stages)) or self.stages[0] < 1:
            raise BadRequest(f"stages of {self.stages} layers do not double.", "Give for example 3, 6, 12.")

    def begin(self, model: PreTrainedModel) -> PreTrainedModel:
        """The lowest layers alone. Its parameters are the model's own, but for those of layers above."""
        layers = int(model.config.num_hidden_layers)  # type: ignore[arg-type]
        if layers != self.stages[-1]:
            raise BadRequest(f"the last stage has {self.stages[-1]} layers, the model {layers}.", "Make them equal.")
        return _sharing(with_layers(model, range(self.stages[0])), model)

    def step(self, model: PreTrainedModel, progress: float, rng: np.random.Generator) -> PreTrainedModel:
        """Doubles the model when its time has come; all parameters there were stay the same objects, for heads that share them."""
        wanted = self.stages[bisect_right(self.at, progress)]
        while int(model.config.num_hidden_layers) < wanted:  # type: ignore[arg-type]
            model = _sharing(stacked(model), model)
        return model


@dataclass(frozen=True)
class BatchWarmup(Regime):
    """The batch grows linearly from a share `start` of its size to all of it, over the first `over` of training.

    Small batches learn most per token early on, and large ones keep the gradient's noise down later (McCandlish et al. 2018).
    """

    cites: ClassVar[tuple[str, ...]] = ("mccandlish-2018",)
    start: float = 1 / 16
    over: float = 0.1

    def __post_init__(self) -> None:
        if not (0 < self.start <= 1 and 0 < self.over <= 1):
            raise BadRequest(
                f"a batch cannot grow from {self.start} of its size over {self.over} of training.",
                "Give shares from 0 to 1.",
            )

    def tokens(self, tokens: int, progress: float) -> int:
        share = self.start + (1 - self.start) * min(1.0, progress / self.over)
        return max(1, round(tokens * share))


@dataclass(frozen=True)
class Phases(Regime):
    """Short examples first, long ones at the end: attention's cost grows with the square of the length.

    `lengths` in subwords, `at` the shares of the budget at which the next begins. BERT takes 128 for the first 90 % and 512 for
    the rest (Devlin et al. 2019; You et al. 2020 with large batches). The tokens of an update stay the same.
    """

    cites: ClassVar[tuple[str, ...]] = ("devlin-2019", "you-2019")
    lengths: tuple[int, ...] = (128, 512)
    at: tuple[float, ...] = (0.9,)

    def __post_init__(self) -> None:
        _need_stages(len(self.lengths), self.at)

    def begin(self, model: PreTrainedModel) -> PreTrainedModel:
        config: Any = model.config
        most = getattr(config, "max_position_embeddings", None)
        room = None if most is None else most - (2 if kind(config) in AFTER_PADDING else 0)
        if room is not None and room < max(self.lengths):
            raise BadRequest(
                f"examples of {max(self.lengths)} subwords, but the model has {room} positions.", "Give it as many."
            )
        return model

    def layout(self, layout: Layout, progress: float) -> Layout:
        return replace(layout, length=self.lengths[bisect_right(self.at, progress)])  # type: ignore[type-var]


def stacked(model: PreTrainedModel) -> PreTrainedModel:
    """A model with twice the layers, layer l + n a copy of layer l (Gong et al. 2019). Nothing is shared with the model given.

    A layer without a first norm (ModernBERT's first) is copied to one that has a fresh one. One module that is called n
    times (ALBERT) is called 2n times.
    """
    layers = range(int(model.config.num_hidden_layers))  # type: ignore[arg-type]
    return with_layers(model, [*layers, *layers])


def every_other(model: PreTrainedModel, keep: int) -> PreTrainedModel:
    """A plain model with `keep` of n layers, evenly spread: every d-th is left out for keep = n - n / d (Fan et al. 2020)."""
    n = int(model.config.num_hidden_layers)  # type: ignore[arg-type]
    if not 1 <= keep <= n:
        raise BadRequest(f"{keep} of {n} layers cannot be kept.", f"Keep from 1 to {n}.")
    return with_layers(model, [k * n // keep for k in range(keep)])


def with_layers(model: PreTrainedModel, sources: Sequence[int]) -> PreTrainedModel:
    """A new model of the same class whose k-th layer is a copy of layer `sources[k]`, from 0; all else is copied.

    Raises BadRequest where layers are no modules of their own, cannot be the first, or belong together (sandwich order).
    """
    config: Any = deepcopy(model.config)
    n = int(config.num_hidden_layers)
    if not sources or min(sources) < 0 or max(sources) >= n:
        raise BadRequest(f"layers {list(sources)} of {n}.", f"Give numbers from 0 to {n - 1}.")
    path = _layer_path(model)
    config.num_hidden_layers = len(sources)
    if isinstance(types := getattr(config, "layer_types", None), list):
        config.layer_types = [types[k] for k in sources]
    with torch.random.fork_rng(devices=[]):
        new = type(model)(config)
    for name, module in model.base_model._modules.items():
        if module is None:
            new.base_model._modules[name] = None
    given, made = model.state_dict(), new.state_dict()
    origin = {name: path.sub(lambda m: f"{m[1]}{sources[int(m[2])]}{m[3]}", name) if path else name for name in made}
    _need_all(model, given, origin, path, sources)
    new.load_state_dict({name: given.get(source, made[name]) for name, source in origin.items()})
    wanted = dict(model.named_parameters(remove_duplicate=False))
    for name, parameter in new.named_parameters(remove_duplicate=False):
        if origin[name] in wanted:
            parameter.requires_grad_(wanted[origin[name]].requires_grad)
    return new.to(device=model.device, dtype=model.dtype).train(model.training)  # type: ignore[call-arg]


def n_calls(model: PreTrainedModel) -> int:
    """How many layers run in one pass; ALBERT may have several to a group."""
    config: Any = model.config
    return int(config.num_hidden_layers) * int(getattr(config, "inner_group_num", 1))


_SKIPS = "_skips"


@dataclass(eq=False)
class _Skips:
    """Which layers of a pass are skipped, by the order of their calls."""

    layers: list[bool] = field(default_factory=list)
    at: int = 0
    tuples: dict[type, int] = field(default_factory=dict)
    """By class of layer: 0 where it returns a tensor, else the length of its tuple."""
    handle: Any = None

    @classmethod
    def into(cls, model: PreTrainedModel) -> "_Skips":
        base: Any = model.base_model
        skips = cls()
        for layer in layer_modules(base, FAMILIES[kind(base.config)]):
            layer.forward = partial(_run_or_skip, layer, skips)  # type: ignore[method-assign]
        skips.handle = base.register_forward_pre_hook(skips.restart)
        setattr(base, _SKIPS, skips)
        return skips

    def out_of(self, model: PreTrainedModel) -> None:
        base: Any = model.base_model
        for layer in layer_modules(base, FAMILIES[kind(base.config)]):
            del layer.forward
        self.handle.remove()
        delattr(base, _SKIPS)

    def restart(self, module: nn.Module, args: Any) -> None:
        self.at = 0


def _run_or_skip(layer: nn.Module, skips: _Skips, *args: Any, **kwargs: Any) -> Any:
    """The layer's output, or its input in the same form."""
    skip = layer.training and skips.layers[skips.at]
    skips.at += 1
    run = partial(type(layer).forward, layer)
    if not skip:
        return run(*args, **kwargs)
    if type(layer) not in skips.tuples:  # seen once, without dropout, so that no random number is spent on looking
        with torch.no_grad():
            layer.eval()
            output = run(*args, **kwargs)
            layer.train()
        skips.tuples[type(layer)] = len(output) if isinstance(output, tuple) else 0
    length = skips.tuples[type(layer)]
    states = args[0] if args else kwargs["hidden_states"]
    return (states, *[None] * (length - 1)) if length else states


def _layer_path(model: PreTrainedModel) -> "re.Pattern[str] | None":
    """Matches the names of layers' weights as (before, number, after); None where one module is all layers."""
    base: Any = model.base_model
    row = FAMILIES.get(kind(base.config))
    if row is None or getattr(base.config, "sandwich", 0):
        raise BadRequest(f"layers of {base.config.model_type} cannot be copied one by one.", "Train all of them.")
    before, *rest = row.layers.split("*")
    if any(rest):  # groups of layers
        if len(layer_modules(base, row)) > 1:
            raise BadRequest(
                f"the layers of this {base.config.model_type} are shared in groups.", "Share all or none of them."
            )
        return None
    prefix = "" if base is model else f"{model.base_model_prefix}."
    return re.compile(rf"^({re.escape(prefix + before)})(\d+)(\..*)$")


def _need_all(
    model: PreTrainedModel, given: dict[str, Tensor], origin: dict[str, str], path: Any, sources: Sequence[int]
) -> None:
    """Raises BadRequest when a kept layer has weights that the new place does not."""
    placed = set(origin.values())
    lost = [
        name
        for name in given
        if (match := path and path.match(name)) and int(match[2]) in sources and name not in placed
    ]
    if lost:
        raise BadRequest(
            f"{type(model).__name__} has no place for {lost[0]} in its new order.", "Keep layer 0 as the first."
        )


def _sharing(new: PreTrainedModel, old: PreTrainedModel) -> PreTrainedModel:
    """The new model with the old one's parameter objects wherever it has one of the same name."""
    names = dict(new.named_parameters(remove_duplicate=False))
    for name, parameter in old.named_parameters(remove_duplicate=False):
        if name in names:
            parent, _, leaf = name.rpartition(".")
            setattr(new.get_submodule(parent), leaf, parameter)
    return new


def _need_stages(n: int, at: tuple[float, ...]) -> None:
    if len(at) != n - 1 or list(at) != sorted(set(at)) or any(not 0 < share < 1 for share in at):
        raise BadRequest(
            f"{n} stages cannot begin at shares {at} of the budget.", f"Give {n - 1} rising shares between 0 and 1."
        )
