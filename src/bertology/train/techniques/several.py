"""Techniques of several runs: intermediate tasks, and early stopping of seeds."""

from collections.abc import Sequence
from typing import NamedTuple

from bertology.encoder.encoder import Encoder
from bertology.record.errors import BadRequest
from bertology.train.finetune import (
    FineTuning,
    Outcome,
    Progress,
    Run,
    Tuned,
    encoded_parts,
    finetune,
    interval,
    seed_numbers,
)
from bertology.train.task import Task


def staged(
    encoder: Encoder,
    stages: Sequence[tuple[Task, FineTuning | None]],
    *,
    seeds: int | Sequence[int] = 1,
    progress: Progress = lambda what, done, total: None,
) -> list[Tuned]:
    """Fine-tunes on one task after another, each with a new head on the trunk that the one before left: STILTs (Phang et al. 2019),
    TANDA (Garg et al. 2020). One Tuned a stage; a seed goes through all stages.

    Raises BadRequest when a technique of an earlier stage stays in the model, so that there is no plain trunk to go on with.
    """
    if not stages:
        raise BadRequest("no stage was given.", "Give one or more pairs of a task and a recipe.")
    plans = [(task, recipe or FineTuning()) for task, recipe in stages]
    for _, recipe in plans[:-1]:
        staying = [type(t).__name__ for t in recipe.techniques if not t.plain]
        if staying:
            raise BadRequest(
                f"{recipe.name}: {' and '.join(staying)} would stay in the trunk that the next task starts from.",
                "Use it in the last stage only, or a technique that is merged, such as LoRA.",
            )
    found: list[list[Outcome]] = [[] for _ in plans]
    for seed in seed_numbers(seeds):
        trunk = encoder
        for k, (task, recipe) in enumerate(plans):
            note = lambda what, done, total, k=k: progress(f"stage {k + 1} of {len(plans)}, {what}", done, total)
            (outcome,) = finetune(trunk, task, recipe, seeds=[seed], progress=note).outcomes
            trunk = trunk_of(outcome, encoder, task)
            found[k].append(outcome if k == len(plans) - 1 else outcome._replace(model=None))
    return [
        Tuned(recipe, task, outcomes, *interval(outcomes, task))
        for (task, recipe), outcomes in zip(plans, found, strict=True)
    ]


def trunk_of(outcome: Outcome, encoder: Encoder, task: Task) -> Encoder:
    """The trunk of a tuned model as an encoder, without any head."""
    if outcome.model is None:
        raise BadRequest(f"the model of seed {outcome.seed} was not kept.", 'Fine-tune with models="all".')
    base = outcome.model.base_model
    return Encoder(base.eval(), encoder.tokenizer, encoder.family, f"{encoder.name} after {task.name}", has_mlm=False)  # type: ignore[union-attr,operator,arg-type]


class Raced(NamedTuple):
    """`tuned` has the seeds that ran to the end; `early` the dev score of every seed at the share `at` of its steps.

    `budget` is what all of it cost, in full runs: compare with that many runs that go to the end.
    """

    tuned: Tuned
    early: dict[int, float]
    at: float
    budget: float


def race(
    encoder: Encoder,
    task: Task,
    recipe: FineTuning | None = None,
    *,
    seeds: int | Sequence[int] = 10,
    at: float = 0.3,
    keep: int = 1,
    progress: Progress = lambda what, done, total: None,
) -> Raced:
    """Early stopping of seeds (Dodge et al. 2020): all seeds train for a share `at` of the steps, the `keep` best on dev go on.

    A seed that goes on ends as it would have without the pause. At most `keep` + 1 models are held. Raises BadRequest.
    """
    recipe, numbers = recipe or FineTuning(), list(dict.fromkeys(seed_numbers(seeds)))
    if not 0 < at < 1 or not 1 <= keep <= len(numbers):
        raise BadRequest(
            f"a race of {len(numbers)} seeds that keeps {keep} at {at:g} of the steps.",
            "Give a share between 0 and 1, and keep at least one seed of those there are.",
        )
    lines = encoded_parts(encoder, task)
    early: dict[int, float] = {}
    leading: list[Run] = []
    for k, seed in enumerate(numbers):
        note = lambda done, total, k=k: progress(f"{recipe.name}, seed {k + 1} of {len(numbers)}", done, total)
        run = Run(encoder, task, recipe, lines, seed, seed, note)
        run.go(at)
        early[seed] = run.score_dev()
        leading = sorted([*leading, run], key=lambda r: -early[r.seed])[:keep]  # stable: of equals the first stays
    share = leading[0].step / leading[0].total
    outcomes = []
    for run in leading:
        run.go()
        outcomes.append(run.finish())
    budget = len(numbers) * share + keep * (1 - share)
    return Raced(Tuned(recipe, task, outcomes, *interval(outcomes, task)), early, at, budget)


__all__ = ["Raced", "race", "staged", "trunk_of"]
