"""Silencing parts of an encoder: heads, neurons, attention rows and whole layers.

Zero: Michel et al. 2019. Uniform attention: Kovaleva et al. 2019. Mean: Wang et al. 2023. Resample: Chan et al. 2022.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site
from bertology.encoder.watch import Edit
from bertology.intervene.compose import Step, places
from bertology.observe.means import Bank, Means
from bertology.observe.proof import NOTHING
from bertology.observe.seeded import draws
from bertology.record.errors import BadRequest

By = Literal["zero", "mean", "resample", "uniform"]


@dataclass(frozen=True, init=False)
class Ablate(Step):
    """Sites silenced, each alone at its place: `Ablate(head(3, 5), hidden(2))`, `Ablate(ranking, by="uniform")`.

    `by` "zero": heads, neurons and attention rows become 0; a layer, named by `hidden(layer)`, becomes the identity, so
    that its output is its input. "mean": the mean of `source` (SiteMeans), the same at every token. "resample": another
    real token's activation from `source` (SiteBank), drawn per (seed, sentence, token), so batches do not matter; sites
    of one sentence's token take the same donor. "uniform": attention becomes 1/n over the sentence's n real tokens,
    also where the layer's own window is narrower. Ablate() of nothing is the identity of `|`, and refused as a pass.
    """

    sites: tuple[Site, ...]
    by: By
    source: Means | Bank | None
    seed: int

    def __init__(
        self, *sites: Site | Iterable[Site], by: By = "zero", source: Means | Bank | None = None, seed: int = 0
    ) -> None:
        flat = [s for one in sites for s in ([one] if isinstance(one, Site) else one)]
        ordered = sorted(
            set(flat), key=lambda s: (s.kind, -1 if s.layer is None else s.layer, -1 if s.index is None else s.index)
        )
        for name, given in (("sites", tuple(ordered)), ("by", by), ("source", source), ("seed", seed)):
            object.__setattr__(self, name, given)
        self._check()

    def to(self, source: Means | Bank) -> "Ablate":
        """The same sites, set to a measured mean or to draws from a measured bank."""
        return Ablate(
            *self.sites, by="mean" if isinstance(source, Means) else "resample", source=source, seed=self.seed
        )

    @property
    def key(self) -> str:
        if not self.sites:
            return NOTHING
        chance = f" seed {self.seed}" if self.by == "resample" else ""
        measured = f" of {self.source.fingerprint}" if self.source else ""
        return f"ablate {', '.join(map(str, self.sites))} by {self.by}{measured}{chance}"

    def edits(self, encoder: Encoder, batch: Batch) -> Mapping[tuple[str, int], Edit]:
        lowest = 1 if self.by == "zero" else 0
        found = places(encoder, self.sites, lowest=lowest)
        if self.by in ("mean", "resample") and ("hidden", encoder.n_layers) in found:
            raise BadRequest(
                f"{Site('hidden', encoder.n_layers)} is the output of {encoder.name}.",
                "Replace hidden states below the last layer.",
            )
        return {place: _at(place[0], index, self._replacement(place, batch)) for place, index in found.items()}

    def _replacement(self, place: tuple[str, int], batch: Batch) -> Callable[[Tensor, Tensor | None], Tensor]:
        if self.by == "uniform":
            return lambda value, _: uniform(batch, value.shape[-1]).to(value.dtype)
        if self.by == "zero":
            return _input_of_layer if place[0] == "hidden" else lambda value, _: value.new_zeros(())
        assert self.source is not None
        given = replacement(self.source, place, batch, self.seed)
        return lambda value, _: _padded(given, value).to(value.dtype)

    def _check(self) -> None:
        if self.by not in _KINDS:
            raise BadRequest(f"ablation by {self.by!r} is not known.", f"Choose one of {', '.join(_KINDS)}.")
        for site in self.sites:
            if site.kind not in _KINDS[self.by]:
                raise BadRequest(
                    f"{site} cannot be ablated by {self.by!r}.", f"That takes {', '.join(_KINDS[self.by])}."
                )
        wanted = {"mean": Means, "resample": Bank}.get(self.by)
        if wanted is not None and not isinstance(self.source, wanted):
            statistic = {"mean": "SiteMeans", "resample": "SiteBank"}[self.by]
            raise BadRequest(
                f"ablation by {self.by!r} needs measured activations.",
                f"Measure {statistic} and give it: Ablate(...).to(measured).",
            )


_KINDS: dict[str, tuple[str, ...]] = {
    "zero": ("head", "neuron", "attention", "hidden"),
    "mean": ("head", "neuron", "hidden"),
    "resample": ("head", "neuron", "hidden"),
    "uniform": ("attention",),
}


def uniform(batch: Batch, width: int) -> Tensor:
    """1/n over each sentence's n real tokens, 0 on padding, (batch, 1, 1, width)."""
    row = batch.mask / batch.lengths[:, None]
    return torch.nn.functional.pad(row, (0, width - row.shape[1]))[:, None, None]


def replacement(source: Means | Bank, place: tuple[str, int], batch: Batch, seed: int = 0) -> Tensor:
    """What stands in at a site: (1, 1, *cells) for means, (batch, token, *cells) for a bank.

    Raises BadRequest when the source was not measured there.
    """
    if place not in source.values:
        known = ", ".join(str(Site(*p)) for p in sorted(source.values)) or "nothing"
        raise BadRequest(f"no activations were measured at {Site(*place)}.", f"The source holds {known}.")
    values = source.values[place]
    if isinstance(source, Means):
        return torch.from_numpy(np.array(values)).to(batch.ids.device)[None, None]
    if not source.n:
        raise BadRequest("the bank holds no activations.", "Measure SiteBank over a corpus with sentences.")
    donor = draws(seed, batch.indices[:, None], np.arange(batch.ids.shape[1])[None]) * source.n
    return torch.from_numpy(values[donor.astype(np.int64)]).to(batch.ids.device)


def silenced(encoder: Encoder, by: By = "zero", source: Means | Bank | None = None) -> list[Ablate]:
    """One ablation per head, layer by layer: what `sweep.ablate_each_head` does at once."""
    every = [Site("head", layer, head) for layer in range(1, encoder.n_layers + 1) for head in range(encoder.n_heads)]
    return [Ablate(site, by=by, source=source) for site in every]


def _at(kind: str, indices: frozenset[int] | None, new: Callable[[Tensor, Tensor | None], Tensor]) -> Edit:
    """Sets all of a site, or the heads or neurons named, to `new`."""

    def edit(value: Tensor, context: Tensor | None) -> Tensor:
        given = new(value, context).expand_as(value)
        if indices is None:
            return given
        axis = _AXIS[kind]
        named = torch.zeros(value.shape[axis], dtype=torch.bool, device=value.device)
        named[sorted(indices)] = True
        return torch.where(named.view(-1, *[1] * (value.ndim - axis - 1)), given, value)

    return edit


_AXIS = {"attention": 1, "head": 2, "neuron": 2}
"""Where heads or neurons lie in the value at a site."""


def _input_of_layer(value: Tensor, layer_input: Tensor | None) -> Tensor:
    assert layer_input is not None
    return layer_input


def _padded(given: Tensor, value: Tensor) -> Tensor:
    """Longformer pads beyond the batch's own width; padding takes zeros."""
    extra = value.shape[1] - given.shape[1]
    return (
        given
        if given.shape[1] == 1 or not extra
        else torch.cat([given, given.new_zeros(len(given), extra, *given.shape[2:])], 1)
    )
