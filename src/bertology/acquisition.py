"""Pre-training as a job: train, test the chosen claims at every checkpoint, draw what was learnt when."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bertology import report
from bertology.claims import registry
from bertology.job import QUIET, run
from bertology.observe.wishes import Progress
from bertology.record.folder import RunFolder, disk, whole
from bertology.train import checkpoint
from bertology.train.engine import first_process
from bertology.train.pretrain import Pretrained, read_log
from bertology.train.pretrain import pretrain as train
from bertology.train.recipe import Recipe
from bertology.train.recipes import recipe as named


class Acquired(NamedTuple):
    """A finished training, the run of the chosen claims at each checkpoint by tokens seen, and the page of both."""

    trained: Pretrained
    runs: list[tuple[int, RunFolder]]
    page: Path


def pretrain(
    recipe: Recipe | str,
    text: Sequence[str | Path],
    out: str | Path,
    *,
    claims: Sequence[str] = (),
    scale: float = 0.3,
    seed: int = 0,
    progress: Progress = QUIET,
    **options: Any,
) -> Acquired:
    """Trains a recipe (or the recipe of a name) on text files; see `train.pretrain` for the options.

    With `claims` (ids, prefixes, sections; none by default), every checkpoint is run against them at `scale` of the embedded
    corpora, in `out/acquisition/<steps>`; `out/training.html` shows the curves and each claim's headline against tokens seen.
    A stopped job goes on when called again. Under torchrun the first process alone runs claims and draws the page.
    """
    chosen = named(recipe) if isinstance(recipe, str) else recipe
    if claims:
        registry.select(claims)  # a name that is not known is said now, not after the training
    trained = train(chosen, text, out, seed=seed, progress=progress, **options)
    place = Path(out)
    page = place / "training.html"
    if not first_process():
        return Acquired(trained, [], page)
    seen = {line["step"]: line["tokens"] for line in read_log(place)}
    runs = []
    if claims:
        for steps, folder in checkpoint.all_of(place):
            where = place / "acquisition" / f"{steps:08d}"
            runs.append(
                (seen[steps], run(folder, claims=claims, out=where, scale=scale, seed=seed, progress=progress).folder)
            )
    content = report.render_training(chosen.name, list(read_log(place)), runs)
    with disk(page), whole(page) as part:
        part.write_text(content, encoding="utf-8")
    return Acquired(trained, runs, page)
