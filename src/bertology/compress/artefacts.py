"""What claims about size ask to be made of a tuned model: scores with parts silenced, importance of heads, how long gates leave them open.

Each is made from the tuned model's own artefact (train/artefacts.py), which all of them share. Parts are chosen on `choosing`, examples that
are neither trained nor tested on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bertology.compress.pruning.gate_parts import Share
from bertology.compress.pruning.gates import normalised, sensitivity
from bertology.compress.pruning.learned_gates import LearnedGates
from bertology.corpus.sentence import Corpus
from bertology.encoder.backend import attention
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site
from bertology.encoder.watch import Edit, Watcher, layer_modules
from bertology.observe.statistic import Derived, Statistic, key_of
from bertology.record.errors import BadRequest, NoEffect, NotApplicable
from bertology.record.keys import made_key
from bertology.train.artefacts import Progress, Tuned, TunedModel
from bertology.train.classifier import batches, encoded, evaluate
from bertology.train.finetune import FineTuning, Run, encoded_parts
from bertology.train.recipe import plain
from bertology.train.task import Example, Task

Part = tuple[int, int | None]
"""A layer (from 1) and a head of it (from 0); None is the whole layer, which then hands its input on."""
By = Literal["zero", "mean", "uniform"]


def grid(encoder: Encoder) -> tuple[int, int]:
    """(layers, heads of each). Raises NotApplicable where heads are not there, or not one layer's alone."""
    if not encoder.family.head or "head" not in encoder.has:
        raise NotApplicable(f"{encoder.name} has no heads that can be silenced")
    if len(layer_modules(encoder.base, encoder.family)) < encoder.n_layers:
        raise NotApplicable(f"the layers of {encoder.name} share their weights, so no head is one layer's alone")
    return encoder.n_layers, encoder.n_heads


def tuned_beside(asked: TunedModel, place: Path, progress: Progress) -> Tuned:
    """The tuned model from its own folder beside `place`; made there when it is not."""
    folder = place.parent / asked.key
    if not (folder / "complete").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        asked.build(folder, progress)
        (folder / "complete").touch()
    return asked.load(folder)


class Silenced(NamedTuple):
    """What is right (0 to 1) of each example: `chosen` (1 + set, example) on the examples to choose on, `test` on the task's test part.

    Row 0 is the intact model, row k the k-th set silenced.
    """

    chosen: NDArray[np.float64]
    test: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Silencing:
    """A tuned model scored with each of some sets of parts silenced together.

    `by` "zero": heads say nothing; "mean": the mean of what they say over training tokens; "uniform": they attend to all tokens alike. A whole
    layer hands its input on, whatever `by` is. Raises BadRequest for parts that are not there.
    """

    asked: TunedModel
    sets: tuple[tuple[Part, ...], ...]
    choosing: tuple[Example, ...]
    by: By = "zero"

    def __post_init__(self) -> None:
        layers, heads = grid(self.asked.encoder)
        for layer, head in (part for one in self.sets for part in one):
            if not 1 <= layer <= layers or not (head is None or 0 <= head < heads):
                raise BadRequest(
                    f"{self.asked.encoder.name} has no head {head} in layer {layer}.",
                    f"It has layers 1 to {layers} with heads 0 to {heads - 1}.",
                )

    @property
    def key(self) -> str:
        return made_key("silencing", self.asked.key, self.sets, self.choosing, self.by)

    def build(self, place: Path, progress: Progress) -> None:
        asked, model = self.asked, tuned_beside(self.asked, place, progress).model
        encoder, task = asked.encoder, asked.task
        pad, whole = encoder.tokenizer.pad_token_id or 0, ((), *self.sets)
        parts = {"chosen": self.choosing, "test": task.test}
        lines = {name: encoded(encoder, task, examples) for name, examples in parts.items()}
        means = _means(model, encoder, task) if self.by == "mean" else {}
        found = {name: np.zeros((len(whole), len(examples))) for name, examples in parts.items()}
        with attention(model, "eager" if self.by == "uniform" else None):
            for k, one in enumerate(whole):
                progress(f"silencing by {self.by}", k, len(whole))
                less = _Less(model, encoder, one, self.by, means)
                for name, examples in parts.items():
                    found[name][k], _ = evaluate(less, lines[name], task, pad, encoder.device, examples)
        np.savez(place / "right.npz", **found)  # type: ignore[arg-type]

    def load(self, place: Path) -> Silenced:
        with np.load(place / "right.npz") as kept:
            return Silenced(**kept)


