"""A compression as a recipe: steps from a whole encoder to a smaller one, its study, and the figures of the survey's Table 1."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple

from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest
from bertology.train.classifier import made_for
from bertology.train.finetune import FineTuning
from bertology.train.task import Task
from bertology.train.tuned import tuned

Progress = Callable[[str, int, int], None]
Kind = Literal["distillation", "quantisation", "pruning", "other"]
Range = float | tuple[float, float] | None


class Goal(NamedTuple):
    """How small: a measured speed-up on this machine, the share of the layers' parameters that stays, or bytes. At most one."""

    speedup: float | None = None
    keep: float | None = None
    bytes: int | None = None

    @property
    def kind(self) -> str:
        """ "speedup", "keep", "bytes", or "" when nothing is wished."""
        return next((name for name in self._fields if getattr(self, name) is not None), "")

    def checked(self) -> "Goal":
        """Itself. Raises BadRequest for several wishes, or for a wish that makes nothing smaller."""
        given = [name for name in self._fields if getattr(self, name) is not None]
        if len(given) > 1:
            raise BadRequest(f"{' and '.join(given)} were asked for together.", "Give one of them.")
        if self.speedup is not None and self.speedup <= 1:
            raise BadRequest(f"a speed-up of {self.speedup:g} takes nothing out.", "Give more than 1.")
        if self.keep is not None and not 0 < self.keep < 1:
            raise BadRequest(f"a share of {self.keep:g} to keep.", "Give more than 0 and less than 1.")
        if self.bytes is not None and self.bytes < 1:
            raise BadRequest(f"{self.bytes} bytes.", "Give more than 0, e.g. 10MB.")
        return self

    def __str__(self) -> str:
        words = {"speedup": "{:g}x as fast", "keep": "{:g} of the parameters", "bytes": "{:,} bytes"}
        return words[self.kind].format(getattr(self, self.kind)) if self.kind else "the recipe's own size"


AS_STUDIED = Goal()
STANDARD = FineTuning(epochs=4, rate=1e-4)
"""The scale of a fine-tuning where none is given: small sets, small encoders."""


class Row(NamedTuple):
    """A row of the survey's Table 1: how much smaller, share of performance kept (1 is all), speed-up, all against `base`.

    The table was not at hand in print: every figure is unchecked.
    """

    smaller: Range
    kept: Range
    faster: Range
    architecture: str
    evaluation: str
    base: str = "BERT-base"


@dataclass(frozen=True, eq=False)
class Work:
    """What a step is given and gives on. `whole` is the encoder to be made smaller, tuned where there is a task; `small` what it is so far.

    `stored` is what the weights would take in bytes where they are simulated codes.
    """

    original: Encoder
    whole: Encoder
    small: Any
    task: Task | None = None
    text: Corpus | None = None
    goal: Goal = AS_STUDIED
    tuning: FineTuning = STANDARD
    seed: int = 0
    progress: Progress = lambda what, done, total: None
    stored: int | None = None
    log: tuple[str, ...] = ()
    measure: Callable[[Encoder], Mapping[str, float]] | None = None
    """The share that an encoder has of each ability to protect (compress/by_ability.py)."""
    least: float = 0.95

    def but(self, **changes: Any) -> "Work":
        return replace(self, **changes)

    def noting(self, line: str) -> "Work":
        """With a line of the log: what was chosen, and why."""
        return replace(self, log=(*self.log, line))

    @property
    def labelled(self) -> Task:
        """The task; steps that read it say so in `needs`."""
        assert self.task is not None
        return self.task

    @property
    def running(self) -> Corpus:
        """The text; steps that read it say so in `needs`."""
        assert self.text is not None
        return self.text


@dataclass(frozen=True)
class Step:
    """From Work to Work. `needs` are "task", "text" and places of the encoder; `goals` the wishes it can follow."""

    needs: ClassVar[tuple[str, ...]] = ()
    goals: ClassVar[tuple[str, ...]] = ()

    def __call__(self, work: Work) -> Work:
        raise NotImplementedError


@dataclass(frozen=True)
class Compression:
    """Steps in order. `says` is one sentence on the method; `published` the row of Table 1 (None for methods beside it)."""

    name: str
    study: str
    kind: Kind
    cites: tuple[str, ...]
    says: str
    steps: tuple[Step, ...]
    published: Row | None = None
    differs: str = ""
    """What this differs in from the study, beyond scale."""
    at: Goal = AS_STUDIED
    """The wish when none is given: the study's own ratio."""

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(need for step in self.steps for need in step.needs))

    @property
    def goals(self) -> tuple[str, ...]:
        """The wishes that some step follows."""
        return tuple(name for name in Goal._fields if any(name in step.goals for step in self.steps))

    def check(self, encoder: Encoder, task: Task | None, text: Corpus | None, goal: Goal) -> None:
        """Raises BadRequest for what the recipe needs and does not get."""
        goal.checked()
        if goal.kind and goal.kind not in self.goals:
            can = " or ".join(f"--{name}" for name in self.goals) or "none"
            raise BadRequest(f"{self.name} cannot follow --{goal.kind}.", f"It follows {can}.")
        for need in self.needs:
            if need == "task":
                if task is None:
                    raise BadRequest(f"{self.name} needs a task.", "Give --task FILE.")
            elif need == "text":
                if text is None:
                    raise BadRequest(f"{self.name} needs running text.", "Give --text FILE.")
            elif need not in encoder.has:
                raise BadRequest(
                    f"{self.name} needs {need}, which {encoder.name} has not.",
                    "Choose another recipe: `bertology compress --list`.",
                )

    def __call__(
        self, original: Encoder, whole: Encoder, *, task: Task | None = None, text: Corpus | None = None, goal: Goal = AS_STUDIED,
        tuning: FineTuning = STANDARD, seed: int = 0, progress: Progress = lambda what, done, total: None,
        measure: Callable[[Encoder], Mapping[str, float]] | None = None, least: float = 0.95,
    ) -> Work:  # fmt: skip
        """The work after all steps. `whole` is the original, tuned for the task where there is one (`tuned_whole`)."""
        self.check(original, task, text, goal)
        work = Work(
            original,
            whole,
            whole,
            task,
            text,
            goal if goal.kind else self.at,
            tuning,
            seed,
            progress,
            measure=measure,
            least=least,
        )
        for step in self.steps:
            work = step(work)
        return work


def tuned_whole(encoder: Encoder, task: Task, tuning: FineTuning, *, seed: int = 0, progress: Progress) -> Encoder:
    """The encoder with a head, tuned for a task; as it is where it was already tuned for the same labels."""
    return encoder if made_for(encoder, task) else tuned(encoder, task, tuning, seed=seed, progress=progress)
