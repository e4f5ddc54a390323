"""Commands that make an encoder: pretrain, finetune, compress, pareto, redundancy, export."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from bertology.cli.options import (
    Bar,
    Device,
    Json,
    Label,
    Limit,
    Model,
    On,
    Pickle,
    Remote,
    Seed,
    app,
    count,
    files,
    print_json,
    protected,
    say,
    size_of,
    split,
    times,
)
from bertology.record.errors import BadInput


@app.command()
def pretrain(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe's name, or `list` to see all.")],
    text: Annotated[list[Path] | None, typer.Option("--text", help="Text files to train on; repeatable, wildcards allowed.")] = None,
    out: Annotated[Path, typer.Option(help="The training's folder; the same command goes on with an unfinished one.")] = Path("runs/pretraining"),
    tokens: Annotated[str, typer.Option(help="Budget in tokens: 500k, 50M, 1.5B.")] = "",
    minutes: Annotated[float | None, typer.Option(help="Budget in minutes; the schedule ends when they do.")] = None,
    valid: Annotated[list[Path] | None, typer.Option("--valid", help="Held-out text files; repeatable.")] = None,
    claims: Annotated[str, typer.Option(help="Claims to run at every checkpoint: ids, prefixes, sections.")] = "",
    small: Annotated[bool, typer.Option("--small", help="The recipe at a laptop's scale: 4 layers of width 128.")] = False,
    tokenizer: Annotated[Path | None, typer.Option(help="A folder with a tokenizer, instead of training one.")] = None,
    checkpoints: Annotated[int, typer.Option(help="How many, evenly over the budget.")] = 10,
    precision: Annotated[str, typer.Option(help="auto (measured), float32 or bfloat16.")] = "auto",
    compiled: Annotated[bool, typer.Option("--compile", help="Use torch.compile; needs a C++ compiler.")] = False,
    on: On = "local",
    processes: Annotated[int, typer.Option(help="With --on ray: processes that share each step (Ray Train); their folders must be on one disk. Locally, start this command with torchrun instead.")] = 1,
    seed: Seed = 0, device: Device = "cpu", as_json: Json = False,
) -> None:  # fmt: skip
    """Trains an encoder from raw text: tokenizer, checkpoints, log, a model that transformers loads."""
    from bertology import acquisition
    from bertology.train import recipes
    from bertology.train.engine import first_process

    if recipe == "list":
        rows = [
            {"name": r.name, "cites": list(r.cites), "family": r.architecture.family} for r in recipes.RECIPES.values()
        ]
        print_json(rows) if as_json else [
            typer.echo(f"{r['name']:<16} {r['family']:<11} {', '.join(r['cites'])}") for r in rows
        ]
        return
    chosen = recipes.small(recipes.recipe(recipe)) if small else recipes.recipe(recipe)
    given = {
        "text": files(text), "valid": files(valid), "tokenizer": tokenizer, "seed": seed, "tokens": count(tokens), "minutes": minutes,
        "checkpoints": checkpoints, "precision": precision, "compiled": compiled, "device": device,
    }  # fmt: skip
    if on != "local":
        from bertology import on_ray

        on_ray.train(on, processes, _trained_in, place=Path.cwd(), recipe=chosen, out=out, **given)
    with Bar() as progress:  # what was trained elsewhere is finished: it is read, run against claims and drawn here
        done = acquisition.pretrain(chosen, out=out, **given, claims=split(claims), progress=progress)
    trained = done.trained
    if not first_process():
        return
    if as_json:
        print_json({**trained._asdict(), "page": done.page})
        return
    typer.echo(
        f"{trained.tokens:,} tokens in {trained.steps:,} steps, {trained.seconds / 60:.1f} minutes; last loss {trained.loss:.3f}"
    )
    typer.echo(f"{trained.model}\n{done.page}")


def _trained_in(place: Path, **given: Any) -> None:
    """Pre-training in another process, from the folder where it was asked for."""
    from bertology import acquisition

    os.chdir(place)
    acquisition.pretrain(**given)


@app.command()
def finetune(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A folder or hub id; `list` shows the recipes.")],
    task: Annotated[list[Path] | None, typer.Option("--task", help="A file (.jsonl, .csv, .tsv, .conll, .gz) or a folder with train, dev, test; repeatable.")] = None,
    recipe: Annotated[str, typer.Option(help="A recipe's name.")] = "standard",
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 5,
    out: Annotated[Path | None, typer.Option(help="A folder for the best model and the scores.")] = None,
    label: Label = "",
    limit: Limit = None,
    epochs: Annotated[float | None, typer.Option(help="Instead of the recipe's.")] = None,
    rate: Annotated[float | None, typer.Option(help="Peak learning rate instead of the recipe's.")] = None,
    batch: Annotated[int | None, typer.Option(help="Examples a batch instead of the recipe's.")] = None,
    precision: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "float32",
    seed: Seed = 0, device: Device = "cpu", allow_pickle: Pickle = False, trust_remote_code: Remote = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Fine-tunes an encoder on a task: mean, spread over seeds, interval, and the best model.

    JSON lines hold {"text", "label"}, {"text", "text2", "label"} or {"words", "labels"}; tables a header with text or sentence columns and
    a label column; CoNLL a word and its tag a line.
    """
    from bertology.tuning import finetune_files, recipe_names

    if model == "list":
        print_json(recipe_names()) if as_json else [typer.echo(name) for name in recipe_names()]
        return
    with Bar() as progress:
        done = finetune_files(
            model, files(task), recipe=recipe, seeds=seeds, out=out, label=label, limit=limit, seed=seed, progress=progress,
            changes={"epochs": epochs, "rate": rate, "batch": batch, "precision": precision},
            device=device, allow_pickle=allow_pickle, trust_remote_code=trust_remote_code,
        )  # fmt: skip
    say(done, as_json)


