"""A fine-tuning technique: hooks that a run of `finetune` calls. Frozen, so that equal techniques are equal recipes."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor, nn

from bertology.encoder.encoder import Encoder
from bertology.train.classifier import Labelled
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
    memory: dict[str, Any] = field(default_factory=dict)

    def logits(self, batch: Labelled, **changes: Tensor) -> Tensor:
        """The model's logits for a batch; `changes` replace inputs (inputs_embeds instead of input_ids)."""
        given = {**batch.inputs, **changes}
        if "inputs_embeds" in changes:
            given.pop("input_ids")
        return self.model(**given).logits


@dataclass(frozen=True)
class Technique:
    """Base: changes nothing. Override what differs."""

    cites: ClassVar[tuple[str, ...]] = ()

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
        """The loss to propagate, given the plain one."""
        return loss

    def backward(self, tuning: Tuning, batch: Labelled) -> bool:
        """Computes gradients itself and returns True (FreeLB), or leaves it to the loop."""
        return False

    def after_step(self, tuning: Tuning) -> None:
        """After each update."""

    def finish(self, tuning: Tuning) -> None:
        """After the last step: merge or remove what `prepare` added, so that transformers can load the model."""


def submodule(root: nn.Module, path: str) -> tuple[nn.Module, str]:
    """The parent of a dotted path and the last name."""
    parent, _, last = path.rpartition(".")
    return root.get_submodule(parent), last


def replace_module(root: nn.Module, path: str, new: nn.Module) -> None:
    parent, last = submodule(root, path)
    setattr(parent, last, new)


def layers_of(tuning: Tuning) -> list[nn.Module]:
    """The modules of the layers in order; a shared one is listed once."""
    pattern = tuning.encoder.family.layers
    base: Any = tuning.model.base_model
    names = [n for n, _ in base.named_modules() if _matches(n, pattern)]
    return [base.get_submodule(name) for name in names]


def _matches(name: str, pattern: str) -> bool:
    parts, wanted = name.split("."), pattern.split(".")
    return len(parts) == len(wanted) and all(
        (w == "*" and p.isdigit()) or w == p for p, w in zip(parts, wanted, strict=True)
    )


def detached(module: nn.Module) -> dict[str, Tensor]:
    """Copies of all parameters."""
    return {name: p.detach().clone() for name, p in module.named_parameters()}


__all__ = ["Technique", "Tuning", "detached", "layers_of", "replace_module", "submodule"]
