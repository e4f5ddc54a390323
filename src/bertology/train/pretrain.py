"""Pre-training: a recipe and raw text in; a tokenizer, checkpoints, a log and an encoder that transformers loads out."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bertology.record.errors import BadRequest
from bertology.train.checkpoint import read_log
from bertology.train.engine import accelerator, candidates
from bertology.train.loop import Budget, Run
from bertology.train.material import material
from bertology.train.recipe import Recipe

Progress = Callable[[str, int, int], None]


class Pretrained(NamedTuple):
    """A finished pre-training: its folder, the folder of the encoder in it, and what the last log line says."""

    folder: Path
    model: Path
    steps: int
    tokens: int
    seconds: float
    loss: float


def pretrain(
    recipe: Recipe,
    text: Sequence[str | Path],
    out: str | Path,
    *,
    tokens: int | None = None,
    minutes: float | None = None,
    valid: Sequence[str | Path] = (),
    tokenizer: str | Path | None = None,
    seed: int = 0,
    device: str = "cpu",
    precision: str = "auto",
    attention: str | None = None,
    compiled: bool = False,
    checkpoints: int = 10,
    micro_tokens: int = 4096,
    progress: Progress = lambda what, done, total: None,
) -> Pretrained:
    """Trains a recipe on text files for a number of tokens or minutes, whichever is given.

    The schedule ends with the budget: a run of 60 minutes has a learning rate of 0 at 60 minutes, whatever its speed. `valid`
    files are held out and scored at every checkpoint. `precision` and the attention backend are measured unless
    given; `compiled` uses torch.compile (a C++ compiler is needed; starting takes about a minute). Called again with the same arguments, a run goes on from its last
    checkpoint; a finished one returns at once. Under torchrun each process takes its share of every step.
    Raises BadRequest, BadCorpus, ForeignRun (`out` holds another run), NotFinite (the batch is kept), CannotWrite.
    """
    if (tokens is None) == (minutes is None):
        raise BadRequest("a budget is either tokens or minutes.", "Give --tokens 50M or --minutes 60, not both.")
    budget = Budget(tokens, None if minutes is None else minutes * 60)
    if seed < 0:
        raise BadRequest(f"seed {seed} is negative.", "Give --seed 0 or more.")
    if checkpoints < 1:
        raise BadRequest(f"{checkpoints} checkpoints keep nothing.", "Give --checkpoints 1 or more.")
    engines, worker, place = (
        candidates(precision, (attention,) if attention else ("sdpa", "eager")),
        accelerator(device),
        Path(out),
    )
    with worker.main_process_first():
        made = material(
            place, recipe, text, valid, tokenizer, {"tokens": budget.tokens, "seconds": budget.seconds, "seed": seed}
        )
    run = Run.start(recipe, place, made, worker, budget, seed, engines, compiled, micro_tokens)
    every = 1 / checkpoints
    while (at := budget.progress(run.tokens, run.seconds)) < 1:
        run.step(at)
        now = budget.progress(run.tokens, run.seconds)
        progress(f"{recipe.name}, loss {run.loss:.3f}", int(1000 * now), 1000)
        if math.floor(now / every) > math.floor(at / every) or now >= 1:
            run.keep()
    run.finish()
    return Pretrained(place, place / "model", run.steps, run.tokens, run.seconds, run.loss)


__all__ = ["Budget", "Pretrained", "pretrain", "read_log"]
