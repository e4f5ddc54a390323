"""A family's own classification model with a classifier after every layer, and texts that leave the batch at the first that is sure.

Texts that have left are taken out between layers, so the layers above compute fewer rows; what is said of a text does not depend on its
neighbours. How ramps learn and when they are sure enough: compress/inference/early_exit.py.
"""

from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from transformers.modeling_outputs import SequenceClassifierOutput

from bertology.compress.inference import layerwise
from bertology.compress.inference.layerwise import (
    Ours,
    altered,
    first,
    in_our_class,
    layer_by_layer,
    row_axes,
    states_of,
    with_output,
    with_states,
)
from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import batches, encoded
from bertology.train.task import Task
from bertology.train.techniques.technique import Tuning, closing_norm


@dataclass(frozen=True)
class Rule:
    """When a text leaves. By "entropy": that of a layer's prediction, in nats, is below `threshold` (DeeBERT). By "patience": `patience`
    layers in a row have said what the layer before said (PABEE); numbers say the same when they differ by less than `threshold`."""

    by: Literal["entropy", "patience"]
    threshold: float = 0.0
    patience: int = 1

    def leaves(self, logits: Tensor, memory: dict[str, Tensor]) -> Tensor:
        """Which texts leave after a layer, (batch,); `memory` has what the layer before left, in the same rows."""
        if self.by == "entropy":
            spread = torch.log_softmax(logits.float(), -1)
            return -(spread.exp() * spread).sum(-1) < self.threshold
        said = logits[:, 0].float() if logits.shape[-1] == 1 else logits.argmax(-1)
        count = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
        if memory:
            before = memory["said"]
            same = (said - before).abs() < self.threshold if said.is_floating_point() else said == before
            count = torch.where(same, memory["count"] + 1, count)
        memory |= {"said": said, "count": count}
        return count >= self.patience

    def depths(self, logits: Float[Tensor, "layer batch label"]) -> NDArray[np.int64]:
        """The layer that each text leaves at, from what all layers say; the last keeps who has not left before."""
        found = np.full(logits.shape[1], len(logits), dtype=np.int64)
        memory: dict[str, Tensor] = {}
        for layer in range(len(logits), 0, -1) if self.by == "entropy" else ():
            if layer < len(logits):
                found[self.leaves(logits[layer - 1], memory).cpu().numpy()] = layer
        for layer in range(1, len(logits)) if self.by == "patience" else ():
            now = self.leaves(logits[layer - 1], memory).cpu().numpy() & (found == len(logits))
            found[now] = layer
        return found


@dataclass
class ExitOutput(SequenceClassifierOutput):
    """The same with `layers`, the layer each text left at, (batch,), and while training `exits`, what each layer's own classifier says."""

    layers: Tensor | None = None
    exits: tuple[Tensor, ...] | None = None


class Ramp(nn.Module):
    """A classifier on the first token (the mean, where the family's own head reads the mean) of a layer that is not the last.

    It reads each dimension centred and scaled by what training texts showed: the first token of low layers hardly differs between texts,
    and raw, as in the papers, takes many more steps to learn from.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, width: int, labels: int, dropout: float, norm: bool, over_all: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.dense, self.dropout, self.classifier = (
            nn.Linear(width, width),
            nn.Dropout(dropout),
            nn.Linear(width, labels),
        )
        self.over_all = over_all

    def forward(self, states: Float[Tensor, "batch token width"], mask: Tensor | None) -> Float[Tensor, "batch label"]:
        if not self.over_all:
            one = states[:, 0]
        elif mask is None:
            one = states.mean(1)
        else:
            one = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        one = (self.norm(one) - self.mean) / self.scale
        return self.classifier(self.dropout(torch.tanh(self.dense(one))))


class Exits(Ours):
    """A family's classification model with a ramp after every layer but the last; `config.exits` has the rule, or none: all layers run."""

    prefix = "exits-"
    field = "exits"

    def complete(self: Any) -> None:
        """Adds the ramps."""
        config, given = self.config, self.config.exits
        dropout = next((x for x in (getattr(config, name, None) for name in _DROPOUTS) if x is not None), 0.1)
        make = lambda: Ramp(config.hidden_size, config.num_labels, float(dropout), given["norm"], given["over_all"])
        self.ramps = nn.ModuleList(make() for _ in range(given["layers"] - 1))

    @property
    def rule(self: Any) -> Rule | None:
        return Rule(**self.config.exits["rule"]) if self.config.exits["rule"] else None

    def forward(self: Any, *args: Any, labels: Tensor | None = None, **kwargs: Any) -> ExitOutput:
        mask = kwargs.get("attention_mask", args[1] if len(args) > 1 else None)
        walk = _Walk(self, None if self.training else self.rule, mask)
        with layer_by_layer(self.base_model, walk.layer):
            output = super().forward(*args, **kwargs)  # type: ignore[misc]
        logits = walk.merged(output.logits)
        loss = None
        if labels is not None:
            regression = self.config.num_labels == 1
            loss = mse_loss(logits[:, 0], labels.to(logits.dtype)) if regression else cross_entropy(logits, labels)
        exits = tuple(walk.said) if walk.rule is None else None
        return ExitOutput(loss=loss, logits=logits, layers=walk.depths, exits=exits)


_DROPOUTS = (
    "classifier_dropout",
    "seq_classif_dropout",
    "cls_dropout",
    "classifier_dropout_prob",
    "hidden_dropout_prob",
)


def register(model_type: str) -> None:
    """Makes transformers' Auto classes load models with exits around a family."""
    layerwise.register(Exits, model_type)


