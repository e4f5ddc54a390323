"""Compression steered by abilities: what hurts the protected ones least goes first, as far as each keeps its share.

Every part (a head, a quarter of a layer's neurons, a layer; or a matrix on fewer bits) is tried alone; parts are ordered by the worst share
of a protected ability that is lost for what they save, and the longest run of that order goes in which every ability keeps its share, found
by bisection. The caller measures on other sentences than the table of what was forgotten does.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch

from bertology.compress import quantise
from bertology.compress.inference.latency import layer_parameters
from bertology.compress.pruning.gates import sizes
from bertology.compress.recipe import Step, Work
from bertology.compress.steps.size import layer_matrices, size_in_bytes
from bertology.encoder.cut import cut
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import wrap
from bertology.encoder.sites import Site, hidden
from bertology.encoder.watch import layer_modules
from bertology.record.errors import BadRequest

Measure = Callable[[Encoder], Mapping[str, float]]
"""The share of each protected ability that an encoder has, against the whole one; 1 is all of it."""


class Part(NamedTuple):
    """Something that can go: its name, the edit, and the parameters (or bits) it saves. Of parts with `one_stays`, the last one stays."""

    name: str
    edit: Any
    saves: float
    one_stays: bool = False


class Chosen(NamedTuple):
    """The smaller encoder, what went in order, the share of each ability on the sentences that steered, and every part's own harm."""

    encoder: Encoder
    gone: list[str]
    shares: Mapping[str, float]
    harm: dict[str, float]


