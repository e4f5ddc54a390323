"""Heads taken out of a tuned model in the order of their importance, until dev says stop (Michel et al. 2019).

A head's importance is the mean |slope of the loss| at its gate over training examples (compress/pruning/gates.py), divided by the l2 norm of its
layer. Steps of a tenth of all heads are masked and scored on dev; nothing is tuned again. The same steps in a random order are the control.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bertology.compress.pruning.gates import gated, normalised, sensitivity, sizes
from bertology.encoder.cut import cut
from bertology.encoder.encoder import Encoder
from bertology.encoder.families import kind
from bertology.encoder.sites import Site
from bertology.record.errors import BadRequest, NotApplicable
from bertology.train.classifier import Scored, batches, encoded, evaluate
from bertology.train.task import Task

Progress = Callable[[str, int, int], None]
Head = tuple[int, int]
"""Layer module and head, from 0."""


class Point(NamedTuple):
    """A step of the retention curve: the share of heads that are gone, and the dev score with them masked."""

    gone: float
    score: float


class HeadsPruned(NamedTuple):
    """The encoder without the heads of the last step within the tolerance, physically; `gone` their share.

    `curve` goes from no head to the step that lost too much, or through all steps; `random` has a control's curve a draw, over
    the same steps. `order` is the heads from the least important.
    """

    encoder: Encoder
    gone: float
    curve: tuple[Point, ...]
    random: tuple[tuple[Point, ...], ...]
    order: tuple[Head, ...]


@dataclass(frozen=True)
class HeadPruning:
    """`step` is a share of all heads; `tolerance` how much dev score may be lost, in its measure (0.01 is a point of accuracy).

    `examples` training examples give the importance, None takes all; `again` computes it anew after each step (the paper's
    "exact" variant). `controls` random orders are drawn with `seed`; `whole_curve` masks on to the last head, for the
    figure, and changes nothing about what is taken out.
    """

    cites: ClassVar = ("michel-2019",)
    step: float = 0.1
    tolerance: float = 0.01
    examples: int | None = None
    again: bool = False
    controls: int = 3
    whole_curve: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.step <= 1 or self.tolerance < 0:
            raise BadRequest(
                f"steps of {self.step:g} of all heads and a tolerance of {self.tolerance:g}.",
                "Give steps from above 0 to 1, and a tolerance of 0 or more.",
            )

    def __call__(
        self, whole: Encoder, task: Task, *, progress: Progress = lambda what, done, total: None
    ) -> HeadsPruned:
        """Prunes a tuned model, wrapped as an encoder. Raises NotApplicable for a family whose heads cannot be taken out."""
        if not whole.family.into_heads:
            raise NotApplicable(f"heads cannot be taken out of {kind(whole.config)}")
        counts = [h for h, _ in sizes(whole)]
        score = _masked_score(whole, task, counts)
        curve, order, taken = self._curve(whole, task, counts, score, progress)
        random = []
        for draw in range(self.controls):
            rng = np.random.default_rng([self.seed, draw, 5])
            every = [(k, h) for k, n in enumerate(counts) for h in range(n)]
            shuffled = [every[i] for i in rng.permutation(len(every))]
            steps = [round(p.gone * len(every)) for p in curve[1:]]
            random.append((curve[0], *(Point(n / len(every), score(shuffled[:n])) for n in steps)))
            progress("random heads", draw + 1, self.controls)
        less = cut(whole, *_sites(whole, order[:taken], len(counts)))
        return HeadsPruned(less, taken / max(sum(counts), 1), tuple(curve), tuple(random), tuple(order))

    def _curve(
        self,
        whole: Encoder,
        task: Task,
        counts: list[int],
        score: Callable[[Sequence[Head]], float],
        progress: Progress,
    ) -> tuple[list[Point], list[Head], int]:
        """The curve, the order, and how many of its heads go."""
        total = sum(counts)
        steps = sorted(
            {min(total, round(k * self.step * total)) for k in range(1, int(1 / self.step + 1e-9) + 2)} - {0}
        )
        order = _order(self._importance(whole, task, [], counts), [])
        curve, taken, failed = [Point(0.0, score([]))], 0, False
        for k, n in enumerate(steps):
            progress("masking heads", k, len(steps))
            if self.again and k:
                gone = order[: steps[k - 1]]
                order = gone + _order(self._importance(whole, task, gone, counts), gone)
            curve.append(Point(n / total, score(order[:n])))
            failed = failed or curve[0].score - curve[-1].score > self.tolerance + 1e-12
            if not failed:
                taken = n
            elif not self.whole_curve:
                break
        progress("masking heads", len(steps), len(steps))
        return curve, order, taken

    def _importance(
        self, whole: Encoder, task: Task, gone: Sequence[Head], counts: list[int]
    ) -> tuple[NDArray[np.float64], ...]:
        some = task if self.examples is None else task.limited(self.examples, self.seed)
        lines, pad = encoded(whole, task, some.train), whole.tokenizer.pad_token_id or 0
        with gated(whole.model, whole, _gates(gone, counts, whole.device), [None] * len(counts)):
            return normalised(sensitivity(whole.model, whole, task, batches(lines, task, 32, pad, whole.device))).heads


def _masked_score(whole: Encoder, task: Task, counts: list[int]) -> Callable[[Sequence[Head]], float]:
    """The dev score of the whole with some heads masked."""
    lines, pad, model = encoded(whole, task, task.dev), whole.tokenizer.pad_token_id or 0, whole.model

    def score(gone: Sequence[Head]) -> float:
        with gated(model, whole, _gates(gone, counts, whole.device), [None] * len(counts)):
            _, said = evaluate(model, lines, task, pad, whole.device, task.dev)
        return Scored(said, task.dev, task).score()

    return score


def _order(importance: Sequence[NDArray[np.float64]], without: Sequence[Head]) -> list[Head]:
    """Heads from the least important, without some."""
    every = [(float(x), k, h) for k, layer in enumerate(importance) for h, x in enumerate(layer)]
    return [(k, h) for _, k, h in sorted(every) if (k, h) not in {*without}]


def _gates(gone: Sequence[Head], counts: list[int], device: torch.device) -> list[Any]:
    gates = [torch.ones(n, device=device) for n in counts]
    for k, h in gone:
        gates[k][h] = 0.0
    return gates


def _sites(encoder: Encoder, heads: Sequence[Head], modules: int) -> list[Site]:
    """Heads of layer modules as sites; of a module that layers share, in each of its layers."""
    shared = modules < encoder.n_layers
    return [
        Site("head", layer, h) for k, h in heads for layer in (range(1, encoder.n_layers + 1) if shared else (k + 1,))
    ]


def random_mean(found: HeadsPruned) -> tuple[Point, ...]:
    """The mean curve of the random orders."""
    return tuple(
        Point(points[0].gone, float(np.mean([p.score for p in points]))) for points in zip(*found.random, strict=True)
    )
