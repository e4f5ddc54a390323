"""Linear probes (Alain & Bengio 2017; Belinkov et al. 2017): softmax regression on frozen vectors, all layers at once.

The problem is convex, and solved in coordinates in which the training features are white (roughly Newton's metric): by L-BFGS over at most
8,192 rows, else by Adam on minibatches; then weights and gradients change coordinates, the data never do.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from bertology.probe.rows import (
    Vectors,
    blocks,
    check,
    class_list,
    encode_labels,
    finite,
    location_and_scale,
    minibatches,
    schedule,
    take,
    white_axes,
    whitening,
)
from bertology.probe.scores import Scores
from bertology.record.errors import BadRequest

__all__ = ["LinearProbe", "Scores"]

Labelled = tuple[Vectors, NDArray[Any]]

ITERATIONS = 30
"""Of L-BFGS, about as many passes: within .003 nats of the optimum on vectors of real encoders."""
UNSEEN = -1e4


@dataclass
class LinearProbe:
    """Softmax regression p(class | x) ∝ exp(w_class · x + b_class), one per layer, trained together.

    Minimises mean loss + l2 / (2 · rows) · |W|² over standardised features, which is scikit-learn's LogisticRegression
    after StandardScaler with C = 1 / l2. With a dev set, every strength in `l2` is trained beside the others and each
    layer keeps the one with the lowest dev loss; without, the first is used. `epochs`, `batch`, `min_steps`, `learning_rate` and `seed`
    are Adam's, for more than 8,192 rows. A class that no row has keeps the probability of half a row.
    """

    l2: tuple[float, ...] = (10.0, 100.0, 1.0)
    epochs: float = 4.0
    batch: int = 1024
    min_steps: int = 200
    learning_rate: float = 0.015
    seed: int = 0

    classes_: NDArray[Any] = field(init=False, repr=False)
    weight_: Float[Tensor, "layer class width"] = field(init=False, repr=False)
    bias_: Float[Tensor, "layer class"] = field(init=False, repr=False)
    l2_: NDArray[np.float64] = field(init=False, repr=False)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {name: getattr(self, name) for name, f in self.__dataclass_fields__.items() if f.init}

    def fit(
        self,
        vectors: Vectors,
        labels: NDArray[Any],
        *,
        dev: Labelled | None = None,
        rows: NDArray[np.integer[Any]] | None = None,
        classes: NDArray[Any] | None = None,
    ) -> "LinearProbe":
        """Learns from `vectors` (layer, row, width) and `labels` (row,), or from some `rows` of them.

        `classes` lists labels that must be told apart though they may not occur. Raises BadRequest on shapes that do
        not fit or fewer than two classes, NotFinite on NaN.
        """
        check(vectors, labels, rows)
        labels = np.asarray(labels)
        self.classes_ = class_list(labels if rows is None else labels[rows], classes)
        strengths = self.l2 if dev is not None else self.l2[:1]
        ((weight, bias),) = self._optimise(vectors, [(labels, self.classes_)], rows, strengths)
        best = torch.zeros(len(weight), dtype=torch.long)
        if dev is not None and len(strengths) > 1:
            check(*dev)
            best = self._dev_loss(weight, bias, dev).argmin(1)
        return self._keep(weight, bias, best, strengths)

    def fit_all(
        self,
        vectors: Vectors,
        labels: Mapping[str, NDArray[Any]],
        *,
        rows: NDArray[np.integer[Any]] | None = None,
        classes: Mapping[str, NDArray[Any]] | None = None,
    ) -> "dict[str, LinearProbe]":
        """A probe for each task that labels the same rows, as `fit` gives each alone, in one go: the vectors are read once for all.

        `labels` and `classes` are those of `fit` by task; the first strength is used. Raises what `fit` does.
        """
        tasks: list[tuple[NDArray[Any], NDArray[Any]]] = []
        for name, given in labels.items():
            check(vectors, given, rows)
            own = np.asarray(given)
            known = classes[name] if classes is not None else None
            tasks.append((own, class_list(own if rows is None else own[rows], known)))
        found = self._optimise(vectors, tasks, rows, self.l2[:1])
        probes: dict[str, LinearProbe] = {name: replace(self) for name in labels}
        for probe, (_, known), (weight, bias) in zip(probes.values(), tasks, found, strict=True):
            probe.classes_ = known
            probe._keep(weight, bias, torch.zeros(len(weight), dtype=torch.long), self.l2[:1])
        return probes

    def _keep(self, weight: Tensor, bias: Tensor, best: Tensor, strengths: tuple[float, ...]) -> "LinearProbe":
        """Each layer's own strength, and the weights learnt under it."""
        finite(weight, "weights learnt from the vectors")
        layer = torch.arange(len(weight))
        self.weight_, self.bias_ = weight[layer, best].contiguous(), bias[layer, best].contiguous()
        self.l2_ = np.array(strengths)[best.numpy()]
        return self

    def log_probabilities(self, vectors: Vectors) -> Float[Tensor, "layer row class"]:
        """ln p of every class; large when there are many rows: `evaluate` streams instead."""
        check(vectors)
        parts = [_logits(x, self.weight_, self.bias_).log_softmax(1) for _, x in blocks(vectors)]
        return torch.cat(parts, 2).transpose(1, 2)

    def predict(self, vectors: Vectors) -> NDArray[Any]:
        """The most probable label, (layer, row)."""
        check(vectors)
        places = [_logits(x, self.weight_, self.bias_).argmax(1) for _, x in blocks(vectors)]
        return self.classes_[torch.cat(places, 1).numpy()]

    def score(self, vectors: Vectors, labels: NDArray[Any]) -> NDArray[np.float64]:
        """Accuracy, (layer,), 0 to 1."""
        return self.evaluate(vectors, labels).accuracy

    def evaluate(
        self, vectors: Vectors, labels: NDArray[Any], *, rows: NDArray[np.integer[Any]] | None = None
    ) -> Scores:
        """Correctness, loss in nats and prediction of every row (or of `rows`, in their order)."""
        n = check(vectors, labels, rows)
        target = encode_labels(labels if rows is None else np.asarray(labels)[rows], self.classes_)
        return score_blocks(
            ((place, _logits(x, self.weight_, self.bias_)) for place, x in blocks(vectors, rows)),
            target, self.classes_, layers=len(self.weight_), rows=n,
        )  # fmt: skip

    def _optimise(
        self,
        vectors: Vectors,
        tasks: Sequence[tuple[NDArray[Any], NDArray[Any]]],
        rows: NDArray[np.integer[Any]] | None,
        strengths: tuple[float, ...],
    ) -> list[tuple[Float[Tensor, "layer strength class width"], Float[Tensor, "layer strength class"]]]:
        """Weights and biases in the vectors' own coordinates, for each task (labels, classes)."""
        if not strengths or min(strengths) < 0:
            raise BadRequest(f"l2 = {self.l2}.", "Give at least one strength, none negative.")
        rows = np.arange(vectors.shape[1]) if rows is None else np.asarray(rows)
        mean, std, sample = location_and_scale(vectors, rows)
        sample = (sample - mean[:, None]) / std[:, None]
        softmaxes = _Softmaxes.of(tasks, rows, strengths)
        if len(rows) == sample.shape[1]:
            learnt = _at_once(softmaxes, sample)
        else:
            whiten = whitening(sample)
            del sample
            learnt = self._in_batches(softmaxes, vectors, rows, mean, std, whiten)
        weight = learnt[:, :, :-1] / std[:, None]
        bias = learnt[:, :, -1] - torch.einsum("lkd,ld->lk", weight, mean)
        return [
            (weight[:, place].unflatten(1, (len(strengths), -1)), bias[:, place].unflatten(1, (len(strengths), -1)))
            for place in softmaxes.places
        ]

    def _in_batches(
        self, softmaxes: "_Softmaxes", vectors: Vectors, rows: NDArray[np.integer[Any]], mean: Tensor, std: Tensor, whiten: Tensor
    ) -> Float[Tensor, "layer class width1"]:  # fmt: skip
        """Adam over rows that are read anew; weights of standardised features, biases last."""
        white = softmaxes.start(len(vectors), vectors.shape[2])
        first, second = torch.zeros_like(white), torch.zeros_like(white)
        steps = max(self.min_steps, math.ceil(self.epochs * len(rows) / self.batch))
        for step, picked in enumerate(minibatches(len(rows), size=self.batch, steps=steps, seed=self.seed), start=1):
            standard = torch.bmm(white[:, :, :-1], whiten)
            weight = standard / std[:, None]
            bias = white[:, :, -1] - torch.einsum("lkd,ld->lk", weight, mean)
            x = take(vectors, rows[picked])
            _, error = softmaxes.error(_logits(x, weight, bias), picked)
            total = error.sum(2)
            gradient = (torch.bmm(error, x) - total[:, :, None] * mean[:, None]) / std[
                :, None
            ] + softmaxes.pull * standard
            gradient = torch.cat([torch.bmm(gradient, whiten), total[:, :, None]], 2)
            first.lerp_(gradient, 0.1)
            second.lerp_(gradient.square(), 0.01)
            rate = self.learning_rate * schedule(step / steps)
            white -= rate * (first / (1 - 0.9**step)) / ((second / (1 - 0.99**step)).sqrt() + 1e-8)
        white[:, :, :-1] = torch.bmm(white[:, :, :-1], whiten)
        return softmaxes.with_unseen(white)

    def _dev_loss(
        self,
        weight: Float[Tensor, "layer strength class width"],
        bias: Float[Tensor, "layer strength class"],
        dev: Labelled,
    ) -> Float[Tensor, "layer strength"]:
        """Mean dev loss over the labels that occur in training."""
        target = encode_labels(dev[1], self.classes_)
        loss = torch.zeros(weight.shape[:2], dtype=torch.float64)
        for place, x in blocks(dev[0]):
            known = (target[place] >= 0).nonzero()[:, 0]
            logits = _logits(x[:, known], weight.flatten(1, 2), bias.flatten(1, 2)).unflatten(1, weight.shape[1:3])
            loss -= logits.log_softmax(2)[:, :, target[place][known], torch.arange(len(known))].double().sum(2)
        return loss


