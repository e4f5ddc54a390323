"""Activations of one run put into another: interchange interventions (Vig et al. 2020; Geiger et al. 2021)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bertology.corpus.sentence import Corpus
from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site
from bertology.encoder.watch import Edit
from bertology.intervene.compose import Step, check, places
from bertology.observe.reading import Intervention, observing
from bertology.record.errors import BadRequest


@dataclass(frozen=True)
class Activations:
    """What a site showed: place of a sentence in its corpus to (token, *cells). All in memory, so for small corpora."""

    site: Site
    fingerprint: str
    values: Mapping[int, NDArray[np.float32]] = field(compare=False, repr=False)


def activations(encoder: Encoder, corpus: Corpus, site: Site, *, under: Intervention | None = None) -> Activations:
    """The values at a hidden, head or neuron site of one layer, for every sentence of a corpus."""
    _must_be_one_layer(site)
    check(encoder, site, lowest=0)
    values: dict[int, NDArray[np.float32]] = {}
    for batch, seen in observing(encoder, corpus, (_At(site),), under=under):  # type: ignore[arg-type]
        shown = seen.seen[site.kind, site.layer].float().cpu().numpy()  # type: ignore[index]
        for row, line in enumerate(batch.lines):
            values[line.index] = shown[row, : len(line.ids)].copy()
    return given_activations(site, values)


def given_activations(site: Site, values: Mapping[int, NDArray[np.float32]]) -> Activations:
    """Values made elsewhere, (token, *cells) per sentence."""
    digest = hashlib.sha256(str(site).encode())
    for index in sorted(values):
        digest.update(f"{index} {values[index].shape}".encode() + np.ascontiguousarray(values[index]).tobytes())
    return Activations(site, digest.hexdigest()[:16], values)


@dataclass(frozen=True)
class Patch(Step):
    """`site` of sentence i becomes what `source` holds for sentence i; sentences it does not hold stay as they are.

    `word` limits the patch to the subwords of that word (0-based). The source's site may be another layer of the same
    kind. Raises BadRequest when the lengths in subwords differ, or when the site is the encoder's output.
    """

    site: Site
    source: Activations
    word: int | None = None

    def __post_init__(self) -> None:
        _must_be_one_layer(self.site)
        if self.site.kind != self.source.site.kind:
            raise BadRequest(
                f"{self.source.site} cannot stand in for {self.site}.", "Record activations of the same kind of site."
            )

    @property
    def key(self) -> str:
        where = "" if self.word is None else f" word {self.word}"
        return f"patch {self.site}{where} with {self.source.site} {self.source.fingerprint}"

    def edits(self, encoder: Encoder, batch: Batch) -> Mapping[tuple[str, int], Edit]:
        ((place, indices),) = places(encoder, [self.site], lowest=0).items()
        if place == ("hidden", encoder.n_layers):
            raise BadRequest(
                f"{self.site} is the output of {encoder.name}.", "Patch hidden states below the last layer."
            )
        rows = [(row, line) for row, line in enumerate(batch.lines) if line.index in self.source.values]
        if not rows:
            return {}
        new: list[tuple[int, Tensor, Tensor]] = []
        for row, line in rows:
            given = self.source.values[line.index]
            if len(given) != len(line.ids):
                raise BadRequest(
                    f"{self.key}: sentence {batch.corpus[line.index].id} has {len(line.ids)} subwords, "
                    f"the source {len(given)}.",
                    "Patch between sentences of equal length.",
                )
            tokens = (
                range(len(line.ids))
                if self.word is None
                else line.pieces[self.word]
                if self.word < len(line.pieces)
                else ()
            )
            at = torch.tensor(list(tokens), dtype=torch.long, device=batch.ids.device)
            new.append((row, at, torch.from_numpy(np.array(given)).to(batch.ids.device)[at]))

        def edit(value: Tensor, _: Tensor | None) -> Tensor:
            patched = value.clone()
            for row, at, given in new:
                if indices is None:
                    patched[row, at] = given.to(value.dtype)
                else:
                    for index in indices:
                        patched[row, at, index] = given[:, index].to(value.dtype)
            return patched

        return {place: edit}


@dataclass(frozen=True)
class _At:
    """Names a site to `observing`, which asks nothing else of what it reads for."""

    site: Site

    @property
    def sites(self) -> frozenset[Site]:
        return frozenset((replace(self.site, index=None),))


def _must_be_one_layer(site: Site) -> None:
    if site.kind not in ("hidden", "head", "neuron") or site.layer is None:
        raise BadRequest(f"{site} cannot be patched.", "Name one layer of hidden, head or neuron.")