def by_ability(
    whole: Encoder,
    parts: Sequence[Part],
    apply: Callable[[Sequence[Any]], Encoder],
    measure: Measure,
    *,
    least: float,
    most_saved: float | None = None,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Chosen:
    """Takes out parts, the least harmful for what they save first, while every ability keeps `least` of itself, up to `most_saved`.

    Raises BadRequest where not even the first part can go.
    """
    if not 0 < least <= 1:
        raise BadRequest(f"a share of {least:g} of an ability.", "Give more than 0, at most 1.")
    harm = {}
    for k, part in enumerate(parts):
        progress("trying what can go", k, len(parts))
        harm[part.name] = 1 - min(measure(apply([part.edit])).values())
    order = sorted(parts, key=lambda p: (max(harm[p.name], 0.0) / p.saves, harm[p.name]))
    alike = [p for p in order if p.one_stays]
    order = [p for p in order if p not in alike[-1:]]
    if most_saved is not None:
        saved = np.cumsum([p.saves for p in order])
        order = order[: int(np.searchsorted(saved, most_saved)) + 1]
    made: dict[int, tuple[Encoder, Mapping[str, float]]] = {}

    def fine(n: int) -> bool:
        encoder = apply([p.edit for p in order[:n]])
        made[n] = encoder, measure(encoder)
        return min(made[n][1].values()) >= least

    low, high = 0, len(order)
    if not fine(high):
        high -= 1
        while low < high:
            progress("finding how much can go", low, len(order))
            middle = (low + high + 1) // 2
            low, high = (middle, high) if fine(middle) else (low, middle - 1)
    else:
        low = high
    if low == 0:
        worst = min(harm.values())
        raise BadRequest(
            f"no part of {whole.name} can go: the least harmful one costs {worst:.1%} of an ability, {1 - least:.1%} is allowed.",
            "Allow more, protect fewer abilities, or recover by tuning.",
        )
    encoder, shares = made.get(low) or (apply([p.edit for p in order[:low]]), {})
    return Chosen(encoder, [p.name for p in order[:low]], shares, harm)


def structural_parts(whole: Encoder, groups: int = 4) -> list[Part]:
    """Every head, `groups` parts of each layer's neurons by the norm of what they write, and every layer, that a family can lose."""
    found: list[Part] = []
    counts, family = sizes(whole), whole.family
    if len(counts) != whole.n_layers:
        raise BadRequest(f"the layers of {whole.name} share their weights.", "Parts of single layers cannot go.")
    for k, (layer, (heads, neurons)) in enumerate(zip(layer_modules(whole.base, family), counts, strict=True), 1):
        size = sum(p.numel() for p in layer.parameters())
        if family.into_heads and heads:
            of_heads = sum(p.numel() for path in (*family.into_heads, family.head) for p in layer.get_submodule(str(path)).parameters())  # fmt: skip
            found += [Part(f"head {h} of layer {k}", (Site("head", k, h),), of_heads / heads) for h in range(heads)]
        if family.into_neurons and neurons:
            of_neurons = sum(p.numel() for path in (*family.into_neurons, family.neuron) for p in layer.get_submodule(str(path)).parameters())  # fmt: skip
            weight: Any = layer.get_submodule(str(family.neuron)).weight
            order = weight.detach().norm(dim=0).argsort().tolist()
            for g, part in enumerate(np.array_split(order, groups)):
                sites = tuple(Site("neuron", k, int(i)) for i in part)
                found.append(Part(f"neurons {g + 1}/{groups} of layer {k}", sites, of_neurons * len(part) / neurons))
        if whole.n_layers > 1:
            found.append(Part(f"layer {k}", (hidden(k),), float(size), one_stays=True))
    return found


@dataclass(frozen=True)
class ByAbility(Step):
    """`what` goes: "parts" (heads, neurons, layers) or "bits" (matrices from 8 to 4 bits). Work holds the measure and the least share."""

    goals: ClassVar = ("keep",)
    what: Literal["parts", "bits"] = "parts"

    def __call__(self, work: Work) -> Work:
        if work.measure is None:
            raise BadRequest("no ability was named to protect.", "Give --keep-ability NAME>=0.95.")
        whole: Encoder = work.whole
        total = float(layer_parameters(whole))
        most = None if work.goal.keep is None else (1 - work.goal.keep) * total
        parts, apply = self._structural(whole) if self.what == "parts" else self._bits(whole)
        chosen = by_ability(
            whole, parts, apply, work.measure, least=work.least, most_saved=most, progress=work.progress
        )  # fmt: skip
        shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in chosen.shares.items())
        work = work.but(small=chosen.encoder).noting(
            f"gone in this order: {'; '.join(chosen.gone)}. Kept on the sentences that steered: {shares}"
        )
        if self.what == "bits":
            few = set(chosen.gone)
            matrices = layer_matrices(whole)
            bits = sum((4 if name in few else 8) * m.weight.numel() for name, m in matrices.items())
            floats = sum(m.weight.numel() for m in matrices.values())
            work = work.but(stored=size_in_bytes(whole) - 4 * floats + bits // 8)
        return work

    @staticmethod
    def _structural(whole: Encoder) -> tuple[list[Part], Callable[[Sequence[Any]], Encoder]]:
        def apply(edits: Sequence[Any]) -> Encoder:
            sites = {site for edit in edits for site in edit}
            layers = {s.layer for s in sites if s.kind == "hidden"}
            return cut(whole, *(s for s in sites if s.kind == "hidden" or s.layer not in layers))

        return structural_parts(whole), apply

    @staticmethod
    def _bits(whole: Encoder) -> tuple[list[Part], Callable[[Sequence[Any]], Encoder]]:
        def apply(edits: Sequence[Any]) -> Encoder:
            small = wrap(deepcopy(whole.model), whole.tokenizer, name=whole.name, has_mlm=whole.has_mlm)
            few = set(edits)
            with torch.no_grad():
                for name, module in layer_matrices(small).items():
                    module.weight.copy_(quantise.uniform(module.weight, 4 if name in few else 8, group=1).weight)
            return small

        return [Part(name, name, 4.0 * m.weight.numel()) for name, m in layer_matrices(whole).items()], apply


__all__ = ["ByAbility", "Chosen", "Measure", "Part", "by_ability", "structural_parts"]
