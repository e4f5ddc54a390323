"""A number as this project writes it: value, interval, n, unit, method."""

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured quantity with its 95 % interval.

    `n` counts the observations (tokens, pairs, sentences); `method` names what was resampled.
    An interval of (nan, nan) means that too few units were there to resample.
    """

    value: float
    low: float
    high: float
    n: int
    unit: str = ""
    method: str = ""

    @property
    def standard_error(self) -> float:
        """Half the interval's width divided by 1.96."""
        return (self.high - self.low) / (2 * 1.959964)

    @property
    def known(self) -> bool:
        return all(math.isfinite(x) for x in (self.value, self.low, self.high))

    def __str__(self) -> str:
        """Rounded to the digit that the interval supports: `0.412 [0.398, 0.427]`."""
        if not math.isfinite(self.value):
            return "not measured"
        digits = _digits(self.high - self.low if self.known else abs(self.value) / 50)
        show = lambda x: f"{x:.{digits}f}" if math.isfinite(x) else "?"
        return f"{show(self.value)} [{show(self.low)}, {show(self.high)}]" + (f" {self.unit}" if self.unit else "")

    def to_json(self) -> dict[str, Any]:
        return {key: _plain(value) for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Estimate":
        numbers = {key: math.nan if data[key] is None else float(data[key]) for key in ("value", "low", "high")}
        return cls(**numbers, n=int(data["n"]), unit=data["unit"], method=data["method"])


def _digits(width: float) -> int:
    """Decimal places at which an interval of this width still shows two digits; 0 to 6."""
    if not math.isfinite(width) or width <= 0:
        return 3
    return max(0, min(6, 1 - math.floor(math.log10(width))))


def _plain(value: Any) -> Any:
    """JSON has no NaN: write null; floats at 10 significant digits so that results compare by text."""
    if isinstance(value, float):
        return float(f"{value:.10g}") if math.isfinite(value) else None
    return value
