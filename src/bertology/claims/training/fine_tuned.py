"""The scale at which claims about fine-tuning run here: a few hundred examples, seconds a seed. Every finding states it."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bertology.corpus.corpora import Corpora
from bertology.encoder import Encoder
from bertology.observe import Asking, make
from bertology.record.estimate import Estimate
from bertology.record.result import Row
from bertology.train.artefacts import Scored, Scoring
from bertology.train.finetune import FineTuning
from bertology.train.task import Example, Task
from bertology.train.tasks import next_sentence, parts_of_speech, property_of
from bertology.train.techniques import FreezeBottom, Technique

EXAMPLES = 240
HELD_OUT = 300
SEEDS = (0, 1, 2, 3, 4)

STANDARD = FineTuning(epochs=3, batch=16, rate=2e-4)
"""The standard recipe with a rate for small encoders and few steps."""

FROZEN = replace(STANDARD, name="features", techniques=(FreezeBottom(),), rate=1e-3)
"""The encoder frozen, the head (and pooler) trained."""

TASKS: Mapping[str, Callable[[Corpora], Task]] = {
    "next sentence": lambda corpora: next_sentence(corpora.segments),
    "parts of speech": lambda corpora: parts_of_speech(corpora.treebank),
    "tense": lambda corpora: property_of(corpora.treebank, "tense"),
    "number of the subject": lambda corpora: property_of(corpora.treebank, "subject_number"),
    "length": lambda corpora: property_of(corpora.treebank, "length"),
    "depth": lambda corpora: property_of(corpora.treebank, "depth"),
}  # fmt: skip


def small(corpora: Corpora, name: str, *, examples: int | None = None) -> Task:
    """A task of TASKS cut to `examples` (EXAMPLES) for training, a third as many for dev and HELD_OUT for test."""
    return cut(TASKS[name](corpora), examples)


def cut(task: Task, examples: int | None = None) -> Task:
    """The same of any task."""
    most = min(examples or EXAMPLES, EXAMPLES)
    return replace(task.limited(most), dev=_some(task.dev, max(most // 3, 2)), test=_some(task.test, HELD_OUT))


def using(*techniques: Technique, **changes: object) -> FineTuning:
    """STANDARD with techniques, and other changes."""
    name = "+".join(("standard", *(type(t).__name__ for t in techniques)))
    return replace(STANDARD, **{"name": name, "techniques": techniques, **changes})  # type: ignore[arg-type]


def numbered(seed: int, seeds: Iterable[int]) -> tuple[int, ...]:
    """Seeds moved by the run's own."""
    return tuple(seed * 100 + s for s in seeds)


def scored(
    cells: Sequence[tuple[Encoder, Task, FineTuning]], seed: int, *, seeds: Sequence[int] | None = None
) -> Asking[list[Scored]]:
    """The scores of each (encoder, task, recipe) from SEEDS."""
    numbers = numbered(seed, SEEDS if seeds is None else seeds)
    made = yield from make(*(Scoring(*cell, numbers) for cell in cells))
    return [made] if len(cells) == 1 else list(made)


def spread(values: ArrayLike, *, unit: str = "") -> Estimate:
    """Standard deviation over repeats with the chi-squared distribution's 95 % interval (normal scores)."""
    x = np.asarray(values, dtype=np.float64)
    n = len(x)
    if n < 2:
        return Estimate(float("nan"), float("nan"), float("nan"), n, unit, "chi-squared, normal scores")
    s = float(x.std(ddof=1))
    low, high = (s * float(np.sqrt((n - 1) / stats.chi2.ppf(q, n - 1))) for q in (0.975, 0.025))
    return Estimate(s, low, high, n, unit, "chi-squared, normal scores")


def exactly(value: float, unit: str = "") -> Estimate:
    """A number that was counted, not estimated."""
    return Estimate(value, value, value, 1, unit, "counted")


def rows(measure: str, found: Mapping[str, NDArray[np.float64]]) -> list[Row]:
    """One row a label: the mean, with the range over seeds as its bounds."""
    return [
        Row(measure, float(v.mean()), float(v.min()), float(v.max()), n=len(v), label=label)
        for label, v in found.items()
    ]


def note(encoder: Encoder, tasks: Sequence[Task], recipe: FineTuning, seeds: Sized) -> str:
    """What the finding was measured at; `seeds` is anything of one item a seed."""
    sizes = sorted({len(t.train) for t in tasks})
    examples = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    return (
        f"Scale: {encoder.name}, {encoder.n_layers} layers of width {encoder.width}; {examples} training examples of "
        f"{', '.join(t.name for t in tasks)}; {recipe.epochs:g} epochs, batches of {recipe.batch}, rate {recipe.rate:g} unless varied; "
        f"{len(seeds)} seed{'s' * (len(seeds) != 1)}. Where rows have bounds, they are the range over seeds."
    )


def _some(examples: Sequence[Example], most: int) -> tuple[Example, ...]:
    order = np.random.default_rng(5).permutation(len(examples))[:most]
    return tuple(examples[i] for i in sorted(order))
