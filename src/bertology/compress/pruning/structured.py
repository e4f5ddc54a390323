"""Structured pruning of a tuned model to a speed: parts go in rounds, and what is left is tuned again between them.

Which parts: the least sensitive for the time they take on this machine (compress/pruning/shape.py). One shot falls off a cliff; rounds with
recovery do not (Lagunas et al. 2021; Xia et al. 2022). The recovery learns from the labels and from the whole model's
predictions. Every choice is made on training examples; dev scores the rounds, test is never looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from bertology.compress.inference.latency import LatencyTable, latency, layer_parameters
from bertology.compress.pruning.gates import Parts, normalised, sensitivity, sizes
from bertology.compress.pruning.shape import Choice, of_random, within
from bertology.compress.teaching.distil import Distil, SoftTargets, Teacher
from bertology.encoder.cut import cut
from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest
from bertology.train.classifier import batches, encoded, scored
from bertology.train.finetune import FineTuning
from bertology.train.task import Task
from bertology.train.tuned import tuned

Progress = Callable[[str, int, int], None]


class Cost(NamedTuple):
    """What the cut is to save: seconds on this machine or parameters. `of` counts it exactly, `table` says what each part costs."""

    table: LatencyTable
    of: Callable[[Encoder], float]
    words: str = "times as fast"

    @classmethod
    def parameters(cls, whole: Encoder) -> "Cost":
        """Parameters of the layers."""
        return cls(LatencyTable.of_parameters(whole), lambda one: float(layer_parameters(one)), "times as small")


class Round(NamedTuple):
    """After a round: (heads, neurons) of each layer module, how many times less it costs, dev score right after the cut and after recovery."""

    shape: list[tuple[int, int]]
    speedup: float
    cut: float
    recovered: float


class Pruned(NamedTuple):
    """The smaller model as an encoder with its task head, its rounds, and the dev score of the whole."""

    encoder: Encoder
    rounds: list[Round]
    whole: float


@dataclass(frozen=True)
class StructuredPruning:
    """`by` "sensitivity" is Michel et al.'s gradient, each layer's divided by its norm; "random" the baseline.

    `rounds` steps lead to the speed-up geometrically, each followed by `recovery`. `batch` x `length` subwords is what the
    speed-up is measured at; `examples` training examples give the sensitivity. `tolerance` is how far the measured speed-up may
    be from the wish.
    """

    by: Literal["sensitivity", "random"] = "sensitivity"
    rounds: int = 4
    recovery: FineTuning = FineTuning(epochs=1, rate=1e-4)  # noqa: RUF009 (frozen)
    taught: bool = True
    batch: int = 32
    length: int = 32
    examples: int = 256
    group: int = 32
    tolerance: float = 0.05
    seed: int = 0

    def __call__(
        self,
        whole: Encoder,
        task: Task,
        speedup: float,
        progress: Progress = lambda what, done, total: None,
        *,
        cost: Cost | None = None,
    ) -> Pruned:
        """Prunes a tuned model, wrapped as an encoder, to a speed-up, or to a `speedup`th of another cost.

        Raises BadRequest where the table says that it cannot be reached, with what can.
        """
        if speedup <= 1:
            raise BadRequest(f"a speed-up of {speedup:g} takes nothing out.", "Give more than 1.")
        if cost is None:
            here = {"batch": self.batch, "length": self.length}
            cost = Cost(LatencyTable.measure(whole, **here), lambda one: latency(one, **here))
        table, timed, _ = cost
        full = timed(whole)
        most = table.of(sizes(whole)) / max(table.of([(0, 0)] * whole.n_layers), 1e-9)
        if most < speedup:
            raise BadRequest(
                f"{whole.name} without any head or neuron would be {most:.1f} {cost.words}, {speedup:g} times was asked.",
                "Ask for less, or take out layers.",
            )
        teacher = Teacher(whole.model, whole, whole.fingerprint)
        now, rounds = whole, []
        for k in range(1, self.rounds + 1):
            progress(f"pruning to {speedup:g}x", k - 1, self.rounds)
            target = full / speedup ** (k / self.rounds)
            less = self._cut_to(now, self._importance(now, task), table, target, timed)
            before = dev_score(less, task)
            recipe = self.recovery
            if self.taught:
                recipe = replace(recipe, techniques=(*recipe.techniques, Distil(teacher, (SoftTargets(),))))
            now = tuned(less, task, recipe, seed=self.seed + k, name=whole.name)
            rounds.append(Round(sizes(now), full / timed(now), before, dev_score(now, task)))
        progress(f"pruning to {speedup:g}x", self.rounds, self.rounds)
        return Pruned(now, rounds, dev_score(whole, task))

    def _importance(self, now: Encoder, task: Task) -> Parts:
        some = task.limited(self.examples, self.seed)
        lines = encoded(now, task, some.train)
        pad = now.tokenizer.pad_token_id or 0
        found = normalised(sensitivity(now.model, now, task, batches(lines, task, 32, pad, now.device)))
        return of_random(found, self.seed) if self.by == "random" else found

    def _cut_to(
        self, now: Encoder, importance: Parts, table: LatencyTable, target: float, timed: Callable[[Encoder], float]
    ) -> Encoder:
        """The cut whose measured time is nearest to the target: the table proposes, the clock corrects it."""
        wish, best = target, None
        for _ in range(5):
            choice: Choice = within(importance, table, wish, group=self.group)
            less = cut(now, *importance.sites(now, choice.heads, choice.neurons))
            took = timed(less)
            off = abs(took / target - 1)
            if best is None or off < best[0]:
                best = off, less
            if off <= self.tolerance:
                break
            wish *= target / took
        assert best is not None
        return best[1]


def dev_score(encoder: Encoder, task: Task) -> float:
    """The dev score of a tuned model wrapped as an encoder, in the task's measure."""
    return scored(encoder, task, "dev").score()
