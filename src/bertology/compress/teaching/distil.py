"""Distillation in fine-tuning: a technique that adds to the student's loss what it should copy from a tuned teacher.

Terms name what is compared; which layers, by a map made from the two depths. Widths that differ are met by a linear map that is learnt and
then thrown away (TinyBERT). Teacher and student read the same subwords, so they need one tokenizer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bertology.compress.teaching import losses
from bertology.compress.teaching.layer_maps import LayerMap, layer_map
from bertology.encoder.backend import set_attention
from bertology.encoder.encoder import Encoder
from bertology.encoder.families import FAMILIES, kind
from bertology.encoder.watch import Observation, Watcher
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import Labelled
from bertology.train.techniques.technique import Technique, Tuning


@dataclass(frozen=True, eq=False)
class Teacher:
    """A tuned model of the same task, and the encoder it was made from. Equal keys are the same teacher."""

    model: nn.Module
    encoder: Encoder
    key: str

    def __repr__(self) -> str:
        return f"Teacher({self.key})"


@dataclass(frozen=True)
class Term:
    """One thing that is copied, with its weight; `layers` is a map of compress/teaching/layer_maps.py for what layers show."""

    weight: float = 1.0
    layers: ClassVar[str] = ""
    reads: ClassVar[tuple[str, ...]] = ()
    """Kinds of sites that must be watched: "hidden", "attention", "value"."""

    def loss(self, student: "Seen", teacher: "Seen", pairs: LayerMap, adapt: Any) -> Tensor:
        raise NotImplementedError


@dataclass(frozen=True)
class SoftTargets(Term):
    """The teacher's softened predictions (Hinton et al. 2015)."""

    temperature: float = 2.0

    def loss(self, student: "Seen", teacher: "Seen", pairs: LayerMap, adapt: Any) -> Tensor:
        if student.regression:
            return losses.logits_distance(student.logits, teacher.logits)
        counted = student.counted
        return losses.soft_targets(student.logits[counted], teacher.logits[counted], temperature=self.temperature)


@dataclass(frozen=True)
class Logits(Term):
    """The teacher's logits by squared difference (Tang et al. 2019)."""

    def loss(self, student: "Seen", teacher: "Seen", pairs: LayerMap, adapt: Any) -> Tensor:
        return losses.logits_distance(student.logits[student.counted], teacher.logits[student.counted])


@dataclass(frozen=True)
class PatientCLS(Term):
    """[CLS] of mapped layers but the last, at length 1 (PKD: Sun et al. 2019)."""

    layers: str = "uniform"  # type: ignore[misc]
    reads: ClassVar = ("hidden",)

    def loss(self, student: "Seen", teacher: "Seen", pairs: LayerMap, adapt: Any) -> Tensor:
        inner = pairs[:-1] or pairs
        found = [losses.patience(adapt(s, student.hidden(s))[:, 0], teacher.hidden(t)[:, 0]) for s, t in inner]
        return torch.stack(found).mean()


@dataclass(frozen=True)
class Hidden(Term):
    """Embeddings and hidden states of mapped layers (TinyBERT: Jiao et al. 2020)."""

    layers: str = "uniform"  # type: ignore[misc]
    embeddings: bool = True
    reads: ClassVar = ("hidden",)

    def loss(self, student: "Seen", teacher: "Seen", pairs: LayerMap, adapt: Any) -> Tensor:
        every = (*(((0, 0),) if self.embeddings else ()), *pairs)
        found = [losses.hidden_distance(adapt(s, student.hidden(s)), teacher.hidden(t), student.mask) for s, t in every]
        return torch.stack(found).sum()


@dataclass(frozen=True)
class Direction(Term):
    """The direction of the last layer's states (DistilBERT: Sanh et al. 2019)."""

    layers: str = "top"  # type: ignore[misc]
    reads: ClassVar = ("hidden",)

    def loss(self, student: "Seen", teacher: "Seen", pairs: LayerMap, adapt: Any) -> Tensor:
        found = [losses.direction(adapt(s, student.hidden(s)), teacher.hidden(t), student.mask) for s, t in pairs]
        return torch.stack(found).mean()


@dataclass(frozen=True)
class Attention(Term):
    """Attention weights of mapped layers: by squared difference (TinyBERT) or, with `divergence`, by KL (MobileBERT, MiniLM).

    Needs as many heads in both.
    """

    layers: str = "uniform"  # type: ignore[misc]
    divergence: bool = False
    reads: ClassVar = ("attention",)

    def loss(self, student: "Seen", teacher: "Seen", pairs: LayerMap, adapt: Any) -> Tensor:
        compare = losses.attention_divergence if self.divergence else losses.attention_distance
        found = [compare(student.attention(s), teacher.attention(t), student.mask) for s, t in pairs]
        return torch.stack(found).sum()


