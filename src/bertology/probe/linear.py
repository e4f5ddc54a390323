"""Linear probes (Alain & Bengio 2017; Belinkov et al. 2017): softmax regression on frozen vectors, all layers at once.

Adam runs on minibatches in coordinates in which the training features are white (roughly Newton's metric), so that few
passes reach the optimum of a convex problem; weights and gradients change coordinates, the data never do.
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
    whitening,
)
from bertology.probe.scores import Scores
from bertology.record.errors import BadRequest

__all__ = ["LinearProbe", "Scores"]

Labelled = tuple[Vectors, NDArray[Any]]


@dataclass
class LinearProbe:
    """Softmax regression p(class | x) ∝ exp(w_class · x + b_class), one per layer, trained together.

    Minimises mean loss + l2 / (2 · rows) · |W|² over standardised features, which is scikit-learn's LogisticRegression
    after StandardScaler with C = 1 / l2. With a dev set, every strength in `l2` is trained beside the others and each
    layer keeps the one with the lowest dev loss; without, the first is used. `epochs` passes, `min_steps` or more.
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
        probes = {name: replace(self) for name in labels}
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
        layers, _, width = vectors.shape
        n, n_strengths = len(rows), len(strengths)
        mean, std, sample = location_and_scale(vectors, rows)
        whiten = whitening((sample - mean[:, None]) / std[:, None])
        del sample
        goals = [encode_labels(labels[rows], known) for labels, known in tasks]
        # One row of `white` per task, strength and class; its last column is the bias.
        ends = np.cumsum([0, *(n_strengths * len(known) for _, known in tasks)]).tolist()
        places = [slice(a, b) for a, b in pairwise(ends)]
        white = torch.zeros(layers, ends[-1], width + 1)
        pull = torch.empty(1, ends[-1], 1)
        for place, goal, (_, known) in zip(places, goals, tasks, strict=True):
            counts = torch.bincount(goal.clamp(min=0), minlength=len(known)).float()
            white[:, place, -1] = ((counts + 0.5) / (n + 0.5 * len(known))).log().repeat(n_strengths)
            pull[0, place, 0] = torch.tensor(strengths).repeat_interleave(len(known)) / n
        first, second = torch.zeros_like(white), torch.zeros_like(white)
        steps = max(self.min_steps, math.ceil(self.epochs * n / self.batch))
        every = take(vectors, rows) if n <= self.batch else None
        for step, picked in enumerate(minibatches(n, size=self.batch, steps=steps, seed=self.seed), start=1):
            standard = torch.bmm(white[:, :, :-1], whiten)
            weight = standard / std[:, None]
            bias = white[:, :, -1] - torch.einsum("lkd,ld->lk", weight, mean)
            x = take(vectors, rows[picked]) if every is None else every
            error = _logits(x, weight, bias)
            for place, goal in zip(places, goals, strict=True):
                part = error[:, place].unflatten(1, (n_strengths, -1)).softmax(2)
                part[:, :, goal[torch.from_numpy(picked)], torch.arange(len(picked))] -= 1
                error[:, place] = part.flatten(1, 2)
            error /= len(picked)
            total = error.sum(2)
            gradient = (torch.bmm(error, x) - total[:, :, None] * mean[:, None]) / std[:, None] + pull * standard
            gradient = torch.cat([torch.bmm(gradient, whiten.transpose(1, 2)), total[:, :, None]], 2)
            first.lerp_(gradient, 0.1)
            second.lerp_(gradient.square(), 0.01)
            rate = self.learning_rate * schedule(step / steps)
            white -= rate * (first / (1 - 0.9**step)) / ((second / (1 - 0.99**step)).sqrt() + 1e-8)
        weight = torch.bmm(white[:, :, :-1], whiten) / std[:, None]
        bias = white[:, :, -1] - torch.einsum("lkd,ld->lk", weight, mean)
        return [
            (weight[:, place].unflatten(1, (n_strengths, -1)), bias[:, place].unflatten(1, (n_strengths, -1)))
            for place in places
        ]

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
