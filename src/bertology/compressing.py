"""Compression as a job: an encoder and a recipe in; a smaller model and a table of what it forgot out.

    OUT/model/            the smaller model with its tokenizer and a card, for transformers
    OUT/retention.json    costs, task score and every ability before and after (record/retention.py); retention.html shows it
    OUT/abilities/        the runs of the claims behind the abilities: whole, tuned (where there is a task), small

The original is only read. A stopped job goes on: the tuned whole model, the smaller one and finished claims are kept.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from bertology import report
from bertology.claims import registry
from bertology.compress import recipes
from bertology.compress.by_ability import Measure
from bertology.compress.inference.latency import forward, over, seconds
from bertology.compress.recipe import STANDARD, Compression, Goal, Work, tuned_whole
from bertology.compress.steps.size import BATCH, LENGTH, size_in_bytes
from bertology.corpus import text as texts
from bertology.corpus.corpora import Corpora
from bertology.corpus.sentence import Corpus
from bertology.encoder.encoder import Encoder
from bertology.encoder.load import load
from bertology.job import QUIET, run
from bertology.judging import results_of
from bertology.observe.wishes import Progress
from bertology.record.claim import Ability, Claim
from bertology.record.errors import BadRequest, BadWeights, ForeignRun, NotApplicable
from bertology.record.estimate import Estimate
from bertology.record.folder import RunFolder, disk, read_json, whole, write_json
from bertology.record.result import Result
from bertology.record.retention import FILE, Cost, Kept, Retention, abilities_kept
from bertology.train.classifier import batches, encoded, scored
from bertology.train.finetune import FineTuning
from bertology.train.recipe import plain
from bertology.train.task import Task, read

STARTED = "compression.json"


class Compressed(NamedTuple):
    """A finished compression: its record, the folder of the smaller model, and the page."""

    retention: Retention
    model: Path
    page: Path

    def lines(self) -> list[str]:
        """What the terminal shows."""
        r = self.retention
        speed = ", ".join(f"{s:.2f}x at batch {k}" for k, s in r.faster.items())
        stored = " (as codes)" if r.after.simulated else ""
        found = [
            f"{r.encoder} by {r.recipe} ({r.goal}): {r.before.parameters:,} -> {r.after.parameters:,} parameters ({r.fewer:.2f}x), "
            f"{r.before.bytes:,} -> {r.after.bytes:,} bytes{stored} ({r.smaller:.2f}x), {speed}",
            *(f"  {line}" for line in r.log),
        ]
        if r.score_before is not None and r.score_after is not None:
            above = f", above the majority {r.above_majority}" if r.above_majority else ""
            found.append(
                f"{r.task}: {r.score_before} -> {r.score_after}; {r.score_kept} kept{above}; majority {r.majority:.3f}"
            )
        found += [f"  {_line(k)}" for k in r.abilities if k.fate != "never had"]
        never = r.of("never had")
        if never:
            found.append(f"  the whole encoder is at chance at: {', '.join(k.ability for k in never)}")
        forgot = r.of("forgot")
        found.append(f"forgot: {', '.join(k.ability for k in forgot) or 'nothing that these tests see'}")
        return [*found, str(self.model), str(self.page)]

    def to_json(self) -> dict[str, Any]:
        return {**self.retention.to_json(), "model": self.model, "page": self.page}


def _line(k: Kept) -> str:
    if k.after is None:
        return f"{k.ability} ({k.claim}): {k.reference} -> not measured{': ' + k.reason if k.reason else ''}"
    share = f", {100 * k.retention.value:.0f} % kept" if k.retention is not None else ""
    return f"{k.ability} ({k.claim}): {k.reference} -> {k.after}{share}: {k.fate}"


def compress(
    model: str | Path | Encoder | None,
    recipe: str | Compression,
    out: str | Path,
    *,
    task: str | Path | Sequence[str | Path] | Task | None = None,
    text: str | Path | Corpus | None = None,
    goal: Goal = Goal(),  # noqa: B008 (a tuple)
    abilities: Sequence[str] | None = (),
    protect: Sequence[str] = (),
    least: float = 0.95,
    scale: float = 1.0,
    tuning: FineTuning = STANDARD,
    label: str = "",
    limit: int | None = None,
    like: str | Path | None = None,
    seed: int = 0,
    progress: Progress = QUIET,
    **loading: Any,
) -> Compressed:
    """Makes an encoder smaller by a recipe (or the recipe of a name), and measures what is kept and what is forgotten.

    `task` is labelled files (train/task.py); the whole encoder is tuned for it first, unless it has such a head. `text` is running
    text. `abilities` are names or claims (all when empty, none when None), measured at `scale` of the embedded corpora; those of `protect` steer
    recipes by-ability, each keeping `least` of itself on sentences of another seed. `like` is the folder of another compression of the same encoder
    for the same task, whose tuned whole encoder and runs are taken over. `loading` goes to `load`. Raises BadRequest for what the recipe cannot do, ForeignRun for a folder with something else.
    """
    chosen = recipes.recipe(recipe) if isinstance(recipe, str) else recipe
    wanted = registry.abilities(abilities) if abilities is not None else []
    protected = registry.abilities(protect) if protect else []
    original = model if isinstance(model, Encoder) else load(model, **loading)
    labelled = _task(task, label, limit, seed)
    running = texts.read(text) if isinstance(text, str | Path) else text
    chosen.check(original, labelled, running, goal)
    place = Path(out)
    identity = {
        "encoder": original.fingerprint, "recipe": plain(chosen), "goal": plain(goal), "seed": seed, "tuning": plain(tuning),
        "task": labelled and _key(labelled), "text": running and running.fingerprint,
        "protect": [f"{a.name} ({c.id})" for c, a in protected], "least": least,
    }  # fmt: skip
    _open(place, identity)
    if like is not None:
        _take_over(Path(like), place, identity)
    tuned = original
    if labelled is not None:
        note = lambda what, done, total: progress("tuning the whole encoder", done, total)
        tuned = _kept(
            place / "whole", original, lambda: tuned_whole(original, labelled, tuning, seed=seed, progress=note)
        )
    steer = _steering(protected, tuned, seed) if protected else None
    make = lambda: chosen(
        original, tuned, task=labelled, text=running, goal=goal, tuning=tuning, seed=seed, progress=progress, measure=steer,
        least=least,
    )  # fmt: skip
    small, stored, log = _made(place, original, make)
    kept: list[Kept] = []
    if wanted:
        kept = _abilities(
            place, wanted, original, tuned if labelled is not None else None, small, scale, seed, progress
        )
    record = _record(place, chosen, goal if goal.kind else chosen.at, original, tuned, small, labelled, stored, log, kept, identity, seed)  # fmt: skip
    record.write(place)
    page = place / "retention.html"
    with disk(page), whole(page) as part:
        part.write_text(report.render_retention(record), encoding="utf-8")
    card = place / "model" / "README.md"
    with disk(card), whole(card) as part:
        part.write_text(report.model_card(record, chosen.says), encoding="utf-8")
    return Compressed(record, place / "model", page)


def pareto(folders: Sequence[str | Path], out: str | Path) -> Path:
    """A page with the front of size and of speed against what is kept, over finished compressions. Raises BadRequest, BadInput."""
    if not folders:
        raise BadRequest("no folder was given.", "Give folders that `bertology compress --out` wrote.")
    records = [Retention.read(folder) for folder in folders]
    page = Path(out)
    with disk(page), whole(page) as part:
        part.write_text(report.render_pareto(records), encoding="utf-8")
    return page


def listed() -> list[dict[str, Any]]:
    """Every recipe with its study and the survey's figures, for `bertology compress --list`."""
    return [
        {
            "name": r.name, "study": r.study, "kind": r.kind, "cites": list(r.cites), "says": r.says, "needs": list(r.needs),
            "goals": list(r.goals), "differs": r.differs, "published": r.published and {**r.published._asdict(), "status": "unchecked"},
        }
        for r in recipes.RECIPES.values()
    ]  # fmt: skip


