"""A fine-tuning technique: hooks that a run of `finetune` calls. Frozen, so that equal techniques are equal recipes."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest
from bertology.train.classifier import Labelled, layer_of, loss_of
from bertology.train.task import Task


@dataclass(eq=False)
class Tuning:
    """What a technique may look at and change: the model, the encoder it came from, the task, and its own memory."""

    model: nn.Module
    encoder: Encoder
    task: Task
    seed: int
    initial: dict[str, Tensor]
    """The model's parameters before the first step, by name."""
    techniques: "tuple[Technique, ...]" = ()
    memory: dict[str, Any] = field(default_factory=dict)

    def logits(self, batch: Labelled, **changes: Tensor) -> Tensor:
        """The model's logits for a batch; `changes` replace inputs (inputs_embeds instead of input_ids)."""
        given = {**batch.inputs, **changes}
        if "inputs_embeds" in changes:
            given.pop("input_ids")
        return self.model(**given).logits

    def loss(self, batch: Labelled, logits: Tensor) -> Tensor:
        """The task's loss with what every technique adds to it."""
        loss = loss_of(logits, batch.labels, self.task)
        for technique in self.techniques:
            loss = technique.loss(self, batch, logits, loss)
        return loss

    def before(self, name: str) -> Tensor | None:
        """The pre-trained value of a parameter, also where a technique has moved it to another name; None for new ones."""
        plain = re.sub(r"\.parametrizations\.(\w+)\.original$", r".\1", name)
        return self.initial.get(plain, self.initial.get(plain.replace(".dense_before.", ".")))


@dataclass(frozen=True)
class Technique:
    """Base: changes nothing. Override what differs."""

    cites: ClassVar[tuple[str, ...]] = ()
    plain: ClassVar[bool] = True
    """Whether after `finish` the model is transformers' own, so that its checkpoint loads anywhere."""

    def prepare(self, tuning: Tuning) -> None:
        """Before the first step: freeze, add or replace modules. Parameters with requires_grad are trained."""

    def rate(self, tuning: Tuning, layer: int) -> float:
        """Factor on the learning rate of parameters at a depth (0 embeddings, 1 to L layers, L + 1 the head)."""
        return 1.0

    def epoch(self, tuning: Tuning, number: int, of: int) -> None:
        """At the start of an epoch (0-based)."""

    def order(self, tuning: Tuning, lines: list[dict[str, list[int]]], number: int) -> list[int] | None:
        """A fixed order of the training examples in an epoch; None leaves the usual shuffling."""
        return None

    def loss(self, tuning: Tuning, batch: Labelled, logits: Tensor, loss: Tensor) -> Tensor:
        """The loss to propagate, given the one so far."""
        return loss

    def backward(self, tuning: Tuning, batch: Labelled) -> bool:
        """Computes gradients itself, of `tuning.loss`, and returns True (FreeLB), or leaves it to the loop."""
        return False

    def after_step(self, tuning: Tuning, progress: float) -> None:
        """After each update; `progress` is the share of the steps that are done."""

    def finish(self, tuning: Tuning) -> None:
        """After the last step: merge or remove what `prepare` added, so that transformers can load the model."""

    def alter(self, tuning: Tuning) -> None:
        """After all techniques have finished: changes plain weights (Rollback)."""


def replace_module(root: nn.Module, path: str, new: nn.Module) -> None:
    parent, _, last = path.rpartition(".")
    setattr(root.get_submodule(parent), last, new)


def layers_of(tuning: Tuning) -> list[nn.Module]:
    """The modules of the layers in order; a shared one is listed once."""
    pattern = tuning.encoder.family.layers
    base: Any = tuning.model.base_model
    return [module for name, module in base.named_modules() if _matches(name, pattern)]


