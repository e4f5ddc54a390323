"""Scalar mixing weights and cumulative scoring (Tenney, Das & Pavlick 2019): which layers a task draws on."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from bertology.probe.linear import score_blocks
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


@dataclass
class ScalarMix:
    """Softmax regression on Σ_l a_l h_l with a = softmax(s), mix and classifier learnt together.

    Features are standardised per layer first, so that weights of layers of different scale compare. The published scale
    factor γ is left out: it is one with the classifier's own scale. `l2` as in LinearProbe, on the classifier.
    With `cumulative`, one probe P(l) for every l, mixing layers 0 to l; otherwise one, mixing all.
    """

    cumulative: bool = False
    l2: float = 10.0
    epochs: float = 5.0
    batch: int = 1024
    min_steps: int = 200
    learning_rate: float = 0.01
    seed: int = 0

    classes_: NDArray[Any] = field(init=False, repr=False)
    mix_: NDArray[np.float64] = field(init=False, repr=False)
    weight_: Float[Tensor, "probe class width"] = field(init=False, repr=False)
    bias_: Float[Tensor, "probe class"] = field(init=False, repr=False)
    _mean: Float[Tensor, "layer width"] = field(init=False, repr=False)
    _std: Float[Tensor, "layer width"] = field(init=False, repr=False)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {name: getattr(self, name) for name, f in self.__dataclass_fields__.items() if f.init}

    def fit(
        self,
        vectors: Vectors,
        labels: NDArray[Any],
        *,
        rows: NDArray[np.integer[Any]] | None = None,
        classes: NDArray[Any] | None = None,
    ) -> "ScalarMix":
        """Learns from `vectors` (layer, row, width) and `labels` (row,), or some `rows` of them.

        Afterwards `mix_` (probe, layer) holds the mixing weights; rows sum to 1. Raises BadRequest, NotFinite.
        """
        n = check(vectors, labels, rows)
        labels, rows = np.asarray(labels), np.arange(n) if rows is None else np.asarray(rows)
        self.classes_ = class_list(labels[rows], classes)
        target = encode_labels(labels, self.classes_)
        layers, _, width = vectors.shape
        self._mean, self._std, sample = location_and_scale(vectors, rows)
        allowed = torch.ones(layers, layers).tril().bool() if self.cumulative else torch.ones(1, layers).bool()
        flat = allowed / allowed.sum(1, keepdim=True)
        whiten = whitening(_mixed((sample - self._mean[:, None]) / self._std[:, None], flat))
        del sample
        probes, n_classes = len(allowed), len(self.classes_)
        white = torch.zeros(probes, n_classes, width, requires_grad=True)
        bias = torch.zeros(probes, n_classes, requires_grad=True)
        scalars = torch.zeros(probes, layers, requires_grad=True)
        # The mix moves faster than the classifier: it has few parameters, each fed by every row.
        adam = torch.optim.Adam([{"params": [white, bias], "factor": 1.0}, {"params": [scalars], "factor": 2.0}])
        steps = max(self.min_steps, math.ceil(self.epochs * n / self.batch))
        for step, picked in enumerate(minibatches(n, size=self.batch, steps=steps, seed=self.seed), start=1):
            for group in adam.param_groups:
                group["lr"] = group["factor"] * self.learning_rate * schedule(step / steps)
            x = (take(vectors, rows[picked]) - self._mean[:, None]) / self._std[:, None]
            weight = torch.bmm(white, whiten)
            mix = scalars.masked_fill(~allowed, -torch.inf).softmax(1)
            logits = torch.baddbmm(bias[:, :, None], weight, _mixed(x, mix).transpose(1, 2))
            goal = target[torch.from_numpy(rows[picked])].expand(probes, -1)
            loss = torch.nn.functional.cross_entropy(logits, goal, reduction="sum") / len(picked)
            loss = loss + weight.square().sum() * (self.l2 / (2 * n))
            adam.zero_grad()
            loss.backward()
            adam.step()
        with torch.no_grad():
            self.weight_, self.bias_ = torch.bmm(white, whiten), bias.detach()
            finite(self.weight_, "weights learnt from the vectors")
            self.mix_ = scalars.detach().double().masked_fill(~allowed, -torch.inf).softmax(1).numpy()
        return self

    def evaluate(
        self, vectors: Vectors, labels: NDArray[Any], *, rows: NDArray[np.integer[Any]] | None = None
    ) -> Scores:
        """Scores whose first axis is the probe: P(0) to P(L) if `cumulative`, else the one over all layers."""
        n = check(vectors, labels, rows)
        target = encode_labels(np.asarray(labels) if rows is None else np.asarray(labels)[rows], self.classes_)
        return score_blocks(self._logits(vectors, rows), target, self.classes_, layers=len(self.weight_), rows=n)

    def predict(self, vectors: Vectors) -> NDArray[Any]:
        """The most probable label, (probe, row)."""
        return self.evaluate(vectors, np.full(check(vectors), self.classes_[0])).predicted

    def score(self, vectors: Vectors, labels: NDArray[Any]) -> NDArray[np.float64]:
        """Accuracy, (probe,), 0 to 1."""
        return self.evaluate(vectors, labels).accuracy

    @property
    def centre_of_gravity(self) -> float:
        """E[l] = Σ l · a_l of the probe over all layers; layer 0 is the embeddings."""
        return float(self.mix_[-1] @ np.arange(self.mix_.shape[1]))

    @property
    def divergence(self) -> float:
        """KL(a ‖ uniform) in nats of the probe over all layers: 0 for a flat mix, ln(layers) for a single layer."""
        weights = self.mix_[-1]
        return float(np.sum(np.where(weights > 0, weights * np.log(np.maximum(weights, 1e-300) * len(weights)), 0.0)))

    def _logits(
        self, vectors: Vectors, rows: NDArray[np.integer[Any]] | None
    ) -> Iterator[tuple[slice, Float[Tensor, "probe class row"]]]:
        mix = torch.from_numpy(self.mix_).float()
        for place, x in blocks(vectors, rows):
            mixed = _mixed((x - self._mean[:, None]) / self._std[:, None], mix)
            yield place, torch.baddbmm(self.bias_[:, :, None], self.weight_, mixed.transpose(1, 2))


def cumulative(
    train: tuple[Vectors, NDArray[Any]], test: tuple[Vectors, NDArray[Any]], **options: Any
) -> tuple[Scores, ScalarMix]:
    """Scores of P(0) to P(L) on `test` after learning on `train`, and the fitted probes; `options` are ScalarMix's.

    `expected_layer` turns accuracies, also resampled ones, into the expected layer.
    """
    classes = np.union1d(np.asarray(train[1]), np.asarray(test[1]))
    probes = ScalarMix(cumulative=True, **options).fit(*train, classes=classes)
    return probes.evaluate(*test), probes


def expected_layer(accuracy: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Σ l · Δ_l / Σ Δ_l over layers 1 to L, with Δ_l = accuracy of P(l) − accuracy of P(l−1).

    `accuracy` (..., layer) may carry axes of resamples in front; the answer is (...,), nan where the top probe is no
    better than the bottom one. A layer that hurts counts negatively, as published, so values beyond 0 to L can occur.
    """
    accuracy = np.asarray(accuracy, dtype=np.float64)
    if accuracy.shape[-1] < 2:
        raise BadRequest(
            f"{accuracy.shape[-1]} layer.", "An expected layer needs the embeddings and at least one layer."
        )
    gain = np.diff(accuracy, axis=-1)
    total = gain.sum(-1)
    with np.errstate(all="ignore"):
        return np.where(total > 0, (gain * np.arange(1, gain.shape[-1] + 1)).sum(-1) / total, np.nan)


def _mixed(x: Float[Tensor, "layer row width"], mix: Float[Tensor, "probe layer"]) -> Float[Tensor, "probe row width"]:
    return (mix @ x.flatten(1)).unflatten(1, x.shape[1:])
