"""A family's own classification model whose layers run one by one, each given what the layers before it left: fewer texts, fewer tokens.

The model's forward stays its own, so masks, positions and heads are its own; each call of a layer goes through a function of ours.
Which of a layer's arguments go along with the texts, and which with the tokens, is found by running it on batches of two sizes.
Such models are classes of ours: `register` makes transformers' Auto classes know them, as `bertology.load` does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache, partial
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CONFIG_MAPPING, AutoConfig, AutoModel, AutoModelForSequenceClassification

from bertology.encoder import cut
from bertology.encoder.encoder import Encoder
from bertology.encoder.families import CUT, FAMILIES, kind
from bertology.encoder.load import wrap
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import classifier
from bertology.train.task import Task
from bertology.train.techniques.technique import first

Way = tuple[str | int, ...]
"""Where a tensor lies in the arguments of a layer: position or name, then places in tuples."""
Axes = dict[Way, tuple[int, ...]]
Layer = Callable[[int, nn.Module, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""(number from 1, module, its own forward, arguments by position, by name) -> what the layer returns."""


@contextmanager
def layer_by_layer(base: nn.Module, run: Layer) -> Iterator[None]:
    """Inside, each call of a layer of the trunk goes through `run`; calls are numbered, so layers may share a module."""
    modules = list(dict.fromkeys(layer_modules(base, FAMILIES[kind(base.config)])))
    own = {module: module.forward for module in modules}
    before = {module: module.__dict__.get("forward") for module in modules}
    number = count(1)
    for module in modules:
        module.forward = partial(  # type: ignore[method-assign]
            lambda module, *args, **kwargs: run(next(number), module, own[module], args, kwargs), module
        )
    try:
        yield
    finally:
        for module in modules:
            del module.forward
            if before[module] is not None:
                module.forward = before[module]  # type: ignore[method-assign]


def states_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """The hidden states that a layer is given."""
    return args[0] if args else kwargs["hidden_states"]