def _task(given: Any, label: str, limit: int | None, seed: int) -> Task | None:
    if given is None or isinstance(given, Task):
        return given
    files = [given] if isinstance(given, str | Path) else list(given)
    found = read(files, label=label or None, seed=seed)
    return found if limit is None else found.limited(limit, seed)


def _key(task: Task) -> str:
    from bertology.record.keys import made_key

    return made_key("task", task.name, task.train, task.dev, task.test)


def _open(place: Path, identity: Mapping[str, Any]) -> None:
    """Claims the folder. Raises ForeignRun where it holds something else."""
    file = place / STARTED
    if file.is_file():
        before = read_json(file)
        differing = sorted(k for k in identity if before.get(k) != identity[k])
        if differing:
            raise ForeignRun(
                f"{place} holds a compression with another {' and '.join(differing)}.", "Give another --out."
            )
        return
    if place.is_file() or (place.is_dir() and any(place.iterdir())):
        raise ForeignRun(f"{place} is not empty and holds no compression.", "Give an empty or new folder as --out.")
    with disk(place):
        place.mkdir(parents=True, exist_ok=True)
        with whole(file) as part:
            part.write_text(write_json(identity), encoding="utf-8")


def _take_over(like: Path, place: Path, identity: Mapping[str, Any]) -> None:
    """The tuned whole encoder and its runs from another compression's folder, where this one has none yet."""
    if not (like / STARTED).is_file():
        raise BadRequest(f"{like} holds no compression.", "Give --like a folder that `bertology compress --out` wrote.")
    before = read_json(like / STARTED)
    differing = [k for k in ("encoder", "task", "tuning", "seed") if before.get(k) != identity[k]]
    if differing:
        raise BadRequest(f"{like} is a compression with another {' and '.join(differing)}.", "Leave out --like.")
    for part in ("whole", "abilities/whole", "abilities/tuned"):
        if (like / part).is_dir() and not (place / part).exists():
            beside = place / f"{part}.part"
            with disk(place):
                shutil.rmtree(beside, ignore_errors=True)
                shutil.copytree(like / part, beside)
                beside.rename(place / part)