class _Walk:
    """One pass. `left` are the batch's rows that are still in; arguments of layers are cut to them."""

    def __init__(self, model: Any, rule: Rule | None, mask: Tensor | None) -> None:
        self.model, self.rule, self.mask = model, rule, mask
        self.n = int(model.config.exits["layers"])
        self.axes = row_axes(model) if rule else {}
        self.said: list[Tensor] = []
        self.depths: Any = None
        self.answers: list[tuple[Tensor, Tensor]] = []
        self.memory: dict[str, Tensor] = {}
        self.left: Any = None
        self.output: Any = None

    def layer(self, number: int, module: nn.Module, run: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        states = states_of(args, kwargs)
        if number == 1:
            self.left = torch.arange(len(states), device=states.device)
            self.depths = torch.full_like(self.left, self.n)
        elif len(states):
            states = self._ask(number - 1, states)
        if len(states):
            args, kwargs = with_states(*self._cut(args, kwargs), states)
            self.output = run(*args, **kwargs)
            states = first(self.output)
        if number == self.n and len(self.left) < len(self.depths):
            full = states.new_zeros(len(self.depths), *states.shape[1:])
            states = full.index_copy(0, self.left, states)
        return with_output(self.output, states)

    def _ask(self, layer: int, states: Tensor) -> Tensor:
        """What the ramp of a layer says; the states of those who stay."""
        everyone = len(self.left) == len(self.depths)
        mask = self.mask if self.mask is None or everyone else self.mask[self.left]
        logits = self.model.ramps[layer - 1](states, mask)
        if self.rule is None:
            self.said.append(logits)
            return states
        leaving = self.rule.leaves(logits, self.memory)
        if not bool(leaving.any()):
            return states
        gone = self.left[leaving]
        self.answers.append((gone, logits[leaving]))
        self.depths[gone] = layer
        self.left = self.left[~leaving]
        self.memory = {name: tensor[~leaving] for name, tensor in self.memory.items()}
        return states[~leaving]

    def _cut(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if len(self.left) == len(self.depths):
            return args, kwargs
        rows = len(self.depths)

        def chosen(way: Any, tensor: Tensor) -> Tensor:
            for axis in self.axes.get(way, ()):
                if tensor.shape[axis] == rows:
                    tensor = tensor.index_select(axis, self.left)
            return tensor

        return altered(args, kwargs, chosen)

    def merged(self, logits: Tensor) -> Tensor:
        """The last classifier's logits, with those of the ramps where texts left."""
        for rows, said in self.answers:
            logits = logits.index_copy(0, rows, said.to(logits.dtype))
        return logits


def with_ramps(encoder: Encoder, task: Task, seed: int = 0) -> Encoder:
    """A copy as a classification model with an untrained ramp after every layer but the last, drawn with `seed`, and no rule.

    In pre-norm families a ramp has a norm that starts from the closing one. What ramps are scaled by comes of up to 256 training texts.
    Raises NotApplicable for tasks that label words, and for an encoder of one layer.
    """
    if encoder.n_layers < 2:
        raise NotApplicable(f"{encoder.name} has one layer: there is no earlier one to leave at")
    norm = closing_norm(Tuning(encoder.model, encoder, task, seed, {}))
    over_all = getattr(encoder.config, "classifier_pooling", "cls") == "mean"
    given = {"layers": encoder.n_layers, "norm": norm is not None, "over_all": over_all, "rule": None}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = in_our_class(encoder, task, seed, Exits, given)
    model: Any = made.model
    with torch.no_grad():
        for ramp in model.ramps if norm is not None else ():
            for name, p in norm.named_parameters():  # type: ignore[union-attr]
                getattr(ramp.norm, name).copy_(p)
    seen: list[list[Tensor]] = [[] for _ in model.ramps]
    note = lambda k: lambda module, args: seen[k].append(args[0])
    hooks = [ramp.dense.register_forward_pre_hook(note(k)) for k, ramp in enumerate(model.ramps)]
    said_by_layer(made, task, "train", most=256)
    for hook, ramp, parts in zip(hooks, model.ramps, seen, strict=True):
        hook.remove()
        every = torch.cat(parts)
        ramp.mean.copy_(every.mean(0))
        ramp.scale.copy_(every.std(0, correction=0).clamp(min=1e-6))
    return made


def with_rule(encoder: Encoder, rule: Rule | None) -> Encoder:
    """A copy of an encoder with ramps whose texts leave by `rule`; None lets all texts run to the end."""
    model: Any = deepcopy(encoder.model)
    if not isinstance(encoder.model, Exits):
        raise BadRequest(f"{encoder.name} has no ramps.", "Give it some: with_ramps(encoder, task).")
    model.config.exits = {**model.config.exits, "rule": asdict(rule) if rule else None}
    return replace(encoder, model=model, _encoded={})


def said_by_layer(
    encoder: Encoder, task: Task, part: str = "dev", *, most: int | None = None
) -> Float[Tensor, "layer batch label"]:
    """What every layer's classifier says of every text (of the first `most`) of a part of the task, in the task's order."""
    model: Any = (encoder if encoder.config.exits["rule"] is None else with_rule(encoder, None)).model.eval()
    lines = encoded(encoder, task, getattr(task, part)[:most])
    found: Any = None
    with torch.inference_mode():
        for batch in batches(lines, task, 64, encoder.tokenizer.pad_token_id or 0, encoder.device):
            output = model(**batch.inputs)
            said = torch.stack((*output.exits, output.logits)).float().cpu()
            found = said.new_zeros(len(said), len(lines), said.shape[-1]) if found is None else found
            found[:, batch.index] = said
    return found


__all__ = ["ExitOutput", "Exits", "Ramp", "Rule", "register", "said_by_layer", "with_ramps", "with_rule"]
