"""Probes with one or two hidden layers (Conneau et al. 2018; Hewitt & Liang 2019), for all layers at once."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from bertology.probe.linear import Labelled, score_blocks
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
)
from bertology.probe.scores import Scores
from bertology.record.errors import BadRequest


@dataclass
class MLPProbe:
    """softmax(W·relu(…V x…)) on standardised features, `layers` hidden layers of `hidden` units.

    AdamW with `decay`; with a dev set each layer keeps the weights of the epoch with the lowest dev loss. All layers
    start from one draw and see one order of rows, so reordering the layers reorders the results.
    """

    hidden: int = 64
    layers: int = 1
    decay: float = 0.01
    epochs: int = 5
    batch: int = 1024
    min_steps: int = 200
    learning_rate: float = 0.003
    seed: int = 0

    classes_: NDArray[Any] = field(init=False, repr=False)
    weights_: list[Float[Tensor, "layer out in"]] = field(init=False, repr=False)
    biases_: list[Float[Tensor, "layer out"]] = field(init=False, repr=False)
    _mean: Float[Tensor, "layer width"] = field(init=False, repr=False)
    _std: Float[Tensor, "layer width"] = field(init=False, repr=False)

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
    ) -> "MLPProbe":
        """Learns from `vectors` (layer, row, width) and `labels` (row,), or some `rows` of them; as LinearProbe.fit."""
        n = check(vectors, labels, rows)
        if self.layers not in (1, 2) or self.hidden < 1:
            raise BadRequest(
                f"layers = {self.layers}, hidden = {self.hidden}.", "Choose 1 or 2 layers of 1 unit or more."
            )
        labels, rows = np.asarray(labels), np.arange(n) if rows is None else np.asarray(rows)
        self.classes_ = class_list(labels[rows], classes)
        target = encode_labels(labels, self.classes_)
        self._mean, self._std, _ = location_and_scale(vectors, rows)
        self.weights_, self.biases_ = self._start(len(vectors), vectors.shape[2])
        parameters = [p.requires_grad_() for p in (*self.weights_, *self.biases_)]
        adam = torch.optim.AdamW(parameters, weight_decay=self.decay)
        per_epoch = max(math.ceil(n / self.batch), math.ceil(self.min_steps / self.epochs))
        steps = per_epoch * self.epochs
        best, lowest = [p.detach().clone() for p in parameters], torch.full((len(vectors),), torch.inf)
        for step, picked in enumerate(minibatches(n, size=self.batch, steps=steps, seed=self.seed), start=1):
            for group in adam.param_groups:
                group["lr"] = self.learning_rate * schedule(step / steps)
            goal = target[torch.from_numpy(rows[picked])].expand(len(vectors), -1)
            logits = self._logits(take(vectors, rows[picked]))
            loss = torch.nn.functional.cross_entropy(logits, goal, reduction="sum") / len(picked)
            adam.zero_grad()
            loss.backward()
            adam.step()
            if dev is not None and step % per_epoch == 0:
                held_out = torch.from_numpy(np.ma.masked_invalid(self.evaluate(*dev).loss).mean(1).filled(np.inf))
                better = held_out < lowest
                lowest = torch.where(better, held_out, lowest)
                for kept, now in zip(best, parameters, strict=True):
                    kept[better] = now.detach()[better]
        final = best if dev is not None else [p.detach() for p in parameters]
        finite(final[0], "weights learnt from the vectors")
        self.weights_, self.biases_ = final[: self.layers + 1], final[self.layers + 1 :]
        return self

    def predict(self, vectors: Vectors) -> NDArray[Any]:
        """The most probable label, (layer, row)."""
        return self.evaluate(vectors, np.full(check(vectors), self.classes_[0])).predicted

    def score(self, vectors: Vectors, labels: NDArray[Any]) -> NDArray[np.float64]:
        """Accuracy, (layer,), 0 to 1."""
        return self.evaluate(vectors, labels).accuracy

    def evaluate(
        self, vectors: Vectors, labels: NDArray[Any], *, rows: NDArray[np.integer[Any]] | None = None
    ) -> Scores:
        """Correctness, loss in nats and prediction of every row (or of `rows`, in their order)."""
        n = check(vectors, labels, rows)
        target = encode_labels(np.asarray(labels) if rows is None else np.asarray(labels)[rows], self.classes_)

        def parts() -> Iterator[tuple[slice, Tensor]]:
            with torch.no_grad():
                for place, x in blocks(vectors, rows):
                    yield place, self._logits(x)

        return score_blocks(parts(), target, self.classes_, layers=len(vectors), rows=n)

    def _start(self, layers: int, width: int) -> tuple[list[Tensor], list[Tensor]]:
        """He initialisation (He et al. 2015), the same for every layer; the output starts at 0."""
        generator = torch.Generator().manual_seed(self.seed)
        sizes = [width, *[self.hidden] * self.layers, len(self.classes_)]
        weights = [
            torch.randn(1, b, a, generator=generator).mul(math.sqrt(2 / a)).repeat(layers, 1, 1)
            for a, b in pairwise(sizes)
        ]
        weights[-1].zero_()
        return weights, [torch.zeros(layers, b) for b in sizes[1:]]

    def _logits(self, x: Float[Tensor, "layer row width"]) -> Float[Tensor, "layer class row"]:
        value = ((x - self._mean[:, None]) / self._std[:, None]).transpose(1, 2)
        for depth, (weight, bias) in enumerate(zip(self.weights_, self.biases_, strict=True)):
            value = torch.baddbmm(bias[:, :, None], weight, value.relu() if depth else value)
        return value
