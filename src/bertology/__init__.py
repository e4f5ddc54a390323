"""A Primer in BERTology, executable: every claim of the survey as an experiment on your encoder.

`bt.load`, `bt.wrap`, `bt.run`, `bt.audit`, `bt.plan`, `bt.compare`, `bt.check`, `bt.survey`, `bt.score`, `bt.pretrain`, `bt.finetune`, `bt.recipes`; heavy rooms are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bertology.acquisition import pretrain
    from bertology.auditing import audit
    from bertology.behave.pll import score
    from bertology.claims.registry import survey
    from bertology.encoder.check import check
    from bertology.encoder.load import load, wrap
    from bertology.job import compare, plan, run
    from bertology.train import recipes
    from bertology.train.finetune import finetune

__version__ = "0.1.0"
__all__ = [
    "audit",
    "check",
    "compare",
    "finetune",
    "load",
    "plan",
    "pretrain",
    "recipes",
    "run",
    "score",
    "survey",
    "wrap",
]

_DOORS = {
    "load": "encoder.load", "wrap": "encoder.load", "check": "encoder.check", "run": "job", "plan": "job", "compare": "job",
    "survey": "claims.registry", "pretrain": "acquisition", "score": "behave.pll",
    "finetune": "train.finetune", "audit": "auditing",
}  # fmt: skip
_ROOMS = (
    "behave",
    "claims",
    "compress",
    "corpus",
    "encoder",
    "intervene",
    "observe",
    "probe",
    "record",
    "report",
    "stats",
    "train",
)


def __getattr__(name: str) -> Any:
    if name in _DOORS:
        if name in ("load", "wrap"):
            import_module("bertology.train.variants")  # registers architectures that transformers lacks
        return getattr(import_module(f"bertology.{_DOORS[name]}"), name)
    if name == "recipes":
        return import_module("bertology.train.recipes")
    if name in _ROOMS:
        return import_module(f"bertology.{name}")
    raise AttributeError(f"module 'bertology' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted((*__all__, *_ROOMS))