class _Less:
    """A model with parts silenced, as `evaluate` calls one."""

    def __init__(
        self, model: Any, encoder: Encoder, parts: Sequence[Part], by: By, means: Mapping[int, Tensor]
    ) -> None:
        self.model, self.encoder, self.by, self.means = model, encoder, by, means
        self.layers = {layer for layer, head in parts if head is None}
        self.heads: dict[int, list[int]] = {}
        for layer, head in parts:
            if head is not None:
                self.heads.setdefault(layer, []).append(head)

    def eval(self) -> None:
        self.model.eval()

    def __call__(self, **inputs: Tensor) -> Any:
        encoder, edits = self.encoder, self._edits(inputs["attention_mask"])
        watcher = Watcher(self.model.base_model, encoder.family, encoder.n_heads, encoder.n_layers, frozenset(), edits)
        with watcher.watching() as seen:
            found = self.model(**inputs)
        if missed := [
            f"{kind} {layer}" for kind, layer in edits if kind != "hidden" and f"{kind} {layer}" not in seen.calls
        ]:
            raise NoEffect(f"silencing by {self.by} was never called at {', '.join(missed)} of {encoder.name}.")
        return found

    def _edits(self, mask: Tensor) -> dict[tuple[str, int], Edit]:
        edits: dict[tuple[str, int], Edit] = {("hidden", layer): _input_of_layer for layer in self.layers}
        for layer, heads in self.heads.items():
            if self.by == "uniform":
                edits["attention", layer] = _attending_alike(heads, mask)
            else:
                edits["head", layer] = _saying(heads, self.means[layer] if self.by == "mean" else None)
        return edits


def _input_of_layer(value: Tensor, layer_input: Tensor | None) -> Tensor:
    assert layer_input is not None
    return layer_input


def _saying(heads: Sequence[int], mean: Tensor | None) -> Edit:
    """Heads' outputs (batch, token, head, width) set to 0, or to their mean (head, width)."""

    def edit(value: Tensor, _: Tensor | None) -> Tensor:
        value = value.clone()
        value[..., heads, :] = 0 if mean is None else mean[heads].to(value.dtype)
        return value

    return edit


def _attending_alike(heads: Sequence[int], mask: Tensor) -> Edit:
    """Attention (batch, head, query, key) set to 1/n over the n real tokens."""

    def edit(value: Tensor, _: Tensor | None) -> Tensor:
        row = torch.nn.functional.pad(mask / mask.sum(-1, keepdim=True), (0, value.shape[-1] - mask.shape[-1]))
        value = value.clone()
        value[:, heads] = row[:, None, None].to(value.dtype)
        return value

    return edit


def _means(model: Any, encoder: Encoder, task: Task) -> dict[int, Tensor]:
    """What each head says on average over the real tokens of the training examples, (head, width) by layer."""
    total: dict[int, Tensor] = {}
    tokens, pad = 0, encoder.tokenizer.pad_token_id or 0
    read = frozenset(("head", layer) for layer in range(1, encoder.n_layers + 1))
    model.eval()
    with torch.inference_mode():
        for batch in batches(encoded(encoder, task, task.train), task, 64, pad, encoder.device):
            watcher = Watcher(model.base_model, encoder.family, encoder.n_heads, encoder.n_layers, read, {})
            with watcher.watching() as seen:
                model(**batch.inputs)
            real = batch.inputs["attention_mask"].bool()
            for _, layer in read:
                total[layer] = total.get(layer, 0) + seen.head(layer)[:, : real.shape[1]][real].float().sum(0)
            tokens += int(real.sum())
    return {layer: t / tokens for layer, t in total.items()}


