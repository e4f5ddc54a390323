"""Readings learnt from vectors, and what they cost: `bt.probe.INLP`, `bt.probe.LEACE`, `bt.probe.RandomDirections`, `bt.probe.mdl`, `bt.probe.edge`, `bt.probe.structural`.

Files are imported on first use, since they need torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bertology.probe.amnesic import INLP, LEACE, RandomDirections
    from bertology.probe.edge import EdgeProbe
    from bertology.probe.linear import LinearProbe
    from bertology.probe.mdl import online_code, online_codes, variational_code
    from bertology.probe.mlp import MLPProbe
    from bertology.probe.structural import DepthProbe, DistanceProbe

__all__ = [
    "INLP",
    "LEACE",
    "DepthProbe",
    "DistanceProbe",
    "EdgeProbe",
    "LinearProbe",
    "MLPProbe",
    "RandomDirections",
    "online_code",
    "online_codes",
    "variational_code",
]

_ROOMS = ("amnesic", "edge", "mdl", "structural")
_DOORS = {
    "INLP": "amnesic", "LEACE": "amnesic", "RandomDirections": "amnesic", "LinearProbe": "linear", "MLPProbe": "mlp",
    "EdgeProbe": "edge", "DistanceProbe": "structural", "DepthProbe": "structural",
    "online_code": "mdl", "online_codes": "mdl", "variational_code": "mdl",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _DOORS:
        return getattr(import_module(f"bertology.probe.{_DOORS[name]}"), name)
    if name in _ROOMS:
        return import_module(f"bertology.probe.{name}")
    raise AttributeError(f"module 'bertology.probe' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted((*__all__, *_ROOMS))
