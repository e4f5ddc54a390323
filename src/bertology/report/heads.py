"""The layer × head grid: each head's attention pattern (Kovaleva et al. 2019) and best relation (Clark et al. 2019).

Roles come from rows with the measure "role" (label: the pattern; value: share of attention maps), relations from
"relation accuracy" and "relation gain" (label: the relation; gain: accuracy above the best fixed offset). Either may
be missing.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bertology.record.result import Row

SPECIALISED = (
    0.10  # a head has a relation of its own when it beats the best fixed offset by this much (Voita et al. 2019)
)


class Head(NamedTuple):
    """One head. `share`, `accuracy` and `gain` are shares of 1, nan when they were not measured."""

    layer: int
    head: int
    role: str = ""
    share: float = math.nan
    relation: str = ""
    accuracy: float = math.nan
    gain: float = math.nan

    @property
    def specialised(self) -> bool:
        return self.gain >= SPECIALISED

    @property
    def explained(self) -> str:
        """`layer 3 · head 7: mostly diagonal (83 %); best relation: det 71 % (positional 48 %)`."""
        parts = []
        if self.role:
            parts.append(f"mostly {self.role} ({_percent(self.share)})")
        if self.relation:
            beside = f" (positional {_percent(self.accuracy - self.gain)})" if math.isfinite(self.gain) else ""
            parts.append(f"best relation: {self.relation} {_percent(self.accuracy)}{beside}")
        return f"layer {self.layer} · head {self.head}: " + ("; ".join(parts) or "nothing measured")


class Role(NamedTuple):
    """A line of the legend: the pattern, how many heads have it, its colour as a custom property, its glyph."""

    name: str
    heads: int
    hue: str
    glyph: str


class Cell(NamedTuple):
    """A head in the picture. `x`, `y` in the grid's units; `depth` is the opacity of its colour."""

    head: Head
    x: int
    y: int
    hue: str
    glyph: str
    depth: float


class Grid(NamedTuple):
    """The picture: cells, legend, and its size in units."""

    cells: tuple[Cell, ...]
    roles: tuple[Role, ...]
    layers: tuple[int, ...]
    heads: tuple[int, ...]
    width: int
    height: int

    @property
    def described(self) -> str:
        roles = ", ".join(f"{role.heads} {role.name}" for role in self.roles)
        special = sum(cell.head.specialised for cell in self.cells)
        size = f"{len(self.layers)} layers × {len(self.heads)} heads"
        return f"{size}. {roles}{'; ' if roles else ''}{special} specialised in a relation."


def heads(rows: Iterable[Row]) -> list[Head]:
    """The heads that any known measure names, by layer and head."""
    role: dict[tuple[int, int], Row] = {}
    accuracy: dict[tuple[int, int, str], float] = {}
    gain: dict[tuple[int, int, str], float] = {}
    for row in rows:
        if row.layer < 0 or row.head < 0 or not math.isfinite(row.value):
            continue
        place = (row.layer, row.head)
        if row.measure == "role" and (place not in role or row.value > role[place].value):
            role[place] = row
        elif row.measure == "relation accuracy":
            accuracy[*place, row.label] = row.value
        elif row.measure == "relation gain":
            gain[*place, row.label] = row.value
    best: dict[tuple[int, int], tuple[float, str]] = {}
    for layer, head, relation in accuracy:
        candidate = (gain.get((layer, head, relation), accuracy[layer, head, relation] - 1e6), relation)
        best[layer, head] = max(candidate, best.get((layer, head), candidate))
    found = []
    for layer, head in sorted({*role, *best}):
        pattern, relation = role.get((layer, head)), best.get((layer, head), (0.0, ""))[1]
        found.append(
            Head(
                layer,
                head,
                pattern.label if pattern else "",
                pattern.value if pattern else math.nan,
                relation,
                accuracy.get((layer, head, relation), math.nan),
                gain.get((layer, head, relation), math.nan),
            )
        )
    return found


def grid(found: Sequence[Head]) -> Grid:
    """Cells in rows of layers, the first layer on top. Heads of one run, as `heads` gives them."""
    layers, columns = sorted({h.layer for h in found}), sorted({h.head for h in found})
    names = sorted({h.role for h in found if h.role}, key=lambda name: (_known(name), name))
    hues = {name: _hue(name, i) for i, name in enumerate(names)}
    counts = {name: sum(h.role == name for h in found) for name in names}
    cells = tuple(
        Cell(
            h,
            LEFT + columns.index(h.head) * STEP_X,
            TOP + layers.index(h.layer) * STEP_Y,
            hues.get(h.role, "none"),
            _GLYPHS.get(h.role, ""),
            round(0.14 + 0.4 * _unit(h.share), 2) if h.role else 0.10,
        )
        for h in found
    )
    roles = tuple(Role(name, counts[name], hues[name], _GLYPHS.get(name, "")) for name in names)
    return Grid(
        cells, roles, tuple(layers), tuple(columns), LEFT + len(columns) * STEP_X, TOP + len(layers) * STEP_Y + 2
    )


def by_relation(found: Sequence[Head]) -> Mapping[str, list[Head]]:
    """Specialised heads by their relation, largest gain first."""
    table: dict[str, list[Head]] = {}
    for h in sorted((h for h in found if h.specialised), key=lambda h: (-h.gain, h.layer, h.head)):
        table.setdefault(h.relation, []).append(h)
    return table


LEFT, TOP, STEP_X, STEP_Y = 34, 20, 50, 36

_ORDER = ("diagonal", "vertical", "vertical + diagonal", "block", "heterogeneous")
_HUES = {"diagonal": 0, "vertical": 1, "vertical + diagonal": 2, "block": 3, "heterogeneous": 7}
_GLYPHS = {  # miniature attention maps in a 12 × 12 box
    "diagonal": "M1 1L11 11",
    "vertical": "M3 1V11",
    "vertical + diagonal": "M3 1V11M3 1L11 9",
    "block": "M1 1H6V6H1ZM6 6H11V11H6Z",
    "heterogeneous": "M2 3H4M8 2H10M5 6H7M1 9H3M8 10H10",
}


def _known(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def _hue(name: str, position: int) -> str:
    return f"series-{_HUES.get(name, (4 + position) % 8)}"


def _unit(share: float) -> float:
    return min(1.0, max(0.0, share)) if math.isfinite(share) else 0.5


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else "?"