@dataclass(frozen=True, eq=False)
class Importance:
    """(layer, head), neurons (layer, neuron): mean |slope of the loss| at each gate over the training examples, each layer's divided by its
    norm (Michel et al. 2019; compress/pruning/gates.py). As (heads, neurons), lists of arrays, one a layer."""

    asked: TunedModel

    @property
    def key(self) -> str:
        return made_key("importance", self.asked.key)

    def build(self, place: Path, progress: Progress) -> None:
        asked, model = self.asked, tuned_beside(self.asked, place, progress).model
        grid(asked.encoder)
        lines, pad = encoded(asked.encoder, asked.task, asked.task.train), asked.encoder.tokenizer.pad_token_id or 0
        model.requires_grad_(True)
        given = batches(lines, asked.task, 32, pad, asked.encoder.device)
        found = normalised(sensitivity(model, asked.encoder, asked.task, given))
        np.savez(place / "importance.npz", heads=np.stack(found.heads), neurons=np.stack(found.neurons))

    def load(self, place: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        with np.load(place / "importance.npz") as kept:
            return kept["heads"], kept["neurons"]


@dataclass(frozen=True, eq=False)
class GateSurvival:
    """How long learnt gates leave each head open, (layer, head): the mean probability that it is open over the steps of a training whose
    budget of heads falls in a straight line from all to `left` of them.

    The tuned model is trained on with hard-concrete gates (Voita et al. 2019; compress/pruning/learned_gates.py). Voita et al. train one model for each
    penalty; one falling budget puts the heads in an order for the price of one.
    """

    asked: TunedModel
    recipe: FineTuning
    left: float = 0.05
    seed: int = 0

    @property
    def key(self) -> str:
        return made_key("gate-survival", self.asked.key, plain(self.recipe), self.left, self.seed)

    def build(self, place: Path, progress: Progress) -> None:
        asked, after = self.asked, tuned_beside(self.asked, place, progress)
        layers, heads = grid(asked.encoder)
        after.model.requires_grad_(True)
        gates = LearnedGates(("head",), wish=Share(self.left, "heads"), warmup=0.9)
        recipe = replace(self.recipe, name="gates", techniques=(*self.recipe.techniques, gates), keep="last")
        lines = encoded_parts(asked.encoder, asked.task)
        note = lambda done, total: progress("training gates", done, total)
        run = Run(after.encoder, asked.task, recipe, lines, self.seed, self.seed, note)
        learnt = run.tuning.memory["gates"]["gates"]
        open_, steps = np.zeros((layers, heads)), 0
        for step in range(1, run.total + 1):
            run.go(step / run.total)
            with torch.no_grad():
                p, _ = learnt.each(lambda a: learnt.law.p_open(a))
            open_ += np.stack([g.double().cpu().numpy() for g in p])
            steps += 1
        np.save(place / "open.npy", open_ / steps)

    def load(self, place: Path) -> NDArray[np.float64]:
        return np.load(place / "open.npy")


@dataclass(frozen=True, eq=False)
class Reading:
    """A statistic over a corpus, or what is computed without any, of an encoder that is not the one the run is about (a trained one)."""

    encoder: Encoder
    statistic: Statistic | Derived
    over: Corpus

    @property
    def key(self) -> str:
        return made_key("reading", key_of(self.statistic, f"{self.encoder.fingerprint} {self.over.fingerprint}"))

    def build(self, place: Path, progress: Progress) -> None:
        progress(f"{type(self.statistic).__name__} over {self.over.name}", 0, 1)
        encoded_corpus = self.encoder.encode(self.over)
        if isinstance(self.statistic, Derived):
            np.savez(place / "state.npz", **self.statistic.compute(self.encoder, encoded_corpus))  # type: ignore[arg-type]
            return
        state = self.statistic.start(self.encoder, encoded_corpus, lambda name, shape, dtype: np.zeros(shape, dtype))
        reads_attention = any(site.kind == "attention" for site in self.statistic.sites)
        for batch in self.encoder.batches(self.over, attention=reads_attention):
            self.statistic.update(state, batch, self.encoder.observe(batch, self.statistic.sites), self.encoder)
        np.savez(place / "state.npz", **state)  # type: ignore[arg-type]

    def load(self, place: Path) -> Any:
        with np.load(place / "state.npz") as kept:
            return self.statistic.finish(dict(kept))


def less_important(importance: NDArray[np.float64]) -> list[tuple[int, int]]:
    """All heads as (layer from 1, head), from the least important of (layer, head)."""
    order = np.argsort(importance, axis=None, kind="stable")
    return [(int(k // importance.shape[1]) + 1, int(k % importance.shape[1])) for k in order]


def in_random_order(layers: int, heads: int, seed: int) -> list[tuple[int, int]]:
    """All heads in a random order: the control of every other one."""
    return less_important(np.random.default_rng([seed, 5]).random((layers, heads)))


def subnetwork(
    encoder: Encoder, heads: NDArray[np.float64], neurons: NDArray[np.float64], share: float
) -> tuple[Site, ...]:
    """The sites that go so that `share` of all heads and of all neurons stay: those with the highest values, over all layers."""
    gone = []
    for kind, values in (("head", heads), ("neuron", neurons)):
        order = np.argsort(-values, axis=None, kind="stable")[round(share * values.size) :]
        gone += [Site(kind, int(k // values.shape[1]) + 1, int(k % values.shape[1])) for k in order]
    return tuple(gone)


__all__ = [
    "GateSurvival", "Importance", "Part", "Reading", "Silenced", "Silencing", "grid", "in_random_order", "less_important",
    "subnetwork", "tuned_beside",
]  # fmt: skip