def _kept(folder: Path, original: Encoder, make: Any) -> Encoder:
    """What `make` gives, from the folder where it was made before."""
    if not (folder / "config.json").is_file():
        write_model(make(), folder)
    return load(folder, device=str(original.device))


def write_model(encoder: Encoder, folder: Path) -> None:
    """Written beside, read again and compared, then moved to its place. Raises BadWeights where it loads to another output."""
    part = folder.with_name(f"{folder.name}.part")
    with disk(folder):
        shutil.rmtree(part, ignore_errors=True)
        encoder.model.save_pretrained(part)  # type: ignore[operator]
        encoder.tokenizer.save_pretrained(part)
        again = load(part, device=str(encoder.device))
        here, there = (forward(one, batch=2, length=12)()[0] for one in (encoder, again))
        if not torch.allclose(here, there, rtol=1e-4, atol=1e-5):
            shutil.rmtree(part, ignore_errors=True)
            off = float((here - there).abs().max())
            raise BadWeights(f"the saved model loads to other hidden states, {off:.2g} apart.", "Please report this.")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)


def _made(place: Path, original: Encoder, make: Callable[[], Work]) -> tuple[Encoder, int | None, list[str]]:
    """The smaller encoder as it loads from its folder, the bytes of its codes, and the log."""
    note, folder = place / "made.json", place / "model"
    if not note.is_file():
        try:
            work = make()
        except NotApplicable as error:
            raise BadRequest(
                f"this recipe cannot be used here: {error}.", "`bertology compress --list` names the others."
            ) from error
        write_model(work.small, folder)
        with disk(note), whole(note) as part:
            part.write_text(write_json({"stored": work.stored, "log": list(work.log)}), encoding="utf-8")
    made = read_json(note)
    return load(folder, device=str(original.device)), made["stored"], made["log"]


STEERING = 0.5
"""Scale of the corpora that steer; their seed is another one than that of the table of what was forgotten."""


def _steering(protected: Sequence[tuple[Claim, Ability]], whole: Encoder, seed: int) -> Measure:
    """The share that an encoder has of each protected ability of the whole one, above chance where that is known.

    Raises BadRequest for an ability that the whole one has not.
    """
    claims = list(dict.fromkeys(c.id for c, _ in protected))
    corpora = Corpora.load({}, seed=seed + 1, scale=STEERING)
    measured = lambda encoder: _Results(results_of(encoder, claims, corpora, seed=seed + 1))
    before = measured(whole)
    kept = lambda encoder: abilities_kept(protected, before, measured(encoder))
    lacking = [k.ability for k in abilities_kept(protected, before, before) if not k.had]
    if lacking:
        raise BadRequest(
            f"{whole.name} has no {' and no '.join(lacking)} to keep: at chance or not measurable on the sentences that steer.",
            "Protect abilities that it has: `bertology compress` without --keep-ability prints them.",
        )
    return lambda encoder: {k.ability: k.retention.value if k.retention is not None else 0.0 for k in kept(encoder)}


class _Results(NamedTuple):
    """Results in memory, as a run folder gives them."""

    held: list[Result]

    def results(self) -> list[Result]:
        return self.held


