"""Text that is gone, not marked token by token (BART: Lewis et al. 2020), in forms that an encoder alone can answer.

A sequence-to-sequence model writes the missing text; an encoder says how much is missing where, and what it was, from the
state of the place and an embedding of "the k-th missing token" (as SpanBERT's boundary objective does).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from bertology.train.batch import TrainingBatch
from bertology.train.draft import Draft, Source
from bertology.train.objectives.masking import Masking
from bertology.train.objectives.objective import Objective
from bertology.train.objectives.units import PoissonSpans, Subwords
from bertology.train.reading import Reading


@dataclass(frozen=True)
class _Missing(Objective):
    """Base: at noted places, the number of missing subwords (0 to `most`) and the subwords themselves."""

    most: ClassVar[int] = 12
    slots: ClassVar[int] = 256
    """Most places noted in one example."""

    def head(self, model: nn.Module) -> nn.Module:
        return _MissingHead(model, self.most)

    def weights(self) -> Mapping[str, float]:
        return {"amount": 1.0, "content": 1.0}

    def counts(self, batch: TrainingBatch) -> Mapping[str, int]:
        table = batch.targets["missing"]
        return {"amount": int((table[:, :, 0] >= 0).sum()), "content": int((table[:, :, 2:] >= 0).sum())}

    def losses(self, reading: Reading, head: nn.Module | None) -> Mapping[str, Tensor]:
        assert isinstance(head, _MissingHead)
        table = reading.batch.targets["missing"]
        draft, slot = torch.nonzero(table[:, :, 0] >= 0, as_tuple=True)
        found = table[draft, slot]
        row, column = reading.batch.firsts[draft].unbind(1)
        states = reading.states[row, column + found[:, 0]]
        amount = cross_entropy(head.amount(states).float(), found[:, 1], reduction="sum")
        place, k = torch.nonzero(found[:, 2:] >= 0, as_tuple=True)
        embedding: Any = reading.model.get_input_embeddings().weight  # type: ignore[operator,union-attr]
        logits = linear(head.content(states[place], k), embedding)
        content = cross_entropy(logits.float(), found[:, 2:][place, k], reduction="sum")
        return {"amount": amount, "content": content}

    def _note(self, draft: Draft, found: list[tuple[int, NDArray[np.int64]]]) -> None:
        """Writes (position, amount, content...) lines; -1 where there is nothing."""
        table = np.full((self.slots, 2 + self.most), -1, dtype=np.int64)
        for line, (position, content) in zip(table, found, strict=False):
            kept = content[: self.most]
            line[0], line[1], line[2 : 2 + len(kept)] = position, len(kept), kept
        draft.targets["missing"] = table


@dataclass(frozen=True)
class Infilling(_Missing):
    """Spans of Poisson length become one [MASK] each; `empty` x (number of spans) more [MASK]s stand where nothing is missing.

    Never more of these than subwords are gone, so that an example does not outgrow its layout.
    """

    cites: ClassVar = ("lewis-2019",)
    masking: Masking = field(
        default_factory=lambda: Masking(rate=0.3, units=PoissonSpans(longest=6), masked=1.0, random=0.0)
    )
    empty: float = 0.05

    def corrupt(self, draft: Draft, source: Source, rng: np.random.Generator) -> None:
        units = sorted(self.masking.choose(draft, source, rng), key=lambda u: int(u[0]))
        drop = np.zeros(len(draft), dtype=bool)
        for unit in units:
            draft.ids[unit[0]] = source.symbols.mask
            drop[unit[1:]] = True
        content = {int(u[0]): draft.clean[u] for u in units}
        n_empty = min(rng.binomial(max(1, len(units)), self.empty), int(drop.sum()))
        free = np.flatnonzero((draft.words >= 0) & ~drop & ~np.isin(np.arange(len(draft)), list(content)))
        insert = (
            np.sort(rng.choice(free, min(n_empty, len(free)), replace=False)) if len(free) else np.array([], dtype=int)
        )
        order = np.sort(
            np.concatenate([np.flatnonzero(~drop), insert])
        )  # an inserted [MASK] takes a copy of the place before
        doubled = np.concatenate([[False], order[1:] == order[:-1]])
        found = [
            (p, np.array([], dtype=np.int64) if doubled[p] else content[int(old)])
            for p, old in enumerate(order) if doubled[p] or int(old) in content
        ]  # fmt: skip
        draft.keep(order)
        draft.ids[doubled] = source.symbols.mask
        self._note(draft, found)


@dataclass(frozen=True)
class Deletion(_Missing):
    """Subwords vanish without a mark; every position that stays tells how many are missing behind it, and which."""

    cites: ClassVar = ("lewis-2019",)
    masking: Masking = field(default_factory=lambda: Masking(rate=0.15, units=Subwords()))

    def corrupt(self, draft: Draft, source: Source, rng: np.random.Generator) -> None:
        units = self.masking.choose(draft, source, rng)
        gone = np.zeros(len(draft), dtype=bool)
        gone[np.concatenate(units) if units else []] = True
        kept = np.flatnonzero(~gone)
        ends = np.append(kept[1:], len(draft))
        found = [(p, draft.clean[old + 1 : end]) for p, (old, end) in enumerate(zip(kept, ends, strict=True))]
        draft.keep(kept)
        self._note(draft, found)


class _MissingHead(nn.Module):
    def __init__(self, model: nn.Module, most: int) -> None:
        super().__init__()
        width = int(model.config.hidden_size)  # type: ignore[union-attr,arg-type]
        out = int(model.get_input_embeddings().weight.shape[1])  # type: ignore[operator,union-attr]
        self.amount = nn.Linear(width, most + 1)
        self.places = nn.Embedding(most, width)
        nn.init.normal_(self.places.weight, std=0.02)
        self.layers = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.LayerNorm(width), nn.Linear(width, out))

    def content(self, states: Tensor, k: Tensor) -> Tensor:
        return self.layers(torch.cat([states, self.places(k)], dim=-1))
