"""The grammar of interventions: named, hashable steps joined by `|`, and the check of the sites they name."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from torch import Tensor

from bertology.encoder.batch import Batch
from bertology.encoder.encoder import Encoder
from bertology.encoder.sites import Site
from bertology.encoder.watch import Edit, layer_modules
from bertology.observe.proof import NOTHING
from bertology.observe.reading import Intervention
from bertology.record.errors import BadRequest, NotApplicable


class Step(ABC):
    """One intervention: a subclass is a frozen dataclass that edits sites, changes inputs, or both."""

    @property
    @abstractmethod
    def key(self) -> str:
        """Names the step and all its arguments; equal keys are the same intervention."""

    def edits(self, encoder: Encoder, batch: Batch) -> Mapping[tuple[str, int], Edit]:
        """The edits for a batch, by (kind, layer); none by default."""
        return {}

    def change(self, batch: Batch, encoder: Encoder) -> Batch:
        """The batch that is read instead; the same batch by default."""
        return batch

    def __or__(self, other: Intervention) -> Intervention:
        """This step, then the other."""
        return compose(self, other)

    def __ror__(self, other: Intervention) -> Intervention:
        return compose(other, self)


@dataclass(frozen=True)
class Composed(Step):
    """Steps in the order given: inputs change first, then each site passes through its edits in that order."""

    steps: tuple[Intervention, ...]

    @property
    def key(self) -> str:
        return " | ".join(step.key for step in self.steps) or NOTHING

    def edits(self, encoder: Encoder, batch: Batch) -> Mapping[tuple[str, int], Edit]:
        chains: dict[tuple[str, int], list[Edit]] = {}
        for step in self.steps:
            for place, edit in step.edits(encoder, batch).items():
                chains.setdefault(place, []).append(edit)
        return {place: chain[0] if len(chain) == 1 else _in_turn(chain) for place, chain in chains.items()}

    def change(self, batch: Batch, encoder: Encoder) -> Batch:
        return reduce(lambda changed, step: step.change(changed, encoder), self.steps, batch)


def compose(*interventions: Intervention) -> Intervention:
    """The interventions one after the other; associative. Those of nothing fall out; a pass of nothing is refused."""
    steps: list[Intervention] = []
    for one in interventions:
        steps += one.steps if isinstance(one, Composed) else [one]
    steps = [step for step in steps if step.key != NOTHING]
    return steps[0] if len(steps) == 1 else Composed(tuple(steps))


def places(encoder: Encoder, sites: Iterable[Site], *, lowest: int = 1) -> dict[tuple[str, int], frozenset[int] | None]:
    """Sites as (kind, layer) to the set of indices, None meaning all; `lowest` is the first hidden layer allowed.

    Raises NotApplicable for a kind the encoder lacks, BadRequest for a layer, head or neuron out of range.
    """
    found: dict[tuple[str, int], frozenset[int] | None] = {}
    for site in sites:
        check(encoder, site, lowest=lowest)
        first = lowest if site.kind == "hidden" else 1
        for layer in range(first, encoder.n_layers + 1) if site.layer is None else (site.layer,):
            before = found.get((site.kind, layer), frozenset())
            together = None if site.index is None or before is None else before | {site.index}
            found[site.kind, layer] = together
    return found


def check(encoder: Encoder, site: Site, *, lowest: int = 1) -> None:
    """Whether a site can be edited in this encoder; see `places` for what is raised."""
    if site.kind not in ("hidden", "attention", "head", "neuron"):
        raise BadRequest(f"{site} cannot be edited.", "Choose a site of hidden, attention, head or neuron.")
    if site.kind not in encoder.has:
        raise NotApplicable(encoder.family.caveat or f"{encoder.name} shows no {site.kind}")
    first = lowest if site.kind == "hidden" else 1
    if site.layer is not None and not first <= site.layer <= encoder.n_layers:
        raise BadRequest(
            f"{site}: {encoder.name} has no such layer.", f"Layers here are {first} to {encoder.n_layers}."
        )
    count = _count(encoder, site.kind)
    if site.index is not None and not 0 <= site.index < count:
        words = {"hidden": "Hidden states are edited whole", "neuron": f"Neurons are 0 to {count - 1}"}
        what = words.get(site.kind, f"Heads are 0 to {count - 1}")
        raise BadRequest(f"{site}: {encoder.name} has no such {site.kind}.", f"{what}.")


def _count(encoder: Encoder, kind: str) -> int:
    """How many heads or neurons a layer has; 0 for hidden states, which are edited whole."""
    if kind == "neuron":
        matrix: Any = layer_modules(encoder.base, encoder.family)[0].get_submodule(encoder.family.neuron)
        return int(matrix.in_features)
    return 0 if kind == "hidden" else encoder.n_heads


def _in_turn(chain: list[Edit]) -> Edit:
    def edit(value: Tensor, context: Tensor | None) -> Tensor:
        for one in chain:
            value = one(value, context)
        return value

    return edit