def _abilities(
    place: Path, wanted: Sequence[Any], original: Encoder, tuned: Encoder | None, small: Encoder, scale: float, seed: int, progress: Progress
) -> list[Kept]:  # fmt: skip
    claims = list(dict.fromkeys(c.id for c, _ in wanted))
    runs: dict[str, RunFolder] = {}
    for name, encoder in (("whole", original), ("tuned", tuned), ("small", small)):
        if encoder is not None:
            note = lambda what, done, total, name=name: progress(
                f"abilities of the {name} encoder: {what}", done, total
            )
            folder = place / "abilities" / name
            runs[name] = RunFolder(folder)
            if not {*claims} <= _finished(runs[name]):
                run(encoder, claims=claims, out=folder, seed=seed, scale=scale, progress=note)
    return abilities_kept(wanted, runs["whole"], runs["small"], runs.get("tuned"))


def _finished(folder: RunFolder) -> set[str]:
    """The claims that a run has results of, where its page was drawn."""
    return {r.claim for r in folder.results()} if folder.report.is_file() else set()


def _record(
    place: Path, chosen: Compression, goal: Goal, original: Encoder, tuned: Encoder, small: Encoder, task: Task | None,
    stored: int | None, log: Sequence[str], kept: Sequence[Kept], identity: Mapping[str, Any], seed: int,
) -> Retention:  # fmt: skip
    times = _times(tuned, small, task)
    nonzero = (
        sum(int((p != 0).sum()) for p in small.model.parameters()) if chosen.kind == "pruning" else small.n_parameters
    )
    record = Retention(
        original.name, chosen.name, str(goal), Cost(tuned.n_parameters, size_in_bytes(tuned), times[0]),
        Cost(nonzero if nonzero < 0.98 * small.n_parameters else small.n_parameters, stored or size_in_bytes(small), times[1], stored is not None),
        abilities=tuple(kept), log=tuple(log), identity=identity,
    )  # fmt: skip
    if task is None:
        return record
    before, after, share = _scores(tuned, small, task, seed)
    return replace(
        record, task=task.name, measure=task.measure, majority=task.majority, score_before=before, score_after=after, score_kept=share,
    )  # fmt: skip


def _times(tuned: Encoder, small: Encoder, task: Task | None) -> list[dict[str, float]]:
    """Seconds a text of the whole and of the smaller at batch 1 and 32, measured in turns: test texts where there is a task."""
    calls: dict[str, list[Any]] = {}
    for size in (1, BATCH):
        if task is None:
            calls[str(size)] = [forward(one, batch=size, length=LENGTH) for one in (tuned, small)]
        else:
            calls[str(size)] = [_reading(one, task, size) for one in (tuned, small)]
    found: list[dict[str, float]] = [{}, {}]
    for size, (a, b) in calls.items():
        texts = int(size) if task is None else min(max(8, int(size)), len(task.test))
        taken = np.array([[seconds(a, repeats=1), seconds(b, repeats=1)] for _ in range(7)])
        for k in (0, 1):
            found[k][size] = float(np.median(taken[:, k])) / texts
    return found


def _reading(encoder: Encoder, task: Task, size: int) -> Any:
    """A pass of the model with its head over test texts, in batches of `size`."""
    lines = encoded(encoder, task, task.test[: max(8, size)])
    given = list(batches(lines, task, size, encoder.tokenizer.pad_token_id or 0, encoder.device))
    return over(lambda inputs: encoder.model(**inputs), given)


def _scores(tuned: Encoder, small: Encoder, task: Task, seed: int) -> tuple[Estimate, Estimate, Estimate]:
    """Test scores of both and the share kept; intervals resample test examples, jointly."""
    both = [scored(one, task) for one in (tuned, small)]
    values = [s.score() for s in both]
    rng, n = np.random.default_rng([seed, 13]), len(task.test)
    drawn = np.array([[s.score(pick) for s in both] for pick in (rng.integers(n, size=n) for _ in range(500))])
    made = lambda v, d, unit: Estimate(float(v), *map(float, np.quantile(d, [0.025, 0.975])), n=n, unit=unit, method="bootstrap over test examples")  # fmt: skip
    share = drawn[:, 1] / np.maximum(drawn[:, 0], 1e-9)
    return (
        made(values[0], drawn[:, 0], task.measure),
        made(values[1], drawn[:, 1], task.measure),
        made(values[1] / max(values[0], 1e-9), share, ""),
    )


__all__ = ["FILE", "Compressed", "compress", "listed", "pareto"]
