"""What tuned models do to groups of texts, with intervals over seeds and texts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bertology.claims.size.tuned_heads import over_seeds_and_examples
from bertology.record.estimate import Estimate
from bertology.record.result import Row


class Rates(NamedTuple):
    """`tables` (seed) of (2 x group, text): what is counted in a group's texts, then which texts these are."""

    groups: tuple[str, ...]
    tables: tuple[NDArray[np.float64], ...]

    def estimate(
        self, function: Callable[..., NDArray[np.float64] | float], *names: str, unit: str = "", seed: int = 0
    ) -> Estimate:
        """A function of the rates of some groups, each (...,), with an interval over seeds and texts."""
        n, at = len(self.groups), [self.groups.index(name) for name in names]

        def of(r: NDArray[np.float64]) -> NDArray[np.float64]:
            with np.errstate(all="ignore"):
                return np.asarray(function(*(r[..., k] / r[..., n + k] for k in at)))

        return over_seeds_and_examples(of, self.tables, unit=unit, seed=seed)

    def rate(self, name: str, *, unit: str = "", seed: int = 0) -> Estimate:
        """One group's rate."""
        return self.estimate(lambda r: r, name, unit=unit, seed=seed)

    def rows(self, measure: str, *, prefix: str = "") -> list[Row]:
        """A row a group whose name begins with `prefix`: the mean over seeds, with their range as its bounds."""
        found, n = [], len(self.groups)
        for k, name in enumerate(self.groups):
            if name.startswith(prefix):
                each = [float(t[k].sum() / t[n + k].sum()) for t in self.tables]
                texts = int(self.tables[0][n + k].sum())
                found.append(
                    Row(measure, float(np.mean(each)), min(each), max(each), texts, label=name.removeprefix(prefix))
                )
        return found


def rates(counted: Sequence[NDArray[np.floating]], groups: Mapping[str, NDArray[np.bool_]]) -> Rates:
    """`counted` (seed) of (text,), nan where nothing is; groups without a text are left out."""
    names = tuple(name for name, mask in groups.items() if all((mask & np.isfinite(c)).any() for c in counted))
    tables = []
    for one in counted:
        masks = np.array([groups[name] & np.isfinite(one) for name in names], dtype=np.float64)
        tables.append(np.concatenate([masks * np.nan_to_num(one), masks]))
    return Rates(names, tuple(tables))


def right(probability: NDArray[np.float64], labels: Iterable[str], names: Sequence[str]) -> NDArray[np.float64]:
    """(text,): 1 where the likeliest of the labels `names` is the text's own, else 0."""
    said = probability.argmax(1)
    return np.array([float(names[k] == label) for k, label in zip(said, labels, strict=True)])
