"""Ridge regression (Hoerl & Kennard 1970) from moments: all layers, no second pass over data."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertology.probe.rows import Vectors, blocks, check
from bertology.record.errors import BadRequest, NotFinite

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RegressionMoments:
    """Sums over rows, in float64; `+` joins those of disjoint rows, in any order.

    `n` rows; `x` (layer, width); `xx` (layer, width, width); `xy` (layer, width, target); `y`, `yy` (target,).
    """

    n: int
    x: Array
    xx: Array
    xy: Array
    y: Array
    yy: Array

    def __add__(self, other: "RegressionMoments") -> "RegressionMoments":
        if self.xy.shape != other.xy.shape:
            raise BadRequest(f"moments of shapes {self.xy.shape} and {other.xy.shape}.", "Add those of like vectors.")
        return RegressionMoments(
            self.n + other.n,
            self.x + other.x,
            self.xx + other.xx,
            self.xy + other.xy,
            self.y + other.y,
            self.yy + other.yy,
        )


def regression_moments(
    vectors: Vectors, targets: NDArray[Any], *, rows: NDArray[np.integer[Any]] | None = None
) -> RegressionMoments:
    """Moments of `vectors` (layer, row, width) and `targets` (row,) or (row, target), streamed in blocks."""
    n = check(vectors, targets, rows)
    y = np.asarray(targets, dtype=np.float64).reshape(vectors.shape[1], -1)
    y = y if rows is None else y[rows]
    layers, width = vectors.shape[0], vectors.shape[2]
    x_sum, xx = np.zeros((layers, width)), np.zeros((layers, width, width))
    xy = np.zeros((layers, width, y.shape[1]))
    for place, block in blocks(vectors, rows):
        x = block.double().numpy()
        # Overflow and NaN are refused below, by what reaches the sums.
        with np.errstate(invalid="ignore", over="ignore"):
            x_sum += x.sum(1)
            xx += x.transpose(0, 2, 1) @ x
            xy += x.transpose(0, 2, 1) @ y[place]
    if not (np.isfinite(x_sum).all() and np.isfinite(y).all()):
        raise NotFinite("vectors or targets hold NaN or infinite values.", "Drop or repair those rows.")
    return RegressionMoments(n, x_sum, xx, xy, y.sum(0), (y * y).sum(0))


@dataclass
class RidgeProbe:
    """Minimises Σ |y − Wᵀx − b|² + alpha |W|² per layer, the intercept unpenalised: scikit-learn's Ridge.

    Each layer keeps the `alphas` entry with the highest mean R² on the dev moments; without those, the first. Strengths
    are in units of the summed squares of features, so their use depends on the number of rows.
    """

    alphas: Sequence[float] = (1.0, 10.0, 100.0, 1e3, 1e4, 1e5)

    weight_: Array = field(init=False, repr=False)
    bias_: Array = field(init=False, repr=False)
    alpha_: Array = field(init=False, repr=False)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"alphas": self.alphas}

    def fit(self, train: RegressionMoments, *, dev: RegressionMoments | None = None) -> "RidgeProbe":
        """`weight_` (layer, width, target), `bias_` (layer, target) and `alpha_` (layer,) from moments alone."""
        alphas = list(self.alphas) if dev is not None else list(self.alphas)[:1]
        if not alphas or min(alphas) <= 0:
            raise BadRequest(f"alphas = {self.alphas}.", "Give at least one strength, all positive.")
        mean_x, mean_y = train.x / train.n, train.y / train.n
        gram = train.xx - train.n * mean_x[:, :, None] * mean_x[:, None]
        cross = train.xy - train.n * mean_x[:, :, None] * mean_y
        values, basis = np.linalg.eigh(gram)
        rotated = basis.transpose(0, 2, 1) @ cross
        fits = []
        for alpha in alphas:
            weight = basis @ (rotated / (values.clip(min=0) + alpha)[:, :, None])
            fits.append((weight, mean_y - np.einsum("lw,lwt->lt", mean_x, weight)))
        choice = np.zeros(len(gram), dtype=int)
        if dev is not None:
            choice = np.stack([_r2(weight, bias, dev).mean(1) for weight, bias in fits]).argmax(0)
        layer = np.arange(len(gram))
        self.weight_ = np.stack([weight for weight, _ in fits])[choice, layer]
        self.bias_ = np.stack([bias for _, bias in fits])[choice, layer]
        self.alpha_ = np.array(alphas)[choice]
        return self

    def predict(self, vectors: Vectors) -> Array:
        """Fitted values, (layer, row, target)."""
        check(vectors)
        parts = [x.double().numpy() @ self.weight_ + self.bias_[:, None] for _, x in blocks(vectors)]
        return np.concatenate(parts, axis=1)

    def score(self, test: RegressionMoments) -> Array:
        """R² on the rows behind `test`, (layer, target): 1 at best, 0 for their own mean, nan if constant."""
        return _r2(self.weight_, self.bias_, test)


def _r2(weight: Array, bias: Array, m: RegressionMoments) -> Array:
    """1 − Σ(y − Wᵀx − b)² / Σ(y − ȳ)², the squares multiplied out into moments."""
    fitted = np.einsum("lwt,lwt->lt", weight, np.matmul(m.xx, weight)) + m.n * bias**2
    fitted += 2 * bias * np.einsum("lwt,lw->lt", weight, m.x)
    residual = m.yy - 2 * (np.einsum("lwt,lwt->lt", weight, m.xy) + bias * m.y) + fitted
    around_mean = m.yy - m.y**2 / m.n
    with np.errstate(all="ignore"):
        return np.where(around_mean > 1e-12 * np.maximum(m.yy, 1e-300), 1 - residual / around_mean, np.nan)
