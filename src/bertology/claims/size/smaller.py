"""The scale at which claims about compression run here, and what they share: tasks, tuned wholes, and the control."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertology.claims.training import fine_tuned
from bertology.compress.compared import Compressed, Compressing
from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.errors import NotApplicable
from bertology.record.estimate import Estimate
from bertology.record.result import Row
from bertology.stats import repeats
from bertology.train.artefacts import Scoring
from bertology.train.finetune import FineTuning
from bertology.train.task import Task

NAMES = ("tense", "number of the subject")
LEAST = 0.05
"""Margin of the tuned whole over the majority below which no share of it is told."""
TWIN = "tuned encoder − tuned random twin"
"""The control of most claims here: what is compressed must be worth more than the architecture, by two points."""


def tasks(corpora: Corpora) -> list[Task]:
    return [fine_tuned.small(corpora, name) for name in NAMES]


def compressed(
    encoder: Encoder, over: Sequence[Task], methods: Sequence[Any], seed: int, *,
    recipe: FineTuning = fine_tuned.STANDARD, seeds: Sequence[int] = fine_tuned.SEEDS, timed: bool = False,
) -> Asking[list[list[Compressed]]]:  # fmt: skip
    """What each method makes of the encoder tuned on each task, (method, task)."""
    numbers = fine_tuned.numbered(seed, seeds)
    made = yield from make(*(Compressing(encoder, t, recipe, m, numbers, timed) for m in methods for t in over))
    found, n = [made] if len(methods) * len(over) == 1 else list(made), len(over)
    return [found[k * n : (k + 1) * n] for k in range(len(methods))]


def twin(
    encoder: Encoder, over: Sequence[Task], seed: int, *, recipe: FineTuning = fine_tuned.STANDARD,
    seeds: Sequence[int] = fine_tuned.SEEDS,
) -> Asking[NDArray[np.float64]]:  # fmt: skip
    """Scores of the random twin tuned on each task, mean over tasks, one a seed."""
    numbers = fine_tuned.numbered(seed, seeds)
    made = yield from make(*(Scoring(encoder.randomised(seed), t, recipe, numbers) for t in over))
    return np.mean([s.values for s in (made if len(over) > 1 else [made])], axis=0)


def score(found: Sequence[Compressed], name: str = "scores") -> NDArray[np.float64]:
    """A field of what was made, mean over tasks, one a seed."""
    return np.mean([getattr(one, name) for one in found], axis=0)


def kept(found: Sequence[Compressed]) -> NDArray[np.float64]:
    """Share of the margin over the majority that is kept, one a seed: 1 less a seed's loss over the mean margin, of all tasks together.

    Raises NotApplicable where the whole has no margin to keep.
    """
    margin = float(score(found, "whole").mean()) - float(np.mean([one.majority for one in found]))
    if margin < LEAST:
        raise NotApplicable(f"tuned, the encoder is {margin:.3f} above the majority on average, {LEAST:g} is due")
    return 1 - (score(found, "whole") - score(found)) / margin


def control(found: Sequence[Compressed], of_twin: NDArray[np.float64]) -> Estimate:
    return repeats.difference(score(found, "whole"), of_twin, unit="score")


def rows(found: Mapping[str, Sequence[Compressed]]) -> list[Row]:
    """Of each method: score, calibration error, times smaller and, where timed, times faster; of the whole as well."""
    first = next(iter(found.values()))
    whole = {"score": score(first, "whole"), "calibration error": score(first, "whole_calibration")}
    lines = [line for measure, v in whole.items() for line in fine_tuned.rows(measure, {"whole": v})]
    names = {
        "score": "scores",
        "calibration error": "calibration",
        "times smaller": "smaller",
        "times faster": "faster",
    }
    for measure, name in names.items():
        table = {label: score(of, name) for label, of in found.items()}
        lines += fine_tuned.rows(measure, {label: v for label, v in table.items() if np.isfinite(v).all()})
    return lines
