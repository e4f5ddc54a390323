"""In how many dimensions do hidden states lie? Principal components of every layer's, with intervals over folds of examples."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bertology.compress.calls import states
from bertology.encoder.encoder import Encoder
from bertology.record.estimate import Estimate

FOLDS, VARIANCE = 10, 0.99


class Dimensions(NamedTuple):
    """Of the hidden states of a layer (0: embeddings): components that hold 99 % of the variance, and (Σ λ)² / Σ λ², of `width`."""

    layer: int
    width: int
    needed: Estimate
    participation: Estimate


class Sums(NamedTuple):
    """Of a layer's hidden states by fold: their number, sum, and sum of outer products."""

    n: NDArray[np.float64]
    first: Tensor
    second: Tensor

    def covariance(self, pick: NDArray[np.int64] | None = None) -> Tensor:
        """(width, width), over all folds or those picked."""
        where = np.arange(len(self.n)) if pick is None else pick
        count = float(self.n[where].sum())
        mean = self.first[where].double().sum(0) / count
        return self.second[where].double().sum(0) / count - torch.outer(mean, mean)


class Spectrum(NamedTuple):
    """Per layer, from the embeddings: sums, the mean, and the components (width, component), least variance first."""

    sums: list[Sums]
    means: list[Tensor]
    components: list[Tensor]


def spectrum(encoder: Encoder, given: Iterable[tuple[dict[str, Tensor], Tensor]]) -> Spectrum:
    """Of real tokens; `given` are (inputs of the trunk, mask of real tokens)."""
    layers = encoder.n_layers + 1
    n, first, second = np.zeros(FOLDS), [torch.zeros(0)] * layers, [torch.zeros(0)] * layers
    row = 0
    for inputs, mask in given:
        fold = torch.arange(row, row + len(mask), device=mask.device) % FOLDS
        row += len(mask)
        with torch.inference_mode(), states(encoder) as seen:
            encoder.base(**inputs)
        where = fold[:, None].expand_as(mask)[mask]
        n += np.bincount(where.cpu().numpy(), minlength=FOLDS)
        for k, hidden in enumerate(seen):
            x = hidden[:, : mask.shape[1]][mask].float()
            if not len(first[k]):
                first[k], second[k] = torch.zeros(FOLDS, x.shape[1]), torch.zeros(FOLDS, x.shape[1], x.shape[1])
            for f in range(FOLDS):
                part = x[where == f].cpu()
                first[k][f] += part.sum(0)
                second[k][f] += part.T @ part
    full = n > 0
    sums = [Sums(n[full], a[full], b[full]) for a, b in zip(first, second, strict=True)]  # type: ignore[index]
    means = [(s.first.sum(0) / s.n.sum()).to(encoder.device) for s in sums]
    components = [torch.linalg.eigh(s.covariance()).eigenvectors.float().to(encoder.device) for s in sums]
    return Spectrum(sums, means, components)


def dimensions(found: Spectrum, *, draws: int = 20, seed: int = 0) -> list[Dimensions]:
    """Of each layer, with intervals that resample folds."""
    rng, rows = np.random.default_rng([seed, 29]), []
    for layer, sums in enumerate(found.sums):
        folds = len(sums.n)
        value = _spread(sums.covariance())
        drawn = np.array([_spread(sums.covariance(rng.integers(folds, size=folds))) for _ in range(draws)])
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        needed, ratio = (
            Estimate(
                value[k], float(low[k]), float(high[k]), int(sums.n.sum()), "dimensions", f"bootstrap of {folds} folds"
            )
            for k in range(2)
        )
        rows.append(Dimensions(layer, sums.first.shape[1], needed, ratio))
    return rows


def _spread(covariance: Tensor) -> tuple[float, float]:
    """(components for 99 % of the variance, participation ratio)."""
    values = torch.linalg.eigvalsh(covariance).clamp(min=0).flip(0).numpy()
    share = np.cumsum(values) / values.sum()
    return float(np.searchsorted(share, VARIANCE) + 1), float(values.sum() ** 2 / (values**2).sum())
