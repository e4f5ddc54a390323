"""A recipe: everything that makes two pre-trainings the same, as one frozen value with its citation."""

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from bertology.train.architecture import Architecture
from bertology.train.layout import Blocks, Layout
from bertology.train.objectives.mlm import MLM
from bertology.train.objectives.objective import Objective
from bertology.train.optimizer import AdamW, Optimizer, Schedule
from bertology.train.regimes import Regime


@dataclass(frozen=True)
class Recipe:
    """`tokens_per_step` is the batch of one update in real subwords (on average, where examples differ in length). `copies` = k masks the text in k fixed ways that take turns (static
    masking; BERT's preprocessing made 10), None draws anew each time (dynamic masking, Liu et al. 2019). `packed` lets
    examples share rows; `vocabulary` and `tokenizer` describe the tokenizer that is trained when none is given. `regimes`
    change the model or the batches as training goes on (train/regimes.py).
    """

    name: str
    cites: tuple[str, ...]
    architecture: Architecture
    objectives: tuple[Objective, ...] = (MLM(),)
    layout: Layout = field(default_factory=Blocks)
    optimizer: Optimizer = field(default_factory=AdamW)
    schedule: Schedule = field(default_factory=Schedule)
    tokens_per_step: int = 4096
    copies: int | None = None
    packed: bool = True
    clip: float = 1.0
    vocabulary: int = 8192
    tokenizer: Literal["wordpiece", "bpe", "unigram"] = "wordpiece"
    lowercase: bool = True
    regimes: tuple[Regime, ...] = field(default=(), metadata={"later": True})

    @property
    def identity(self) -> dict[str, Any]:
        """The recipe as plain values, for the run folder; equal recipes have equal identities."""
        return plain(self)


def plain(value: Any) -> Any:
    """A value as JSON takes it. Fields that were added later count only where they are used: older runs keep their identity."""
    if is_dataclass(value) and not isinstance(value, type):
        used = [f for f in fields(value) if not (f.metadata.get("later") and getattr(value, f.name) == f.default)]
        return {"": type(value).__name__, **{f.name: plain(getattr(value, f.name)) for f in used}}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, frozenset | set):
        return sorted(map(str, value))
    return value if isinstance(value, str | int | float | bool) or value is None else repr(value)