@dataclass(frozen=True)
class _Softmaxes:
    """Softmax regressions that read the same rows: a row of weights for each task, strength and class.

    `goals` are the tasks' labels as places among their classes, `places` their rows of weights, `pull` (1, weights, 1) l2 / rows, `counts`
    the rows that have each weight's class.
    """

    goals: list[Int[Tensor, "row"]]
    places: list[slice]
    strengths: int
    pull: Float[Tensor, "1 class 1"]
    counts: Float[Tensor, "class"]
    level: list[Float[Tensor, "layer strength"]] = field(default_factory=list)

    @classmethod
    def of(
        cls, tasks: Sequence[tuple[NDArray[Any], NDArray[Any]]], rows: NDArray[np.integer[Any]], strengths: tuple[float, ...]
    ) -> "_Softmaxes":  # fmt: skip
        goals = [encode_labels(labels[rows], known) for labels, known in tasks]
        sizes = [len(known) for _, known in tasks]
        ends = np.cumsum([0, *(len(strengths) * size for size in sizes)]).tolist()
        pull = torch.cat([torch.tensor(strengths).repeat_interleave(size) / len(rows) for size in sizes])
        seen = [
            torch.bincount(goal.clamp(min=0), minlength=size).float() for goal, size in zip(goals, sizes, strict=True)
        ]
        counts = torch.cat([one.repeat(len(strengths)) for one in seen])
        return cls(goals, [slice(a, b) for a, b in pairwise(ends)], len(strengths), pull[None, :, None], counts)

    def start(self, layers: int, width: int) -> Float[Tensor, "layer class width1"]:
        """No weights, and biases that give each class its share; a class that no row has takes no part."""
        white = torch.zeros(layers, len(self.counts), width + 1)
        white[:, :, -1] = torch.where(self.counts > 0, self.counts.log(), UNSEEN)
        return white

    def curvature(self) -> Float[Tensor, "1 class 1"]:
        """p(1 - p) of each class: about what the loss curves by along its weights."""
        share = self.counts / len(self.goals[0])
        return (share * (1 - share))[None, :, None]

    def error(
        self, logits: Float[Tensor, "layer class row"], picked: NDArray[np.int64]
    ) -> tuple[Tensor, Float[Tensor, "layer class row"]]:
        """The mean loss of the rows, summed over layers and tasks, and what it changes by with each logit (which it overwrites)."""
        loss, row, chosen = torch.zeros((), dtype=torch.float64), torch.arange(len(picked)), torch.from_numpy(picked)
        self.level.clear()
        for place, goal in zip(self.places, self.goals, strict=True):
            part = logits[:, place].unflatten(1, (self.strengths, -1))
            level = part.logsumexp(2, keepdim=True)
            self.level.append(level.mean((2, 3)))
            part = part - level
            loss -= part[:, :, goal[chosen], row].sum().double()
            part = part.exp_()
            part[:, :, goal[chosen], row] -= 1
            logits[:, place] = part.flatten(1, 2)
        return loss / len(picked), logits / len(picked)

    def with_unseen(self, weights: Float[Tensor, "layer class width1"]) -> Float[Tensor, "layer class width1"]:
        """The weights after the last `error`; a class that no row has gets the probability of half a row, instead of none."""
        for place, level in zip(self.places, self.level, strict=True):
            half = (level + math.log(0.5 / len(self.goals[0]))).repeat_interleave(
                (place.stop - place.start) // self.strengths, 1
            )
            weights[:, place, -1] = torch.where(self.counts[place] > 0, weights[:, place, -1], half)
        return weights