def distinct_layers(tuning: Tuning, technique: Technique) -> list[nn.Module]:
    """The layers' modules; raises BadRequest where layers share their weights (ALBERT), so that none can be treated alone."""
    found = layers_of(tuning)
    if len(found) != tuning.encoder.n_layers:
        raise BadRequest(
            f"{type(technique).__name__} treats layers one by one, and the {tuning.encoder.n_layers} layers of "
            f"{tuning.encoder.name} share the weights of {len(found)}.",
            "Choose another technique or encoder.",
        )
    return found


def check_layers(tuning: Tuning, technique: Technique, layers: int) -> None:
    """Raises BadRequest unless the encoder has `layers` layers, at least one."""
    if not 1 <= layers <= tuning.encoder.n_layers:
        raise BadRequest(
            f"{type(technique).__name__} of {layers} layers on an encoder of {tuning.encoder.n_layers}.",
            f"Give 1 to {tuning.encoder.n_layers}.",
        )


def freeze(tuning: Tuning, frozen: Callable[[int], bool]) -> None:
    """Freezes the parameters at some depths (0 embeddings, 1 to L layers, L + 1 the head); the rest stays as it is."""
    for name, p in tuning.model.named_parameters():
        if frozen(layer_of(name, tuning.encoder)):
            p.requires_grad_(False)


def trunk_linears(tuning: Tuning) -> Iterator[nn.Linear]:
    """The linear modules of the layers."""
    for name, module in tuning.model.named_modules():
        if (
            isinstance(module, nn.Linear)
            and ".parametrizations." not in name
            and _in_a_layer(f"{name}.weight", tuning.encoder)
        ):
            yield module


def _in_a_layer(name: str, encoder: Encoder) -> bool:
    pattern = re.escape(encoder.family.layers).replace(r"\*", r"\d+")
    return re.search(rf"(^|\.){pattern}\.", name) is not None


def train_norms(tuning: Tuning) -> None:
    """Makes the norms of the layers, and one behind the last, move again in a frozen encoder."""
    final = [norm for norm in (closing_norm(tuning),) if norm is not None]
    inner = [m for layer in layers_of(tuning) for m in layer.modules() if type(m).__name__.endswith("Norm")]
    for norm in (*inner, *final):
        norm.requires_grad_(True)


def closing_norm(tuning: Tuning) -> nn.Module | None:
    """The norm between the last layer and the trunk's output (pre-norm families), found by what a pass of the encoder shows."""
    base: Any = tuning.encoder.base
    places = {"": base, "encoder.": getattr(base, "encoder", None)}
    norms = {
        f"{path}{name}": module
        for path, place in places.items()
        if place is not None
        for name, module in place.named_children()
        if type(module).__name__.endswith("Norm")
    }
    states: list[Tensor] = []
    layers = [module for name, module in base.named_modules() if _matches(name, tuning.encoder.family.layers)]
    hook = layers[-1].register_forward_hook(lambda m, a, out: states.append(first(out)))
    ids = torch.tensor([tuning.encoder.tokenizer("a b c")["input_ids"]], device=tuning.encoder.device)
    try:
        with torch.inference_mode():
            last = base(input_ids=ids, attention_mask=torch.ones_like(ids))[0]
            if torch.equal(last, states[-1]):
                return None
            found = [name for name, m in norms.items() if torch.equal(m(states[-1]), last)]
    finally:
        hook.remove()
    return tuning.model.base_model.get_submodule(found[0]) if found else None  # type: ignore[union-attr,operator]


def first(output: Any) -> Tensor:
    """The hidden states in what a layer returns."""
    return output[0] if isinstance(output, tuple) else output


def merge(model: nn.Module) -> None:
    """Makes every parametrised weight a plain one of the value it has in evaluation."""
    model.eval()
    for module in list(model.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)


def _matches(name: str, pattern: str) -> bool:
    parts, wanted = name.split("."), pattern.split(".")
    return len(parts) == len(wanted) and all(
        (w == "*" and p.isdigit()) or w == p for p, w in zip(parts, wanted, strict=True)
    )


__all__ = ["Technique", "Tuning", "layers_of", "merge", "replace_module"]
