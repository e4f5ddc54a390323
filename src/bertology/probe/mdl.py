"""Description lengths of labels (Voita & Titov 2020): the bits that they cost whoever holds the vectors.

The online code sends labels in portions, each under a probe trained on those before; the variational code sends a probe
as precisely as it is worth, then all labels under it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from bertology.probe.linear import LinearProbe
from bertology.probe.mlp import MLPProbe
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

PORTIONS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.0625, 0.125, 0.25, 0.5, 1.0)
"""Shares of the data after which the probe is trained anew, as published."""


@dataclass(frozen=True, slots=True)
class Codelength:
    """`bits` (layer, row): the cost of each row's label, in the caller's order; sums are codelengths.

    `uniform` is the cost without any learning, rows · log2(classes); `ends` the numbers of rows after which the
    probe was trained anew.
    """

    bits: NDArray[np.float64]
    uniform: float
    ends: tuple[int, ...]

    @property
    def total(self) -> NDArray[np.float64]:
        """Codelength L in bits, (layer,)."""
        return self.bits.sum(1)

    @property
    def compression(self) -> NDArray[np.float64]:
        """Uniform codelength / L, (layer,): 1 when nothing can be learnt."""
        return self.uniform / self.total


def online_code(
    vectors: Vectors,
    labels: NDArray[Any],
    *,
    probe: LinearProbe | MLPProbe | None = None,
    seed: int = 0,
    portions: tuple[float, ...] = PORTIONS,
    rows: NDArray[np.integer[Any]] | None = None,
    classes: NDArray[Any] | None = None,
) -> Codelength:
    """The prequential code of `labels` given `vectors` (layer, row, width), all layers at once.

    All rows, or those of `rows`, are sent in a seeded random order. The first portion costs log2(classes) a row; each
    further one −log2 p under a probe trained on all before it. Portions that would hold no new row are skipped. Sender
    and receiver agree on the probe's settings beforehand: by default a LinearProbe with one fixed ridge strength.
    """
    given = None if classes is None else {"": classes}
    options: dict[str, Any] = {"probe": probe, "seed": seed, "portions": portions, "rows": rows, "classes": given}
    return online_codes(vectors, {"": labels}, **options)[""]


def online_codes(
    vectors: Vectors,
    labels: Mapping[str, NDArray[Any]],
    *,
    probe: LinearProbe | MLPProbe | None = None,
    seed: int = 0,
    portions: tuple[float, ...] = PORTIONS,
    rows: NDArray[np.integer[Any]] | None = None,
    classes: Mapping[str, NDArray[Any]] | None = None,
) -> dict[str, Codelength]:
    """`online_code` of several tasks that label the same rows; linear probes of all tasks and layers are fitted in one go."""
    tasks = {name: np.asarray(given) for name, given in labels.items()}
    n = 0
    for given in tasks.values():
        n = check(vectors, given, rows)
    used = np.arange(n) if rows is None else np.asarray(rows)
    known = {k: class_list(y[used], None if classes is None else classes[k]) for k, y in tasks.items()}
    shuffled = np.random.default_rng(seed).permutation(n)
    ends = tuple(np.unique([max(1, round(share * n)) for share in (*portions, 1.0)]).tolist())
    bits = {name: np.full((len(vectors), n), np.log2(len(known[name]))) for name in tasks}
    learner = replace(probe if probe is not None else LinearProbe(), seed=seed)
    for start, end in pairwise(ends):
        seen, sent = used[shuffled[:start]], shuffled[start:end]
        fitted = _fitted(learner, vectors, tasks, seen, known)
        for name, y in tasks.items():
            bits[name][:, sent] = fitted[name].evaluate(vectors, y, rows=used[sent]).loss / np.log(2)
    return {name: Codelength(b, n * float(np.log2(len(known[name]))), ends) for name, b in bits.items()}


def _fitted(
    learner: LinearProbe | MLPProbe, vectors: Vectors, tasks: Mapping[str, NDArray[Any]], rows: NDArray[Any], classes: Mapping[str, NDArray[Any]]
) -> Mapping[str, Any]:  # fmt: skip
    """A probe for each task: linear ones in one go, others one by one."""
    if isinstance(learner, LinearProbe):
        return learner.fit_all(vectors, tasks, rows=rows, classes=classes)
    probes = {name: replace(learner) for name in tasks}
    for name, probe in probes.items():
        probe.fit(vectors, tasks[name], rows=rows, classes=classes[name])
    return probes


SCALES = 2.0 ** np.arange(-8, 8, 0.5)
"""Prior standard deviations that sender and receiver agree on beforehand; naming one costs log2(32) = 5 bits a layer."""


@dataclass(frozen=True, slots=True)
class VariationalCode:
    """`data` (layer, row): expected bits of each row's label under the probe sent; `model` (layer,): bits of the probe.

    `scale` (layer,) is the prior's standard deviation, one of SCALES, its cost included in `model`; `uniform` as in
    Codelength.
    """

    data: NDArray[np.float64]
    model: NDArray[np.float64]
    scale: NDArray[np.float64]
    uniform: float

    @property
    def total(self) -> NDArray[np.float64]:
        """Codelength L in bits, (layer,)."""
        return self.data.sum(1) + self.model

    @property
    def compression(self) -> NDArray[np.float64]:
        """Uniform codelength / L, (layer,)."""
        return self.uniform / self.total


def variational_code(
    vectors: Vectors,
    labels: NDArray[Any],
    *,
    epochs: float = 40.0,
    batch: int = 1024,
    min_steps: int = 600,
    learning_rate: float = 0.02,
    samples: int = 8,
    seed: int = 0,
    rows: NDArray[np.integer[Any]] | None = None,
    classes: NDArray[Any] | None = None,
) -> VariationalCode:
    """The bits-back code of a Bayesian linear probe, all layers at once: L = KL(q ‖ p) + E_q[−log2 p(labels | probe)].

    Softmax regression whose weights and biases have a Gaussian posterior q = N(μ, σ²) each, and one Gaussian prior
    p = N(0, s²) a layer, s out of SCALES (Hinton & van Camp 1993); by local reparametrisation (Kingma et al. 2015).
    Features are whitened over the rows used, which sender and receiver both hold. Voita & Titov compress a perceptron
    under a log-uniform group prior (Louizos et al. 2017): their lengths differ by what that prior prunes. `samples`
    draws of the logits estimate the expectation. Random labels cost about the uniform code: q falls back to p.
    """
    n = check(vectors, labels, rows)
    used = np.arange(n) if rows is None else np.asarray(rows)
    known = class_list(np.asarray(labels)[used], classes)
    target = encode_labels(np.asarray(labels)[used], known)
    mean, std, sample = location_and_scale(vectors, used)
    whiten = whitening((sample - mean[:, None]) / std[:, None]) / std[:, None]
    layers, width = len(vectors), vectors.shape[2]

    def white(x: Float[Tensor, "layer row width"]) -> Float[Tensor, "layer row width1"]:
        """Whitened features and a constant one."""
        return torch.cat([torch.bmm(x - mean[:, None], whiten.transpose(1, 2)), torch.ones(layers, x.shape[1], 1)], 2)

    generator = torch.Generator().manual_seed(seed)
    centre = torch.zeros(layers, len(known), width + 1, requires_grad=True)
    spread = torch.full_like(centre, math.log(0.05)).requires_grad_()
    log_scale = torch.full((layers,), math.log(0.2), requires_grad=True)
    adam = torch.optim.Adam([centre, spread, log_scale], lr=learning_rate, betas=(0.9, 0.98))
    steps = max(min_steps, math.ceil(epochs * n / batch))
    for step, picked in enumerate(minibatches(n, size=batch, steps=steps, seed=seed), start=1):
        for group in adam.param_groups:
            group["lr"] = learning_rate * schedule(step / steps)
        with torch.enable_grad():
            logits = _sampled(white(take(vectors, used[picked])), centre, spread, generator)
            goal = target[torch.from_numpy(picked)].expand(layers, -1)
            loss = torch.nn.functional.cross_entropy(logits, goal, reduction="sum") / len(picked)
            loss = loss + _divergence(centre, spread, log_scale).sum() / n
            grads = torch.autograd.grad(loss, [centre, spread, log_scale])
        for parameter, grad in zip((centre, spread, log_scale), grads, strict=True):
            parameter.grad = grad
        adam.step()
    with torch.no_grad():
        finite(centre, "weights learnt from the vectors")
        grid = torch.from_numpy(np.log(SCALES)).float()
        scale = grid[(log_scale[:, None] - grid).abs().argmin(1)]
        model = _divergence(centre, spread, scale).double().numpy() / np.log(2) + np.log2(len(SCALES))
        data = np.zeros((layers, n))
        for place, x in blocks(vectors, used):
            features = white(x)
            goal = target[place].expand(layers, -1)
            for _ in range(samples):
                logits = _sampled(features, centre, spread, generator)
                data[:, place] += torch.nn.functional.cross_entropy(logits, goal, reduction="none").double().numpy()
    return VariationalCode(
        data / samples / np.log(2), model, scale.double().exp().numpy(), n * float(np.log2(len(known)))
    )


def _sampled(
    x: Float[Tensor, "layer row width"],
    centre: Float[Tensor, "layer class width"],
    spread: Float[Tensor, "layer class width"],
    generator: torch.Generator,
) -> Float[Tensor, "layer class row"]:
    """Logits under one draw of the weights for each row: their own Gaussian, drawn instead of the weights'."""
    mean = torch.bmm(centre, x.transpose(1, 2))
    variance = torch.bmm((2 * spread).exp(), x.square().transpose(1, 2))
    return mean + (variance + 1e-12).sqrt() * torch.randn(mean.shape, generator=generator)


def _divergence(
    centre: Float[Tensor, "layer class width"],
    spread: Float[Tensor, "layer class width"],
    log_scale: Float[Tensor, "layer"],
) -> Float[Tensor, "layer"]:
    """KL(N(μ, σ²) ‖ N(0, s²)) summed over weights, in nats; `spread` is ln σ."""
    s = log_scale[:, None, None]
    return (s - spread + ((2 * spread).exp() + centre.square()) * (-2 * s).exp() / 2 - 0.5).sum((1, 2))