def _at_once(softmaxes: _Softmaxes, standard: Float[Tensor, "layer row width"]) -> Float[Tensor, "layer class width1"]:
    """L-BFGS over all rows, each layer alone, in white coordinates scaled so that the loss curves alike along all of them."""
    every, learnt = np.arange(standard.shape[1]), []
    for layer in standard.split(1):
        axes, scale = white_axes(layer)
        x = torch.bmm(layer, axes) * scale
        start = softmaxes.start(1, x.shape[2])
        pull = torch.nn.functional.pad(softmaxes.pull * scale.square(), (0, 1))
        step = (softmaxes.curvature() + pull).clamp(min=1e-6).pow(-0.25)
        moved = torch.zeros_like(start, requires_grad=True)
        search = torch.optim.LBFGS([moved], max_iter=ITERATIONS, tolerance_grad=1e-6, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            white = start + step * moved.detach()  # noqa: B023
            value, error = softmaxes.error(_logits(x, white[:, :, :-1], white[:, :, -1]), every)  # noqa: B023
            gradient = torch.cat([torch.bmm(error, x), error.sum(2, keepdim=True)], 2) + pull * white  # noqa: B023
            moved.grad = step * gradient  # noqa: B023
            return value + (pull * white.square()).sum().double() / 2  # noqa: B023

        search.step(loss)  # type: ignore[arg-type]
        white = start + step * moved.detach()
        white = torch.cat([torch.bmm(white[:, :, :-1] * scale, axes.transpose(1, 2)), white[:, :, -1:]], 2)
        learnt.append(softmaxes.with_unseen(white))
    return torch.cat(learnt)


def score_blocks(parts: Any, target: Int[Tensor, "row"], classes: NDArray[Any], *, layers: int, rows: int) -> Scores:
    """Scores from an iterator of (place, logits (layer, class, row)); target -1 is a label not among `classes`."""
    correct = np.zeros((layers, rows), dtype=bool)
    loss = np.full((layers, rows), np.inf, dtype=np.float32)
    predicted = np.zeros((layers, rows), dtype=np.int64)
    for place, logits in parts:
        finite(logits, "logits")
        goal = target[place]
        best = logits.argmax(1)
        predicted[:, place] = best.numpy()
        correct[:, place] = (best == goal).numpy()
        log_p = logits.log_softmax(1)[:, goal.clamp(min=0), torch.arange(len(goal))]
        loss[:, place] = torch.where(goal >= 0, -log_p, torch.inf).numpy()
    return Scores(correct, loss, classes[predicted])


def _logits(
    x: Float[Tensor, "layer row width"], weight: Float[Tensor, "layer class width"], bias: Float[Tensor, "layer class"]
) -> Float[Tensor, "layer class row"]:
    # Classes before rows: this order of the product is twice as fast where classes are few.
    return torch.baddbmm(bias[:, :, None], weight, x.transpose(1, 2))