@app.command()
def compress(
    model: Model = None,
    recipe: Annotated[str, typer.Option(help="A recipe's name; by-ability where --keep-ability is given.")] = "",
    task: Annotated[list[Path] | None, typer.Option("--task", help="Labelled files, as for finetune; repeatable.")] = None,
    text: Annotated[Path | None, typer.Option("--text", help="Running text, for recipes that read it.")] = None,
    speedup: Annotated[str, typer.Option(help="Measured here: 2x, 3x.")] = "",
    keep: Annotated[float | None, typer.Option(help="Share of the layers' parameters (or layers) that stays.")] = None,
    size: Annotated[str, typer.Option("--bytes", help="10MB, 500kB.")] = "",
    out: Annotated[Path | None, typer.Option(help="A folder for the smaller model and the table of what it kept.")] = None,
    abilities: Annotated[str, typer.Option(help="Abilities or claims to measure, separated by commas; `none` for none; all by default.")] = "",
    keep_ability: Annotated[str, typer.Option(help="For recipes by-ability: abilities or claims and the share to keep, e.g. agreement,syn-05>=0.95.")] = "",
    scale: Annotated[float, typer.Option(help="Size of the embedded corpora that abilities are measured on.")] = 1.0,
    label: Label = "",
    limit: Limit = None,
    epochs: Annotated[float | None, typer.Option(help="Of a fine-tuning.")] = None,
    rate: Annotated[float | None, typer.Option(help="Peak learning rate of a fine-tuning.")] = None,
    like: Annotated[Path | None, typer.Option(help="Another compression's folder, same encoder and task: its tuned whole encoder is taken over.")] = None,
    list_all: Annotated[bool, typer.Option("--list", help="Every recipe with its study and published figures.")] = False,
    seed: Seed = 0, device: Device = "cpu", allow_pickle: Pickle = False, trust_remote_code: Remote = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Makes an encoder smaller, and says what it forgot."""
    from dataclasses import replace

    from bertology import compressing
    from bertology.compress.recipe import STANDARD, Goal

    if list_all:
        rows = compressing.listed()
        print_json(rows) if as_json else [typer.echo(_recipe_line(r)) for r in rows]
        return
    if out is None:
        raise BadInput("no folder was given for the smaller model.", "Give --out DIR.")
    given = {"epochs": epochs, "rate": rate}
    tuning = replace(STANDARD, **{k: v for k, v in given.items() if v is not None})
    goal = Goal(times(speedup), keep, size_of(size))
    protect, least = protected(keep_ability)
    with Bar() as progress:
        done = compressing.compress(
            model, recipe or ("by-ability" if protect else "structured"), out, task=files(task) or None, text=text, goal=goal,
            abilities=None if abilities == "none" else split(abilities), protect=protect, least=least, scale=scale, tuning=tuning, label=label, limit=limit, like=like,
            seed=seed, progress=progress, device=device, allow_pickle=allow_pickle, trust_remote_code=trust_remote_code,
        )  # fmt: skip
    say(done, as_json)


@app.command()
def pareto(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders that compress wrote.")],
    out: Annotated[Path, typer.Option(help="The page.")] = Path("pareto.html"),
    as_json: Json = False,
) -> None:
    """Several compressions on one page: what each saves against what it keeps, for every ability."""
    from bertology.compressing import pareto as draw

    page = draw(folders, out)
    print_json({"page": str(page)}) if as_json else typer.echo(str(page))


@app.command()
def redundancy(
    model: Model = None,
    task: Annotated[list[Path] | None, typer.Option("--task", help="Labelled files, as for finetune; the encoder is tuned for them first.")] = None,
    text: Annotated[Path | None, typer.Option("--text", help="Running text instead of a task; the embedded one by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="A folder for the page and the numbers.")] = None,
    parts: Annotated[str, typer.Option(help="Of heads, neurons, layers, dimensions, weights, bits; all by default.")] = "",
    limit: Limit = None,
    examples: Annotated[int, typer.Option(help="At most so many test examples or sentences for each point of a curve.")] = 300,
    label: Label = "",
    recipe: Annotated[str, typer.Option(help="The fine-tuning recipe.")] = "standard",
    seed: Seed = 0, device: Device = "cpu", allow_pickle: Pickle = False, trust_remote_code: Remote = False, as_json: Json = False,
) -> None:  # fmt: skip
    """How overparameterized is it? Heads, neurons, layers, dimensions, weights and bits that can go, with curves."""
    from bertology.compress.redundancy import PARTS
    from bertology.redundancy import redundancy_job

    with Bar() as progress:
        done = redundancy_job(
            model, files(task), out=out, on=text, label=label, limit=limit, recipe=recipe, parts=split(parts) or PARTS, examples=examples,
            seed=seed, progress=progress, device=device, allow_pickle=allow_pickle, trust_remote_code=trust_remote_code,
        )  # fmt: skip
    say(done, as_json)


@app.command()
def export(
    model: Model = None,
    to: Annotated[str, typer.Option(help="onnx, openvino, or none for the ladder alone.")] = "onnx",
    int8: Annotated[bool, typer.Option("--int8", help="Weights and activations in 8 bits.")] = False,
    out: Annotated[Path | None, typer.Option(help="A folder for the file, its tokenizer and the report.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write it although it drifts or is slower.")] = False,
    ladder: Annotated[bool, typer.Option("--ladder", help="Also time every form of inference there is on this machine.")] = False,
    against: Annotated[str | None, typer.Option("--against", help="With --ladder: the encoder that MODEL was made from, as its base.")] = None,
    text: Annotated[Path | None, typer.Option("--text", help="Running text to measure on; the embedded one by default.")] = None,
    task: Annotated[list[Path] | None, typer.Option("--task", help="Labelled files that score the ladder's rungs.")] = None,
    label: Label = "",
    seed: Seed = 0, allow_pickle: Pickle = False, trust_remote_code: Remote = False, as_json: Json = False,
) -> None:  # fmt: skip
    """ONNX or OpenVINO, with parity and speed measured here; what drifts or is slower is refused."""
    from bertology.exporting import export_job

    if out is None:
        raise BadInput("no folder was given for the export.", "Give --out DIR.")
    if to not in ("onnx", "openvino", "none"):
        raise BadInput(f"there is no export to {to!r}.", "Choose onnx, openvino, or none with --ladder.")
    if against is not None and not ladder:
        raise BadInput("--against is the base of a ladder, and none was asked for.", "Add --ladder.")
    with Bar() as progress:
        done = export_job(
            model, out, to=None if to == "none" else to, int8=int8, force=force, climb=ladder, against=against, on=text, files=files(task), label=label,
            seed=seed, progress=progress, allow_pickle=allow_pickle, trust_remote_code=trust_remote_code,
        )  # type: ignore[arg-type]  # fmt: skip
    say(done, as_json)


def _recipe_line(r: dict[str, Any]) -> str:
    """A recipe as `compress --list` shows it; figures of Table 1 are unchecked."""
    p = r["published"] or {}
    times = lambda x: "" if x is None else f"{x[0]:g} to {x[1]:g}x" if isinstance(x, tuple) else f"{x:g}x"
    share = lambda x: (
        "" if x is None else f"{100 * x[0]:g} to {100 * x[1]:g} %" if isinstance(x, tuple) else f"{100 * x:g} %"
    )
    line = f"{r['name']:<20} {r['kind']:<13} {r['study']:<44} "
    if p:
        line += f"{times(p['smaller']):>12} {share(p['kept']):>12} {times(p['faster']):>10}  of {p['base']}, unchecked"
    return line.rstrip()
