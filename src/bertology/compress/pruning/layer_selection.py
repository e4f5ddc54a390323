"""Fewer layers without training: which of them stay, by rule or by search on dev, and the layer dropout that makes encoders bear it.

LayerDrop (Fan et al. 2019) trains with layers skipped at random; then every other layer can be left out, or a better subset sought. In pre-training it is a
regime (train/regimes.py), here a technique of fine-tuning.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from bertology.compress.pruning.structured import dev_score
from bertology.compress.teaching.layer_maps import MAPS, layer_map
from bertology.encoder.cut import only
from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest
from bertology.train.finetune import FineTuning
from bertology.train.regimes import LayerDrop
from bertology.train.task import Task
from bertology.train.techniques.technique import Technique, Tuning
from bertology.train.tuned import tuned

Progress = Callable[[str, int, int], None]


def every_other(depth: int, of: int) -> tuple[int, ...]:
    """`depth` of the layers 1 to `of`, evenly, with the first among them: every second for half (Fan et al. 2019, section 3.2)."""
    return tuple(k * of // depth + 1 for k in range(depth))


def selected(encoder: Encoder, depth: int, by: str = "every other") -> Encoder:
    """The encoder with `depth` of its layers, physically: "every other", or the teacher's side of a layer map ("uniform", "first", "last").

    Raises BadRequest for another rule, and for a depth that the encoder does not have.
    """
    n = encoder.n_layers
    if not 1 <= depth <= n:
        raise BadRequest(f"{depth} of the {n} layers of {encoder.name} are to stay.", f"Give 1 to {n}.")
    if by == "every other":
        return only(encoder, every_other(depth, n))
    if by not in MAPS or (by == "top" and depth > 1):
        raise BadRequest(f"no rule {by!r} selects {depth} layers.", "Choose every other, uniform, first or last.")
    return only(encoder, [t for _, t in layer_map(by, depth, n)])


class Selected(NamedTuple):
    """The shallower encoder with its task head; the layers that stayed, of the whole's; dev scores of the whole, right after the
    selection (of which it is the maximum, so it flatters), and at the end; and what each subset that was tried scored."""

    encoder: Encoder
    layers: tuple[int, ...]
    whole: float
    cut: float
    recovered: float
    tried: dict[tuple[int, ...], float]


@dataclass(frozen=True)
class LayerSelection:
    """`by` "greedy" leaves out, one after another, the layer without which dev scores best; "all" tries every subset of the depth, if they are no
    more than `most`; another value is a rule of `selected`, which looks at no score. `recovery` tunes what is left, None does not.

    Of layers that share their weights (ALBERT) all subsets of a depth are the same.
    """

    cites: ClassVar = ("fan-2019",)
    by: Literal["greedy", "all", "every other", "uniform", "first", "last"] = "greedy"
    recovery: FineTuning | None = None
    most: int = 500
    seed: int = 0

    def __call__(
        self, whole: Encoder, task: Task, depth: int, *, progress: Progress = lambda what, done, total: None
    ) -> Selected:
        """Selects `depth` layers of a tuned model, wrapped as an encoder. Raises BadRequest for a depth that it does not have, or of
        too many subsets."""
        n, tried = whole.n_layers, {}
        rule = selected(whole, depth, "every other" if self.by in ("greedy", "all") else self.by)
        if self.by == "all" and math.comb(n, depth) > self.most:
            raise BadRequest(
                f"{n} layers have {math.comb(n, depth):,} subsets of {depth}.", f"Search greedily, or allow more than {self.most}."
            )  # fmt: skip
        total = math.comb(n, depth) if self.by == "all" else sum(range(depth + 1, n + 1)) if self.by == "greedy" else 0

        def score(layers: tuple[int, ...]) -> float:
            tried[layers] = dev_score(only(whole, layers), task)
            progress("selecting layers", len(tried), total)
            return tried[layers]

        if self.by == "all":
            layers = max(combinations(range(1, n + 1), depth), key=score)
        elif self.by == "greedy":
            layers = tuple(range(1, n + 1))
            while len(layers) > depth:
                # of equal scores the highest layer goes: lower ones carry the others
                layers = max((tuple(x for x in layers if x != gone) for gone in reversed(layers)), key=score)
        else:
            layers = (
                every_other(depth, n) if self.by == "every other" else tuple(t for _, t in layer_map(self.by, depth, n))
            )
        less = only(whole, layers) if tried else rule
        before = after = tried[layers] if layers in tried else dev_score(less, task)
        if self.recovery is not None:
            less = tuned(less, task, self.recovery, seed=self.seed, name=whole.name, progress=progress)
            after = dev_score(less, task)
        return Selected(less, layers, dev_score(whole, task), before, after, tried)


@dataclass(frozen=True)
class LayerDropTuning(Technique):
    """Each layer is skipped with probability `share`, drawn anew for every update (Fan et al. 2019); in evaluation all run.

    What is tuned so bears `selected` and `LayerSelection` better.
    """

    cites: ClassVar = ("fan-2019",)
    share: float = 0.2

    def __post_init__(self) -> None:
        LayerDrop(self.share)

    def prepare(self, tuning: Tuning) -> None:
        tuning.memory["layer drop"] = np.random.default_rng([tuning.seed, 13])
        self._draw(tuning, 0.0)

    def after_step(self, tuning: Tuning, progress: float) -> None:
        self._draw(tuning, progress)

    def finish(self, tuning: Tuning) -> None:
        model: Any = tuning.model
        LayerDrop(self.share).end(model)

    def _draw(self, tuning: Tuning, progress: float) -> None:
        model: Any = tuning.model
        LayerDrop(self.share).step(model, progress, tuning.memory["layer drop"])
