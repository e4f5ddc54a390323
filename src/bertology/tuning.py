"""Fine-tuning as a job: an encoder and labelled files in; scores over seeds and the best model out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from bertology.encoder.encoder import Encoder
from bertology.encoder.load import load
from bertology.job import QUIET
from bertology.observe.wishes import Progress
from bertology.record.errors import BadRequest
from bertology.train import finetuning_recipes
from bertology.train.finetune import FineTuning, Tuned, check_place, finetune, save
from bertology.train.recipe import plain
from bertology.train.task import read


class FineTuned(NamedTuple):
    """All seeds on the task, and the folder that holds the best model (None when none was asked for)."""

    tuned: Tuned
    place: Path | None

    def lines(self) -> list[str]:
        """What the terminal shows."""
        t = self.tuned
        counts = f"{len(t.task.train):,} training, {len(t.task.dev):,} dev, {len(t.task.test):,} test examples"
        found = [f"{t.task.name} ({t.task.kind}, {len(t.task.labels)} classes): {counts}"]
        found += [
            f"  seed {o.seed}: {o.score(t.task):.4f} (dev {' '.join(f'{d:.3f}' for d in o.dev)}), {o.trained:,} parameters trained, {o.seconds:.0f} s"
            for o in t.outcomes
        ]
        spread = f", spread over seeds {t.spread:.4f}" if len(t.outcomes) > 1 else ""
        majority = "" if t.task.kind == "regression" else f"; majority {t.task.majority:.3f}"
        found.append(f"{t.recipe.name}: {t.estimate}{spread}{majority}")
        found += [f"left out: {count} {reason}" for reason, count in t.task.dropped]
        return [*found, str(self.place)] if self.place else found

    def to_json(self) -> dict[str, Any]:
        t = self.tuned
        return {
            "task": t.task.name, "kind": t.task.kind, "recipe": t.recipe.name, "estimate": t.estimate.to_json(),
            "spread": t.spread if t.spread == t.spread else None, "majority": None if t.task.kind == "regression" else t.task.majority,
            "seeds": [{"seed": o.seed, "score": o.score(t.task), "dev": o.dev, "seconds": o.seconds, "trained": o.trained} for o in t.outcomes],
            "dropped": dict(t.task.dropped), "place": self.place,
        }  # fmt: skip


def finetune_files(
    model: str | Path | Encoder,
    files: Sequence[str | Path],
    *,
    recipe: str | FineTuning = "standard",
    seeds: int = 5,
    out: str | Path | None = None,
    label: str = "",
    limit: int | None = None,
    seed: int = 0,
    changes: Mapping[str, Any] | None = None,
    progress: Progress = QUIET,
    **loading: Any,
) -> FineTuned:
    """Reads a task from files (see `train.task.read`), fine-tunes a recipe of a name for `seeds` seeds, saves to `out`.

    `changes` replace fields of the recipe; those that are None stay. Raises BadRequest, BadCorpus, ForeignRun, NotFinite.
    """
    if not files:
        raise BadRequest("no task was given.", "Give --task FILE, or a folder with train, dev and test files.")
    chosen = finetuning_recipes.recipe(recipe) if isinstance(recipe, str) else recipe
    wanted = {name: value for name, value in (changes or {}).items() if value is not None}
    chosen = replace(chosen, **wanted)
    task = read(files, label=label or None, seed=seed)
    if limit is not None:
        task = task.limited(limit, seed)
    encoder = model if isinstance(model, Encoder) else load(model, **loading)
    numbers = [seed + k for k in range(seeds)]
    if out is not None:  # refuse a foreign folder before hours of work
        check_place(
            Path(out), {"encoder": encoder.fingerprint, "task": task.name, "recipe": plain(chosen), "seeds": numbers}
        )
    tuned = finetune(encoder, task, chosen, seeds=numbers, progress=progress)
    return FineTuned(tuned, save(tuned, encoder, out) if out is not None else None)


def recipe_names() -> list[str]:
    """The fine-tuning recipes there are."""
    return list(finetuning_recipes.RECIPES)