def with_states(
    args: tuple[Any, ...], kwargs: dict[str, Any], states: Tensor
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A layer's arguments with other hidden states."""
    return ((states, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": states})


def with_output(output: Any, states: Tensor) -> Any:
    """What a layer returned, with other hidden states."""
    return (states, *output[1:]) if isinstance(output, tuple) else states


def altered(args: tuple[Any, ...], kwargs: dict[str, Any], change: Callable[[Way, Tensor], Tensor]) -> Any:
    """A layer's arguments with `change` made to every tensor in them but the hidden states."""

    def walk(way: Way, value: Any) -> Any:
        if isinstance(value, Tensor):
            return change(way, value)
        if isinstance(value, tuple | list):
            return type(value)(walk((*way, i), v) for i, v in enumerate(value))
        return value

    positional = tuple(v if i == 0 else walk((i,), v) for i, v in enumerate(args))
    return positional, {k: v if k == "hidden_states" else walk((k,), v) for k, v in kwargs.items()}


class Ours:
    """What classes of ours share. `prefix` stands before the model type, `field` names what the config has more."""

    prefix: str
    field: str

    def complete(self) -> None:
        """Adds what the family's own class has not."""
        raise NotImplementedError


def row_axes(model: Any) -> Axes:
    """The axes of a layer's arguments that go along with the number of texts."""
    return _axes(model, "_row_axes", (2, 9), (3, 9))


def token_axes(model: Any) -> Axes:
    """The axes of a layer's arguments that go along with the number of tokens."""
    return _axes(model, "_token_axes", (2, 9), (2, 11))


def _axes(model: Any, name: str, *sizes: tuple[int, int]) -> Axes:
    if name not in model.__dict__:
        a, b = (_shapes(model, *size) for size in sizes)
        differing = lambda x, y: tuple(i for i, (m, n) in enumerate(zip(x, y, strict=True)) if m != n)
        model.__dict__[name] = {way: differing(a[way], b[way]) for way in a if len(a[way]) == len(b.get(way, ()))}
    return model.__dict__[name]


def _shapes(model: Any, rows: int, tokens: int) -> dict[Way, tuple[int, ...]]:
    """The shapes of a layer's arguments, all layers together, for texts of which the last is shorter."""
    found: dict[Way, tuple[int, ...]] = {}

    def note(number: int, module: nn.Module, run: Any, args: Any, kwargs: Any) -> Any:
        def seen(way: Way, tensor: Tensor) -> Tensor:
            found[way] = tuple(tensor.shape)
            return tensor

        altered(args, kwargs, seen)
        return run(*args, **kwargs)

    device = next(model.parameters()).device
    ids = torch.full((rows, tokens), int(model.config.vocab_size) - 1, device=device)
    mask = torch.ones_like(ids)
    mask[-1, -2:] = 0
    training = model.training
    with torch.no_grad(), layer_by_layer(model.base_model, note):
        model.base_model.eval()(input_ids=ids, attention_mask=mask)
    model.train(training)
    return found


def in_our_class(whole: Encoder, task: Task, seed: int, ours: type[Ours], given: dict[str, Any]) -> Encoder:
    """A classification model of the encoder (its own if it is one for the task, else with a head drawn with `seed`) in our class.

    `given` becomes the value of the config's field. Raises NotApplicable for tasks that label words, BadRequest for a model of ours.
    """
    if task.kind == "token":
        raise NotApplicable(f"{task.name} labels words, {ours.__name__} leaves texts and tokens out on the way")
    if isinstance(whole.model, Ours):
        raise BadRequest(f"{whole.name} is a {type(whole.model).__name__} already.", "Give the model inside.")
    model: Any = deepcopy(classifier(whole, task, seed))
    plain = model.config
    config = _config_class(ours, type(plain))(
        **{k: v for k, v in plain.to_dict().items() if k not in ("model_type", "architectures")}
    )
    config._attn_implementation = plain._attn_implementation
    setattr(config, ours.field, given)
    for module in model.modules():
        if getattr(module, "config", None) is not None:
            module.config = config
    register(ours, plain.model_type)
    model.__class__ = _model_class(ours, type(model))
    model.complete()
    model.to(whole.device)
    return wrap(model.eval(), whole.tokenizer, name=whole.name, has_mlm=False)


def register(ours: type[Ours], model_type: str) -> None:
    """Makes transformers' Auto classes load our models around a family (`model_type` is that of the model inside)."""
    if model_type.startswith(CUT):
        cut.register(model_type.removeprefix(CUT))
    config = _config_class(ours, CONFIG_MAPPING[model_type])
    if config.model_type in CONFIG_MAPPING:
        return
    AutoConfig.register(config.model_type, config)
    trunk: Any = AutoModel._model_mapping[CONFIG_MAPPING[model_type]]
    trunk = trunk[0] if isinstance(trunk, tuple) else trunk
    given = {"config_class": config, "__module__": __name__}
    AutoModel.register(config, type(f"{_title(ours)}{trunk.__name__}", (trunk,), given))
    whole = AutoModelForSequenceClassification._model_mapping[CONFIG_MAPPING[model_type]]
    AutoModelForSequenceClassification.register(config, _model_class(ours, whole))


def _title(ours: type[Ours]) -> str:
    return ours.prefix.removesuffix("-").capitalize()


@cache
def _config_class(ours: type[Ours], base: Any) -> Any:
    given = {
        "model_type": ours.prefix + base.model_type, ours.field: None, "__annotations__": {ours.field: Any}, "__module__": __name__,
    }  # fmt: skip
    return type(f"{_title(ours)}{base.__name__}", (base,), given)


@cache
def _model_class(ours: type[Ours], whole: Any) -> Any:
    """The family's class with ours before it: ours completes what the family's has built."""

    def __init__(self: Any, config: Any, *args: Any, **kwargs: Any) -> None:
        whole.__init__(self, config, *args, **kwargs)
        self.complete()

    given = {"__init__": __init__, "config_class": _config_class(ours, whole.config_class), "__module__": __name__}
    return type(f"{_title(ours)}{whole.__name__}", (ours, whole), given)


__all__ = [
    "Ours",
    "altered",
    "first",
    "in_our_class",
    "layer_by_layer",
    "register",
    "row_axes",
    "states_of",
    "token_axes",
    "with_output",
    "with_states",
]
