"""Erasing what a linear probe can read: INLP (Ravfogel et al. 2020), LEACE (Belrose et al. 2023), and random directions.

Vectors are (row, width), or (layer, row, width) with all layers fitted at once. What is erased is a projection: a
vector x becomes mean + P (x − mean), and P is all there is to an eraser (`projection`).
"""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from bertology.probe.linear import LinearProbe
from bertology.probe.rows import check, class_list, encode_labels, finite
from bertology.record.errors import BadRequest, NotFinite

Labelled = tuple[NDArray[np.floating[Any]], NDArray[Any]]


class Projection(NamedTuple):
    """x becomes mean + P (x − mean): `matrix` P (..., width, width), `mean` (..., width), zero where P acts on x itself.

    P is orthogonal for INLP and random directions, oblique for LEACE; both are idempotent.
    """

    matrix: NDArray[np.float64]
    mean: NDArray[np.float64]

    @property
    def rank(self) -> NDArray[np.int64]:
        """Dimensions erased, width − trace of P, (...)."""
        trace = np.trace(self.matrix, axis1=-2, axis2=-1)
        return np.rint(self.matrix.shape[-1] - trace).astype(np.int64)


@dataclass
class _Eraser:
    """What erasers share. Learnt: `projection`, `rank` (int, or (layer,) for several layers)."""

    projection: Projection = field(init=False, repr=False)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {name: getattr(self, name) for name, f in self.__dataclass_fields__.items() if f.init}

    @property
    def rank(self) -> int | NDArray[np.int64]:
        """How many dimensions are erased; (layer,) for several layers."""
        rank = self.projection.rank
        return rank if rank.ndim else int(rank)

    def transform(self, X: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """The vectors without what was erased, of the shape of X. BadRequest for another width or number of layers."""
        matrix, mean = self.projection
        X = np.asarray(X, dtype=np.float64)
        if X.ndim != matrix.ndim or X.shape[-1] != matrix.shape[-1] or X.shape[:-2] != matrix.shape[:-2]:
            raise BadRequest(f"vectors have shape {X.shape}, the eraser's matrix {matrix.shape}.",
                             "Give rows of the width, and as many layers, as it was fitted on.")  # fmt: skip
        shift = mean[..., None, :]
        return shift + (X - shift) @ np.swapaxes(matrix, -1, -2)

    def fit_transform(self, X: NDArray[np.floating[Any]], y: NDArray[Any]) -> NDArray[np.float64]:
        return self.fit(X, y).transform(X)

    def fit(self, X: NDArray[np.floating[Any]], y: NDArray[Any]) -> Self:
        raise NotImplementedError

    def _keep(self, matrix: NDArray[np.float64], mean: NDArray[np.float64], single: bool) -> Self:
        if not np.isfinite(matrix).all():
            raise NotFinite("the projection holds NaN or infinite values.", "Check the vectors it was fitted on.")
        self.projection = Projection(matrix[0], mean[0]) if single else Projection(matrix, mean)
        return self


@dataclass
class INLP(_Eraser):
    """Iterative null-space projection: linear classifiers of y are fitted, and the rows of their weights erased, in turn.

    A layer is done when a new classifier's accuracy on dev rows is within `slack` of the majority rate (its weights are
    not erased any more), or after `rounds`. P projects onto the intersection of the null spaces of all weights (the
    authors' formula). The classifiers are softmax regressions, by default a LinearProbe of a few hundred steps.
    `keep_mean` erases around the mean of X, so that the mean vector stays; as published it does not.

    Learnt beside `projection`: `accuracy_`, one list a layer, dev accuracy of each round's classifier, the last one
    that of what is left; `majority_`, the dev rate of the most frequent label; `at_chance_` (layer,), whether the end
    was reached before the rounds were over.
    """

    rounds: int = 60
    slack: float = 0.01
    keep_mean: bool = False
    probe: LinearProbe | None = None
    seed: int = 0

    accuracy_: list[list[float]] = field(init=False, repr=False)
    majority_: float = field(init=False, repr=False)
    at_chance_: NDArray[np.bool_] = field(init=False, repr=False)
    weights_: list[list[NDArray[np.float64]]] = field(init=False, repr=False)
    """By layer and round: the classifiers' weights, (class, width), as far as they act on what was left."""

    def fit(
        self,
        X: NDArray[np.floating[Any]],
        y: NDArray[Any],
        *,
        dev: Labelled | None = None,
    ) -> Self:
        """Learns what to erase; without `dev` (vectors, labels) a seeded fifth of the rows is held out for stopping.

        Holds the vectors once more, as float32. Raises BadRequest for shapes that do not fit or fewer than two classes.
        """
        layers, single = _layers(X, y)
        labels, mean = np.asarray(y), layers.mean(1, dtype=np.float64)
        if dev is None:
            mixed = np.random.default_rng(self.seed).permutation(len(labels))
            held, used = np.split(mixed, [max(1, len(labels) // 5)])
            if not len(used):
                raise BadRequest(f"{len(labels)} row.", "Give at least two, or dev rows.")
            dev_x, dev_y = layers[:, held], labels[held]
            layers, labels = layers[:, used], labels[used]
        else:
            (dev_x, _), dev_y = _layers(*dev), np.asarray(dev[1])
        classes = class_list(labels, None)
        shift = mean if self.keep_mean else np.zeros_like(mean)
        n_layers, _, width = layers.shape
        names, counts = np.unique(labels, return_counts=True)
        self.majority_ = float(np.mean(dev_y == names[counts.argmax()]))
        bases = [np.zeros((0, width)) for _ in range(n_layers)]
        self.weights_, self.accuracy_ = [[] for _ in range(n_layers)], [[] for _ in range(n_layers)]
        going = np.arange(n_layers)
        probe = replace(self.probe or LinearProbe(epochs=3.0, min_steps=120), seed=self.seed)
        for round in range(self.rounds + 1):
            left = [_without(layers[k], bases[k], shift[k]) for k in going]
            probe.fit(np.stack(left), labels, classes=classes)
            held_out = np.stack([_without(dev_x[k], bases[k], shift[k]) for k in going])
            accuracy = probe.evaluate(held_out, dev_y).accuracy
            weight = probe.weight_.double().numpy()
            on = []
            for place, k in enumerate(going.tolist()):
                self.accuracy_[k].append(float(accuracy[place]))
                if accuracy[place] <= self.majority_ + self.slack:
                    continue
                # Softmax does not see what all classes share, and the classifier saw only what was left.
                rows = weight[place] - weight[place].mean(0)
                rows = rows - rows @ bases[k].T @ bases[k]
                if round < self.rounds and len(bases[k]) < width:
                    self.weights_[k].append(rows)
                    bases[k] = np.concatenate([bases[k], _rowspace(rows)])
                    on.append(k)
            going = np.array(on, dtype=np.int64)
            if not len(going):
                break
        self.at_chance_ = np.array([a[-1] <= self.majority_ + self.slack for a in self.accuracy_])
        matrix = np.stack([np.eye(width) - basis.T @ basis for basis in bases])
        return self._keep(matrix, shift, single)


@dataclass
class LEACE(_Eraser):
    """Least-squares concept erasure: the smallest change after which no linear classifier of y beats the majority.

    In closed form, P = I − W⁺ U Uᵀ W, with W = Σxx^(−1/2) and U the left singular vectors of W Σxz, z the one-hot label:
    class means become one. It erases (classes − 1) dimensions around the mean of X and is exact on the rows it was
    fitted on: Σxx is the sample covariance without shrinkage, and only singular values below `tolerance` times the
    largest are dropped. (`concept_erasure.LeaceFitter` shrinks Σxx and drops values under 0.01 by default.)
    """

    tolerance: float = 1e-5

    def fit(self, X: NDArray[np.floating[Any]], y: NDArray[Any]) -> Self:
        """Learns from all rows. Raises BadRequest for shapes that do not fit or fewer than two classes."""
        layers, single = _layers(X, y)
        classes = class_list(np.asarray(y), None)
        target = encode_labels(np.asarray(y), classes)
        onehot = torch.nn.functional.one_hot(target, len(classes)).double()
        onehot -= onehot.mean(0)
        matrices, means = [], []
        for layer in layers:
            x = torch.from_numpy(np.asarray(layer, dtype=np.float64))
            mean = x.mean(0)
            matrices.append(_leace(x - mean, onehot, self.tolerance).numpy())
            means.append(mean.numpy())
        return self._keep(np.stack(matrices), np.stack(means), single)


@dataclass
class RandomDirections(_Eraser):
    """The control: as many random orthonormal directions erased as another eraser took, around the mean of X.

    `directions` is a number, or one a layer. Directions of a seed are nested: more directions hold the fewer. As INLP,
    `keep_mean` says whether the mean vector stays.
    """

    directions: int | tuple[int, ...] = 1
    keep_mean: bool = False
    seed: int = 0

    def fit(self, X: NDArray[np.floating[Any]], y: NDArray[Any] | None = None) -> Self:
        """Reads width, layers and mean of X; labels are ignored. BadRequest for more directions than dimensions."""
        layers, single = _layers(X, None)
        n_layers, _, width = layers.shape
        wanted = (self.directions,) * n_layers if isinstance(self.directions, int) else tuple(self.directions)
        if len(wanted) != n_layers or min(wanted) < 0 or max(wanted) > width:
            raise BadRequest(f"{self.directions} directions of {n_layers} layers of width {width}.",
                             "Give a number from 0 to the width, or one for each layer.")  # fmt: skip
        rng = np.random.default_rng(self.seed)
        bases = [np.linalg.qr(rng.standard_normal((width, width)))[0][:, :n] for n in wanted]
        mean = layers.mean(1, dtype=np.float64)
        matrix = np.stack([np.eye(width) - basis @ basis.T for basis in bases])
        return self._keep(matrix, mean if self.keep_mean else np.zeros_like(mean), single)


def _layers(X: NDArray[np.floating[Any]], y: NDArray[Any] | None) -> tuple[NDArray[np.floating[Any]], bool]:
    """(layer, row, width), and whether a single layer was given without its axis."""
    X = np.asarray(X)
    if X.ndim not in (2, 3):
        raise BadRequest(f"vectors have shape {X.shape}.", "Give (row, width) or (layer, row, width).")
    layers = X[None] if X.ndim == 2 else X
    check(layers, y)
    for k, layer in enumerate(layers):
        if not np.isfinite(layer.sum(dtype=np.float64)):
            raise NotFinite(f"vectors of layer {k} hold NaN or infinite values.", "Check the encoder's activations.")
    return layers, X.ndim == 2


def _without(
    x: NDArray[np.floating[Any]], basis: NDArray[np.float64], mean: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Rows without the directions of an orthonormal basis (direction, width), around a mean."""
    x = np.asarray(x, dtype=np.float32)
    if not len(basis):
        return x
    rows = basis.astype(np.float32)
    return x - ((x - mean.astype(np.float32)) @ rows.T) @ rows  # type: ignore[return-value]


def _rowspace(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """An orthonormal basis of the rows' span, (rank, width); directions under a thousandth of the first are rounding."""
    _, size, basis = np.linalg.svd(rows, full_matrices=False)
    return basis[size > 1e-3 * size[0]] if size[0] > 0 else basis[:0]


def _leace(
    x: Float[Tensor, "row width"], z: Float[Tensor, "row class"], tolerance: float
) -> Float[Tensor, "width width"]:
    """P for centred vectors and centred one-hot labels."""
    finite(x[None], "vectors")
    values, vectors = torch.linalg.eigh(x.T @ x / len(x))
    there = values > values[-1].clamp(min=0) * len(values) * torch.finfo(values.dtype).eps
    root = values.clamp(min=0).sqrt()
    whiten = (vectors * torch.where(there, 1 / root, 0.0)) @ vectors.T
    unwhiten = (vectors * torch.where(there, root, 0.0)) @ vectors.T
    u, size, _ = torch.linalg.svd(whiten @ (x.T @ z / len(x)), full_matrices=False)
    u = u[:, size > tolerance * size[0]] if size[0] > 0 else u[:, :0]
    return torch.eye(len(values), dtype=x.dtype) - (unwhiten @ u) @ (u.T @ whiten)
