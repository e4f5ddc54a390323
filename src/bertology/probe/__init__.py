"""Readings learnt from vectors, and what they cost: `bt.probe.INLP`, `bt.probe.LEACE`, `bt.probe.RandomDirections`, `bt.probe.mdl`, `bt.probe.edge`.

Files are imported on first use, since they need torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bertology.probe.amnesic import INLP, LEACE, RandomDirections
    from bertology.probe.edge import EdgeProbe
    from bertology.probe.linear import LinearProbe
    from bertology.probe.mdl import online_code, variational_code
    from bertology.probe.mlp import MLPProbe

__all__ = [
    "INLP",
    "LEACE",
    "EdgeProbe",
    "LinearProbe",
    "MLPProbe",
    "RandomDirections",
    "online_code",
    "variational_code",
]

_DOORS = {
    "INLP": "amnesic", "LEACE": "amnesic", "RandomDirections": "amnesic", "LinearProbe": "linear", "MLPProbe": "mlp",
    "EdgeProbe": "edge",
    "online_code": "mdl", "variational_code": "mdl",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _DOORS:
        return getattr(import_module(f"bertology.probe.{_DOORS[name]}"), name)
    if name in ("amnesic", "edge", "mdl"):
        return import_module(f"bertology.probe.{name}")
    raise AttributeError(f"module 'bertology.probe' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted((*__all__, "amnesic", "edge", "mdl"))
