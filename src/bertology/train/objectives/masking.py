"""Which positions are predicted and what stands there instead: rate, units, symbol (Devlin et al. 2019)."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bertology.record.errors import BadRequest
from bertology.train.draft import Draft, Source
from bertology.train.objectives.units import Subwords, Unit, Units, take


@dataclass(frozen=True)
class Masking:
    """`rate` of the subwords, in whole units; of these, `masked` become the symbol, `random` another token, the rest stay.

    The budget is rate x maskable subwords, rounded at random so that its mean is exact, and at least 1. `per_unit` decides between the three for
    a whole unit at once, as SpanBERT does. `symbol` is [MASK] or [UNK] (Clinchant et al. 2019).
    """

    rate: float = 0.15
    units: Units = field(default_factory=Subwords)
    masked: float = 0.8
    random: float = 0.1
    per_unit: bool = False
    symbol: Literal["mask", "unknown"] = "mask"

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise BadRequest(
                f"a masking rate of {self.rate:g} leaves nothing to read or to predict.", "Give 0 < rate < 1."
            )
        if not 0 <= self.masked + self.random <= 1 + 1e-9 or min(self.masked, self.random) < 0:
            raise BadRequest(f"shares {self.masked:g} and {self.random:g} are no shares.", "Give two of a sum up to 1.")

    def choose(self, draft: Draft, source: Source, rng: np.random.Generator) -> list[Unit]:
        """The units to predict."""
        wish = self.rate * len(draft.maskable)
        budget = max(1, int(wish) + int(rng.random() < wish - int(wish)))
        return take(self.units(draft, source, rng), budget)

    def hide(self, draft: Draft, units: list[Unit], source: Source, rng: np.random.Generator) -> NDArray[np.int64]:
        """Writes labels at the units' positions and what the model reads there; returns the positions in order."""
        if not units:
            return np.array([], dtype=np.int64)
        places = np.concatenate(units)
        dice = np.repeat(rng.random(len(units)), [len(u) for u in units]) if self.per_unit else rng.random(len(places))
        drawn = rng.choice(source.symbols.ordinary, len(places))
        symbol = source.symbols.mask if self.symbol == "mask" else source.symbols.unknown
        draft.labels[places] = draft.clean[places]
        draft.ids[places] = np.select(
            [dice < self.masked, dice < self.masked + self.random], [symbol, drawn], draft.ids[places]
        )
        return np.sort(places)