@dataclass(frozen=True)
class ValueRelations(Term):
    """Relations of the last layer's values (MiniLM, MiniLMv2: Wang et al. 2020, 2021).

    Over `heads` relation heads, or the next lower number that divides both widths.
    """

    layers: str = "top"  # type: ignore[misc]
    heads: int = 12
    reads: ClassVar = ("value",)

    def loss(self, student: "Seen", teacher: "Seen", pairs: LayerMap, adapt: Any) -> Tensor:
        flat = lambda seen, layer: seen.value(layer).flatten(-2)
        found = []
        for s, t in pairs:
            mine, theirs = flat(student, s), flat(teacher, t)
            widths = mine.shape[-1], theirs.shape[-1]
            heads = max(h for h in range(1, self.heads + 1) if not any(w % h for w in widths))
            found.append(losses.value_relations(mine, theirs, student.mask, heads=heads))
        return torch.stack(found).mean()


@dataclass(eq=False)
class Seen:
    """What one model showed of a batch."""

    logits: Tensor
    observation: Observation
    mask: Tensor
    counted: Tensor
    """Where the task has a label, in the shape of the logits without their last axis."""
    regression: bool

    def hidden(self, layer: int) -> Tensor:
        return self.observation.hidden(layer)

    def attention(self, layer: int) -> Tensor:
        return self.observation.attention(layer)

    def value(self, layer: int) -> Tensor:
        return self.observation.value(layer)


@dataclass(frozen=True)
class Distil(Technique):
    """loss = `hard` x the task's loss + sum of the terms' weights x their losses."""

    teacher: Teacher = field(default=None)  # type: ignore[assignment]
    terms: tuple[Term, ...] = (SoftTargets(),)
    hard: float = 0.5
    cites: ClassVar = ("hinton-2015",)

    def prepare(self, tuning: Tuning) -> None:
        student, teacher = tuning.encoder, self.teacher.encoder
        if student.tokenizer.get_vocab() != teacher.tokenizer.get_vocab():
            raise BadRequest(
                f"{teacher.name} and {student.name} have different tokenizers.",
                "Give teacher and student of one tokenizer.",
            )
        kinds = frozenset(k for term in self.terms for k in term.reads)
        for who in (student, teacher):
            lacking = sorted(kinds - who.has)
            if lacking:
                raise NotApplicable(f"{who.name} shows no {' and no '.join(lacking)}")
        if any(isinstance(term, Attention) for term in self.terms) and student.n_heads != teacher.n_heads:
            raise BadRequest(
                f"{student.name} has {student.n_heads} heads, {teacher.name} {teacher.n_heads}.",
                "Attention is copied between equal numbers of heads; take ValueRelations.",
            )
        tuning.memory["pairs"] = {
            term: layer_map(term.layers, student.n_layers, teacher.n_layers) if term.layers else ()
            for term in self.terms
        }
        if "hidden" in kinds and student.width != teacher.width:
            meeting = nn.Linear(student.width, teacher.width, bias=False).to(student.device)
            tuning.model.add_module("distil_adapter", meeting)
        if "attention" in kinds:
            for model in (tuning.model, self.teacher.model):
                set_attention(model, "eager")
        self.teacher.model.eval()
        tuning.memory["watch"] = _watched(tuning.model, student, kinds, gradients=True)
        tuning.memory["seen"] = tuning.memory["watch"].__enter__()
        tuning.memory["kinds"] = kinds

    def loss(self, tuning: Tuning, batch: Labelled, logits: Tensor, loss: Tensor) -> Tensor:
        with torch.no_grad(), _watched(self.teacher.model, self.teacher.encoder, tuning.memory["kinds"]) as seen:
            given = {
                k: v for k, v in batch.inputs.items() if k != "token_type_ids" or "segments" in self.teacher.encoder.has
            }
            taught = self.teacher.model(**given).logits
        mask = batch.inputs["attention_mask"].bool()
        counted = (
            batch.labels != -100 if tuning.task.kind == "token" else torch.ones_like(batch.labels, dtype=torch.bool)
        )
        regression = tuning.task.kind == "regression"
        mine, theirs = (
            Seen(said, one["observation"], mask, counted, regression)
            for said, one in ((logits, tuning.memory["seen"]), (taught, seen))
        )
        adapter = getattr(tuning.model, "distil_adapter", None)
        adapt = lambda layer, states: states if adapter is None else adapter(states)
        total = self.hard * loss
        for term in self.terms:
            total = total + term.weight * term.loss(mine, theirs, tuning.memory["pairs"][term], adapt)
        return total

    def finish(self, tuning: Tuning) -> None:
        tuning.memory["watch"].__exit__(None, None, None)
        if hasattr(tuning.model, "distil_adapter"):
            del tuning.model.distil_adapter


@contextmanager
def _watched(
    model: Any, encoder: Encoder, kinds: frozenset[str], *, gradients: bool = False
) -> Iterator[dict[str, Observation]]:
    """Inside, every forward pass of the model leaves what its trunk showed under "observation"."""
    family = FAMILIES[kind(encoder.config)]
    first = {"hidden": 0}
    read = frozenset((k, layer) for k in kinds for layer in range(first.get(k, 1), encoder.n_layers + 1))
    watcher = Watcher(model.base_model, family, encoder.n_heads, encoder.n_layers, read, {}, gradients)
    found: dict[str, Observation] = {"observation": Observation()}
    forward = model.forward

    def watching(*args: Any, **kwargs: Any) -> Any:
        with watcher.watching() as observation:
            output = forward(*args, **kwargs)
        found["observation"] = observation
        return output

    model.forward = watching
    try:
        yield found
    finally:
        del model.forward
