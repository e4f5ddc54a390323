"""What a site shows on average, and a bank of what it showed: the material of mean and resample ablation.

Mean ablation: Wang et al. 2023; resampling: Chan et al. 2022 (causal scrubbing). Real tokens count, padding does not.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bertology.encoder.align import Encoded
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site
from bertology.encoder.watch import Observation, expand, layer_modules
from bertology.observe.seeded import draws
from bertology.observe.statistic import Arrays, Scratch, Statistic
from bertology.record.errors import BadRequest

KINDS = ("hidden", "head", "neuron")
"""Sites whose value at a token has a shape that does not depend on the sentence."""


@dataclass(frozen=True)
class Means:
    """Mean activation per (kind, layer), each of the site's shape at one token; equal fingerprints are equal means."""

    fingerprint: str
    n: int
    values: Mapping[tuple[str, int], NDArray[np.float32]] = field(compare=False, repr=False)


@dataclass(frozen=True)
class Bank:
    """`n` activations per (kind, layer), (n, *the site's shape at one token); row i is the same token at every site."""

    fingerprint: str
    n: int
    values: Mapping[tuple[str, int], NDArray[np.float32]] = field(compare=False, repr=False)


@dataclass(frozen=True)
class SiteMeans(Statistic):
    """The mean activation over real tokens, special tokens included, at hidden, head or neuron sites."""

    at: tuple[Site, ...]

    def __post_init__(self) -> None:
        _check_kinds(self.at)

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset(replace(site, index=None) for site in self.at)

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        shapes = _shapes(encoder, self.sites)
        return {"tokens": np.zeros(1)} | {_name(place): np.zeros(shape) for place, shape in shapes.items()}

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        state["tokens"] += int(batch.mask.sum())
        for place in expand(self.sites, encoder.n_layers):
            state[_name(place)] += _real(seen.seen[place], batch).sum(0, dtype=torch.float64).cpu().numpy()

    def finish(self, state: Arrays) -> Means:
        values = {
            _place(name): (a / state["tokens"]).astype(np.float32) for name, a in state.items() if name != "tokens"
        }
        return Means(_fingerprint(values), int(state["tokens"][0]), values)


@dataclass(frozen=True)
class SiteBank(Statistic):
    """`size` activations at hidden, head or neuron sites: the real tokens with the smallest seeded draws.

    Which tokens are kept depends on the seed and their places in the corpus only, so batches and shards do not matter.
    """

    at: tuple[Site, ...]
    size: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        _check_kinds(self.at)

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset(replace(site, index=None) for site in self.at)

    def start(self, encoder: Encoder, encoded: Encoded, scratch: Scratch) -> Arrays:
        shapes = _shapes(encoder, self.sites)
        empty = {_name(place): np.zeros((self.size, *shape), np.float32) for place, shape in shapes.items()}
        return {"draw": np.full(self.size, np.inf)} | empty

    def update(self, state: Arrays, batch: Batch, seen: Observation, encoder: Encoder) -> None:
        rows, tokens = np.nonzero(batch.mask.cpu().numpy())
        drawn = draws(self.seed, batch.indices[rows], tokens)
        few = np.argsort(drawn, kind="stable")[: self.size]
        few = few[drawn[few] < state["draw"].max()]
        if len(few):
            where = torch.from_numpy(few).to(batch.ids.device)
            fresh = {
                _name(p): _real(seen.seen[p], batch)[where].float().cpu().numpy()
                for p in expand(self.sites, encoder.n_layers)
            }
            state.update(self.merge(state, {"draw": drawn[few], **fresh}))

    def merge(self, a: Arrays, b: Arrays) -> Arrays:
        kept = np.argsort(np.concatenate([a["draw"], b["draw"]]), kind="stable")[: self.size]
        return {name: np.concatenate([a[name], b[name]])[kept] for name in a}

    def finish(self, state: Arrays) -> Bank:
        n = int(np.isfinite(state["draw"]).sum())
        values = {_place(name): np.asarray(a[:n]) for name, a in state.items() if name != "draw"}
        return Bank(_fingerprint(values), n, values)


def _check_kinds(at: tuple[Site, ...]) -> None:
    for site in at:
        if site.kind not in KINDS:
            raise BadRequest(f"{site} has no value per token to keep.", f"Choose sites of {', '.join(KINDS)}.")


def _real(value: Tensor, batch: Batch) -> Tensor:
    """The rows of real tokens, (token of the batch, *cells). Longformer pads beyond the batch's own width."""
    return value.detach()[:, : batch.mask.shape[1]][batch.mask]


def _shapes(encoder: Encoder, sites: frozenset[Site]) -> dict[tuple[str, int], tuple[int, ...]]:
    layer = layer_modules(encoder.base, encoder.family)[0]

    def width_in(path: str | None) -> int:
        matrix: Any = layer.get_submodule(path or "")
        return int(matrix.in_features)

    shape = {
        "hidden": lambda: (encoder.width,),
        "neuron": lambda: (width_in(encoder.family.neuron),),
        "head": lambda: (encoder.n_heads, width_in(encoder.family.head) // encoder.n_heads),
    }
    return {(kind, at): shape[kind]() for kind, at in sorted(expand(sites, encoder.n_layers))}


def _name(place: tuple[str, int]) -> str:
    return f"{place[0]} {place[1]}"


def _place(name: str) -> tuple[str, int]:
    kind, layer = name.split()
    return kind, int(layer)


def _fingerprint(values: Mapping[tuple[str, int], NDArray[np.float32]]) -> str:
    digest = hashlib.sha256()
    for place, array in sorted(values.items()):
        digest.update(f"{place} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
